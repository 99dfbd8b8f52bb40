import MoonLua
import MoonLuaSyntax
import MoonValue
import MoonstoreCore

/// Finds what could stand at the end of a text, from what is there: no code of scripts runs.
struct Completer {
  private let engine: HostEngine
  private let session: SessionState

  static let maximum = 200
  /// Keys of one table that are looked at.
  private static let lookedAt = 2_000

  init(_ engine: HostEngine, _ session: SessionState) {
    self.engine = engine
    self.session = session
  }

  func completions(for text: String) -> ReplCompletions {
    let line = text.drop { $0.isWhitespace }
    if line.first == ":" {
      guard let space = line.firstIndex(where: \.isWhitespace) else {
        let items = ReplCommand.all.map { ReplCompletion($0.name, "command", $0.summary) }
        return made(String(line), items)
      }
      let rest = String(line[space...])
      switch line[..<space] {
      case ":inspect", ":deps": return made(lastWord(rest), storeItems)
      case ":doc", ":source", ":trace": return made(lastWord(rest), storeItems + memberItems)
      case ":messages": return made(lastWord(rest), messageItems)
      case ":help":
        return made(
          lastWord(rest),
          ReplCommand.all.map { ReplCompletion($0.name, "command", $0.summary) }
        )
      case ":dry", ":time", ":watch", ":print": return lua(rest)
      default: return ReplCompletions(replacing: 0, [])
      }
    }
    return lua(text)
  }

  private func lastWord(_ text: String) -> String {
    String(text.reversed().prefix { !$0.isWhitespace }.reversed())
  }

  /// Those that begin with what is there; nothing where that is already all.
  private func made(_ partial: String, _ items: [ReplCompletion]) -> ReplCompletions {
    var seen: Set<String> = []
    let found = items.filter { $0.text.hasPrefix(partial) && seen.insert($0.text).inserted }
      .sorted { $0.text < $1.text }
    return ReplCompletions(
      replacing: partial.unicodeScalars.count,
      Array(found.prefix(Completer.maximum))
    )
  }

  // MARK: Names

  private var storeItems: [ReplCompletion] {
    engine.system.registry.ids.map { ReplCompletion(PrintedText.line($0), "store") }
  }

  private var memberItems: [ReplCompletion] {
    engine.system.registry.ids.flatMap { id -> [ReplCompletion] in
      guard let store = engine.system.registry.find(id) else { return [] }
      return store.actions.map {
        ReplCompletion("\(id):\($0.name)", "action", parameters(of: $0))
      } + store.getterNames.map { ReplCompletion("\(id).\($0)", "getter") }
    }
  }

  private var messageItems: [ReplCompletion] {
    let (handlers, responders) = engine.system.bus.members
    var types = Set(handlers.keys).union(responders.keys)
    for message in engine.system.bus.recentMessages(200) { types.insert(message.type) }
    types.remove("*")
    return types.map { ReplCompletion(PrintedText.line($0), "message") }
  }

  private func parameters(of action: LiveStore.Action) -> String {
    let names = engine.machine.parameters(ofAction: action.number) ?? ["..."]
    return "(\(names.joined(separator: ", ")))"
  }

  // MARK: Lua

  private func lua(_ text: String) -> ReplCompletions {
    let code = LuaCode(text)
    guard !code.endsInComment else { return ReplCompletions(replacing: 0, []) }
    guard let last = code.tokens.last else { return made("", globalItems) }
    if last.kind == .string {
      guard last.isOpen else { return ReplCompletions(replacing: 0, []) }
      return inText(String(last.text.dropFirst()), code)
    }
    // Behind what no name can follow.
    let isAtEnd = code.endsWithToken
    if isAtEnd, [")", "]", "}"].contains(last.text) || last.kind == .number {
      return ReplCompletions(replacing: 0, [])
    }
    var before = code.tokens.count
    var partial = ""
    if isAtEnd, last.kind == .name || last.kind.isKeyword {
      partial = last.text
      before -= 1
    }
    guard before > 0 else { return made(partial, globalItems) }
    let symbol = code.tokens[before - 1].kind
    guard symbol == .dot || symbol == .colon else { return made(partial, globalItems) }
    guard let place = place(endingAt: before - 2, code) else {
      return ReplCompletions(replacing: partial.count, [])
    }
    return made(partial, items(of: place, isMethod: symbol == .colon))
  }

  private static let storeFunctions: Set<String> = [
    "useStore", "get", "has", "record", "dependents", "unregister", "resolveDependencies",
  ]
  private static let messageFunctions: Set<String> = [
    "send", "request", "subscribe", "answer", "on", "take", "unsubscribe",
  ]

  /// In a text that has no end yet: the ids of stores, or the types of messages.
  private func inText(_ partial: String, _ code: LuaCode) -> ReplCompletions {
    var at = code.tokens.count - 2
    if at >= 0, code.tokens[at].kind == .openParenthesis { at -= 1 }
    guard at >= 0 else { return ReplCompletions(replacing: 0, []) }
    let name = code.tokens[at].text
    let escaped = partial
    if Completer.storeFunctions.contains(name) { return made(escaped, storeItems) }
    if Completer.messageFunctions.contains(name) { return made(escaped, messageItems) }
    return ReplCompletions(replacing: 0, [])
  }

  // MARK: Places

  private enum Place {
    case store(LiveStore)
    case node(StateNode)
    case table(LuaTable)
  }

  /// What the chain of names that ends at a token leads to.
  private func place(endingAt end: Int, _ code: LuaCode) -> Place? {
    var steps: [Value.Key] = []
    var at = end
    while at >= 0 {
      switch code.tokens[at].kind {
      case .name:
        steps.insert(.string(code.tokens[at].text), at: 0)
        let symbol = at > 0 ? code.tokens[at - 1].kind : .end
        guard symbol == .dot else { return symbol == .colon ? nil : resolve(steps) }
        at -= 2
      case .closeBracket:
        guard at >= 2, code.tokens[at - 2].kind == .openBracket, let key = code.tokens[at - 1].key
        else { return nil }
        steps.insert(key, at: 0)
        at -= 3
      case .closeParenthesis:
        // useStore("cart").
        guard at >= 3, code.tokens[at - 3].text == "useStore",
          case .string(let id) = code.tokens[at - 1].key,
          let store = engine.system.registry.find(id)
        else { return nil }
        return follow(steps[...], from: .store(store))
      default: return nil
      }
    }
    return nil
  }

  private func resolve(_ steps: [Value.Key]) -> Place? {
    guard let first = steps.first, case .string(let name) = first else { return nil }
    return follow(steps.dropFirst(), from: place(of: global(name)))
  }

  /// A global without running what makes it, except for what the host itself makes.
  private func global(_ name: String) -> LuaValue {
    let environment = session.unit.environment
    if let value = try? environment.get(.string(name)), !value.isNil { return value }
    let made = try? engine.preludeFunction("global").call(
      .table(environment),
      .data(.string(name))
    )
    return made?.first ?? .nil
  }

  private func place(of value: LuaValue) -> Place? {
    switch value {
    case .table(let table):
      let behind = try? engine.preludeFunction("behind").call(.table(table))
      if case .table(let library) = behind?.first { return .table(library) }
      return .table(table)
    case .opaque(let opaque):
      if let entry = opaque.instance(kind: ObjectKind.store, as: StoreEntry.self) {
        return entry.live.map(Place.store)
      }
      return opaque.instance(kind: ObjectKind.part, as: StateNode.self).map(Place.node)
    default: return nil
    }
  }

  private func follow(_ steps: ArraySlice<Value.Key>, from start: Place?) -> Place? {
    var place = start
    for step in steps {
      switch place {
      case .store(let store): place = self.place(of: step, in: store.root)
      case .node(let node): place = self.place(of: step, in: node)
      case .table(let table): place = (try? table.get(step)).flatMap(self.place)
      case nil: return nil
      }
    }
    return place
  }

  private func place(of key: Value.Key, in node: StateNode) -> Place? {
    let position = node.position(of: key)
    return position < 0 ? nil : node.slots[position].node.map(Place.node)
  }

  // MARK: Items

  private var globalItems: [ReplCompletion] {
    var items = TokenKind.keywords.compactMap(\.text).map { ReplCompletion($0, "keyword") }
    items += engine.system.registry.ids.filter(PrintedText.isName)
      .map { ReplCompletion($0, "store") }
    items += keys(of: session.unit.environment)
    if case .table(let names) = try? engine.preludeFunction("made").call().first,
      let list = try? names.value().arrayValue
    {
      items += list.compactMap(\.stringValue).map { ReplCompletion($0, "library") }
    }
    return items
  }

  private func items(of place: Place, isMethod: Bool) -> [ReplCompletion] {
    switch place {
    case .store(let store):
      if isMethod {
        return store.actions.map { ReplCompletion($0.name, "action", parameters(of: $0)) }
      }
      guard engine.system.access.allows(session.unit.grant, Access(.read, store, .store)) else {
        return []
      }
      return keys(of: store.root)
        + store.getterNames.filter(PrintedText.isName).map { ReplCompletion($0, "getter") }
    case .node(let node): return isMethod ? [] : keys(of: node)
    case .table(let table):
      return keys(of: table).filter { !isMethod || $0.kind == "function" }
    }
  }

  private func keys(of node: StateNode) -> [ReplCompletion] {
    guard node.kind == .map else { return [] }
    var items: [ReplCompletion] = []
    for position in node.slots.indices.prefix(Completer.lookedAt)
    where !node.slots[position].isEmpty {
      guard case .string(let name) = node.key(at: position), PrintedText.isName(name) else {
        continue
      }
      var outline = StateOutline()
      let type = outline.type(of: node.slots[position])
      items.append(ReplCompletion(name, "field", type))
    }
    return items
  }

  private func keys(of table: LuaTable) -> [ReplCompletion] {
    guard let (pairs, _) = try? table.pairs(upTo: Completer.lookedAt) else { return [] }
    return pairs.compactMap { pair in
      guard case .data(.string(let name)) = pair.key, PrintedText.isName(name) else { return nil }
      switch pair.value {
      case .function: return ReplCompletion(name, "function")
      case .table: return ReplCompletion(name, "table")
      case .data, .opaque: return ReplCompletion(name, "value")
      case .nil: return nil
      }
    }
  }
}

/// The tokens of a text that is being typed, up to where the cursor stands.
private struct LuaCode {
  struct Token {
    let kind: TokenKind
    let text: String
    /// Whether it is a string that has no end yet.
    let isOpen: Bool

    /// The key that it stands for between brackets or as an argument.
    var key: Value.Key? {
      switch kind {
      case .number: Int64(text).map(Value.Key.integer)
      case .string: .string(String(text.dropFirst().dropLast()))
      default: nil
      }
    }
  }

  private(set) var tokens: [Token] = []
  /// Whether nothing stands behind the last token.
  let endsWithToken: Bool
  let endsInComment: Bool

  init(_ text: String) {
    let tree = SyntaxTree(parsing: text)
    let length = tree.source.bytes.count
    let count = tree.tokens.count - 1
    for token in 0..<count {
      let range = tree.tokens.range(of: token)
      let isOpen =
        range.upperBound == length
        && tree.problems.contains { $0.isAtEnd && $0.range == range && !range.isEmpty }
      tokens.append(
        Token(kind: tree.tokens.kinds[token], text: tree.source[range], isOpen: isOpen)
      )
    }
    endsWithToken = count > 0 && tree.tokens.range(of: count - 1).upperBound == length
    // A comment that is closed ends in a bracket or a line break.
    endsInComment =
      tree.tokens.comments.last.map { comment in
        comment.upperBound == length
          && (!tree.source[comment].hasSuffix("]")
            || tree.problems.contains { $0.range == comment })
      } ?? false
  }
}
