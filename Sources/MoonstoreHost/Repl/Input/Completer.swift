import MoonLua
import MoonLuaSyntax
import MoonValue
import MoonstoreCore
import MoonstoreInterface

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
      switch ReplCommand.named(line[..<space])?.takes {
      case .store: return made(lastWord(rest), storeItems)
      case .member: return made(lastWord(rest), storeItems + memberItems)
      case .documented:
        return made(lastWord(rest), storeItems + memberItems + engine.interfaceItems)
      case .message: return made(lastWord(rest), messageItems)
      case .command:
        return made(
          lastWord(rest),
          ReplCommand.all.map { ReplCompletion($0.name, "command", $0.summary) }
        )
      case .code: return lua(rest)
      case .nothing, .file, nil: return ReplCompletions(replacing: 0, [])
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
    var completions = lua(code)
    completions.hint = hint(code)
    return completions
  }

  private func lua(_ code: LuaCode) -> ReplCompletions {
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
    let owner = code.chain(endingAt: before - 2)
    return made(partial, described(items(of: place, isMethod: symbol == .colon), of: owner))
  }

  /// In a text that has no end yet: the ids of stores, or the types of messages, as the parameter that it is for wants.
  private func inText(_ partial: String, _ code: LuaCode) -> ReplCompletions {
    let none = ReplCompletions(replacing: 0, [])
    guard let call = code.openCall(before: code.tokens.count - 1),
      let function = ScriptInterface.current.function(named: call.name),
      function.parameters.count > call.argument
    else { return none }
    let types = function.parameters[call.argument].type.alternatives
    if types.contains("StoreID") { return made(partial, storeItems) }
    if types.contains("MessageType") || types.contains("EventMatcher") {
      return made(partial, messageItems)
    }
    return none
  }

  /// The function whose arguments are being typed, with the one that is next.
  private func hint(_ code: LuaCode) -> String {
    guard let call = code.openCall(before: code.tokens.count) else { return "" }
    if let function = ScriptInterface.current.function(named: call.name) {
      return function.hint(argument: call.argument)
    }
    guard let colon = call.name.lastIndex(of: ":"),
      let store = engine.system.registry.find(String(call.name[..<colon])),
      let action = store.action(named: String(call.name[call.name.index(after: colon)...]))
    else { return "" }
    return call.name + parameters(of: action)
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
    let interface = engine.interfaceItems.filter { !$0.text.contains { $0 == "." || $0 == ":" } }
    let known = Set(interface.map(\.text))
    items += keys(of: session.unit.environment).filter { !known.contains($0.text) }
    return items + interface.filter { $0.kind != "type" }
  }

  /// The functions of a library with their parameters.
  private func described(_ items: [ReplCompletion], of owner: String?) -> [ReplCompletion] {
    guard let owner else { return items }
    return items.map { item in
      guard let function = ScriptInterface.current.function(named: owner + "." + item.text) else {
        return item
      }
      return ReplCompletion(item.text, item.kind, function.parameterList)
    }
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
struct LuaCode {
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

  /// The names that end at a token, joined as they are: `bus`, `shop.cart`; nil where something else stands there.
  func chain(endingAt end: Int, methods: Bool = false) -> String? {
    guard end >= 0, tokens[end].kind == .name else { return nil }
    var text = tokens[end].text
    var at = end
    while at >= 2, tokens[at - 1].kind == .dot || methods && tokens[at - 1].kind == .colon {
      guard tokens[at - 2].kind == .name else { return nil }
      text = tokens[at - 2].text + (tokens[at - 1].kind == .dot ? "." : ":") + text
      at -= 2
    }
    return text
  }

  /// The call whose parentheses are open before a token, and which argument stands there, from 0.
  func openCall(before end: Int) -> (name: String, argument: Int)? {
    var depth = 0
    var argument = 0
    // Blocks of functions among the arguments that have ended.
    var blocks = 0
    for at in stride(from: end - 1, through: 0, by: -1) {
      switch tokens[at].kind {
      case .closeParenthesis, .closeBrace, .closeBracket: depth += 1
      case .openBrace, .openBracket:
        depth -= 1
        // In a table or an index, not among the arguments themselves.
        if depth < 0 { return nil }
      case .openParenthesis:
        depth -= 1
        guard depth < 0 else { continue }
        return chain(endingAt: at - 1, methods: true).map { ($0, argument) }
      case .comma where depth == 0 && blocks == 0: argument += 1
      case .endKeyword: blocks += 1
      case .function, .if, .do:
        blocks -= 1
        // In the body of a function, not among the arguments themselves.
        if blocks < 0 { return nil }
      default: break
      }
    }
    // useStore "cart": a call without parentheses.
    return chain(endingAt: end - 1, methods: true).map { ($0, 0) }
  }

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
