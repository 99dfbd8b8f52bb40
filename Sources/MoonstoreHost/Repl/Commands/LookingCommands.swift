import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  private func answer(_ lines: [String], _ data: Value, _ view: ReplView) -> ReplResult {
    var result = ReplResult(.ok, text: lines.joined(separator: "\n"))
    if view.wantsData { result.values = [data] }
    return result
  }

  // MARK: Stores

  func listStores(_ view: ReplView) throws(StoreError) -> ReplResult {
    var rows: [[String]] = []
    var data: [Value] = []
    for id in system.registry.ids {
      let store = try system.registry.live(id)
      rows.append([
        PrintedText.line(id), place(of: store), "\(store.root.count) fields",
        "\(store.getterNames.count) getters", "\(store.actions.count) actions",
      ])
      data.append([
        "id": .string(id), "script": store.owner.map(Value.string) ?? .null,
        "line": line(of: store).map { .integer(Int64($0)) } ?? .null,
        "fields": .integer(Int64(store.root.count)),
        "getters": .integer(Int64(store.getterNames.count)),
        "actions": .integer(Int64(store.actions.count)),
      ])
    }
    if rows.isEmpty { return answer(["there are no stores"], .array([]), view) }
    return answer(Columns.lines(rows), .array(data), view)
  }

  private func place(of store: LiveStore) -> String {
    guard let owner = store.owner else { return "in Swift" }
    return PrintedText.line(line(of: store).map { "\(owner):\($0)" } ?? owner)
  }

  /// The line at which its definition begins.
  private func line(of store: LiveStore) -> Int? {
    let text = store.owner.flatMap { scripts[$0]?.text } ?? ""
    return ScriptReader(text).definitions[store.id] ?? store.line
  }

  func inspect(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) throws(StoreError) -> ReplResult {
    if call.rest.isEmpty { throw call.wrong("which store?") }
    let store = try system.registry.live(call.rest)
    let described = try describe()
    guard let known = described.stores.first(where: { $0.id == store.id }) else {
      return ReplResult(.ok)
    }
    var size = StateSize()
    size.count(store.root)
    let subscribers = store.subscriptionCount
    var data = Value(encoding: known).mapValue ?? [:]
    data["parts"] = .integer(Int64(size.parts))
    data["bytes"] = .integer(Int64(size.bytes))
    data["subscribers"] = .integer(Int64(subscribers))
    var lines: [[String]] = []
    func add(_ word: String, _ text: String) {
      if !text.isEmpty { lines.append([word, PrintedText.line(text)]) }
    }
    func add(_ word: String, _ texts: [String]) { add(word, texts.joined(separator: ", ")) }
    add(
      "store",
      store.id + (store.definition.name == store.id ? "" : " \"\(store.definition.name)\"")
    )
    let line = known.line.map { ":\($0)" } ?? ""
    add("defined", (store.owner ?? "in Swift") + line)
    add("version", "\(store.definition.version) of its state")
    if let owner = store.owner, let history = histories[owner], let unit = scripts[owner] {
      let others = history.versions.map(\.number).filter { $0 != unit.version }
      let kept = others.isEmpty ? "" : "; kept: \(others.map(String.init).joined(separator: ", "))"
      add("script", "version \(unit.version)\(kept)")
      data["scriptVersion"] = .integer(Int64(unit.version))
    }
    add("size", "\(size.parts) parts, about \(UInt(size.bytes).bytesText)")
    for (index, field) in known.state.sorted(by: { $0.key < $1.key }).enumerated() {
      lines.append([
        index == 0 ? "state" : "", PrintedText.line("\(field.key): \(field.value)"),
      ])
    }
    add("getters", known.getters)
    add(
      "actions",
      known.actions.map { "\($0.name)(\(($0.parameters ?? ["..."]).joined(separator: ", ")))" }
    )
    add("depends on", known.record.dependencies)
    add("used by", known.record.dependents)
    add("handles", known.handles)
    add("answers", known.answers)
    add("subscribers", "\(subscribers)")
    let permissions = store.definition.permissions
    add(
      "permits",
      permissions.map { $0.isEmpty ? "nothing" : $0.map(\.text).joined(separator: ", ") }
        ?? "read, call (nothing is declared)"
    )
    add(
      "this session",
      ["read", "call", "write"].filter { name in
        let right: Rights = name == "read" ? .read : name == "call" ? .call : .write
        return system.access.allows(session.unit.grant, Access(right, store, .store))
      }.joined(separator: ", ")
    )
    return answer(Columns.lines(lines), .map(data), view)
  }

  func showDependencies(
    _ call: ReplCommand.Call,
    _ view: ReplView
  ) throws(StoreError) -> ReplResult {
    let described = try describe()
    if !call.rest.isEmpty { _ = try system.registry.live(call.rest) }
    let shown = described.stores.filter { call.rest.isEmpty || $0.id == call.rest }
    var lines: [[String]] = []
    for store in shown {
      var words: [String] = []
      for (word, ids) in [
        ("depends on", store.record.dependencies), ("used by", store.record.dependents),
      ] where !ids.isEmpty {
        words.append("\(word) \(ids.joined(separator: ", "))")
      }
      lines.append([
        PrintedText.line(store.id),
        PrintedText.line(words.isEmpty ? "stands alone" : words.joined(separator: "; ")),
      ])
    }
    let scripts = shown.compactMap(\.record.script)
    let ids = shown.map(\.id)
    for message in described.messages {
      let senders = message.senders.map(\.script)
      let hearers = message.handlers + message.responders
      guard
        call.rest.isEmpty || senders.contains(where: scripts.contains)
          || hearers.contains(where: ids.contains)
      else { continue }
      let from =
        senders.isEmpty ? "nobody by this name" : Set(senders).sorted().joined(separator: ", ")
      let to = hearers.isEmpty ? "nobody" : hearers.joined(separator: ", ")
      lines.append([PrintedText.line(message.type), PrintedText.line("\(from) -> \(to)")])
    }
    return answer(
      Columns.lines(lines),
      ["stores": Value(encoding: shown), "messages": Value(encoding: described.messages)],
      view
    )
  }

  // MARK: What happened

  private func count(_ word: Substring, of call: ReplCommand.Call) throws(StoreError) -> Int {
    guard let count = Int(word), count > 0, count <= 1_000 else {
      throw call.wrong("'\(word)' is no number from 1 to 1000")
    }
    return count
  }

  func listMessages(
    _ call: ReplCommand.Call,
    _ view: ReplView
  ) throws(StoreError) -> ReplResult {
    var words = call.rest.split(separator: " ")
    var count = 20
    if let last = words.last, last.first?.isNumber == true {
      count = try self.count(last, of: call)
      words.removeLast()
    }
    guard words.count <= 1 else { throw call.wrong("this is too much") }
    let type = words.first.map { Glob(String($0)) }
    let found = system.bus.recentMessages(type == nil ? count : .max)
      .filter { type?.matches($0.type) ?? true }.prefix(count).reversed()
    let lines = found.map { message in
      [
        Clock.text(of: message.timestamp), PrintedText.line(message.type),
        PrintedText.line(message.from + (message.to.map { " -> \($0)" } ?? "")),
        message.isHandled ? "" : "not handled", PlainText.flat(message.payload, upTo: 100),
      ]
    }
    if lines.isEmpty { return answer(["no such messages are remembered"], .array([]), view) }
    return answer(Columns.lines(lines), .array(found.map { Value(encoding: $0.record) }), view)
  }

  func listEvents(
    _ call: ReplCommand.Call,
    _ view: ReplView
  ) throws(StoreError) -> ReplResult {
    let count = call.rest.isEmpty ? 20 : try self.count(call.rest[...], of: call)
    let events = system.registry.recentEvents(count)
    let lines = events.map { event in
      [
        Clock.text(of: event.timestamp), PrintedText.line(event.type),
        PrintedText.line(event.source + (event.target.map { " -> \($0)" } ?? "")),
        PlainText.flat(event.payload, upTo: 100),
      ]
    }
    if lines.isEmpty { return answer(["there were no events"], .array([]), view) }
    return answer(Columns.lines(lines), .array(events.map { Value(encoding: $0.record) }), view)
  }

  func diff(_ view: ReplView, _ session: SessionState) -> ReplResult {
    let text = ChangeText(width: view.width).lines(session.lastChanges)
    return answer(
      [text.isEmpty ? "the last entry changed nothing" : text],
      .array(session.lastChanges.flatMap(\.patches).map(\.record)),
      view
    )
  }

  func undo(_ session: SessionState, _ view: ReplView) throws(StoreError) -> ReplResult {
    guard let point = session.undoPoint else {
      throw StoreError(
        .invalidArgument,
        ":undo: the last entry changed nothing that could be taken back"
      )
    }
    let count = try point.takeBack(in: self, session)
    session.undoPoint = nil
    session.lastChanges = []
    return answer(
      ["took back \(count) \(count == 1 ? "change" : "changes")"],
      .integer(Int64(count)),
      view
    )
  }
}

/// How much a state holds.
struct StateSize {
  private(set) var parts = 0
  private(set) var bytes = 0

  mutating func count(_ node: StateNode) {
    bytes += 120
    for slot in node.slots where !slot.isEmpty {
      parts += 1
      bytes += 24
      switch slot {
      case .string(let string): bytes += string.utf8.count
      case .bytes(let more): bytes += more.count
      case .node(let child): count(child)
      default: break
      }
    }
  }
}

/// Rows as text, with columns of the same width.
enum Columns {
  static func lines(_ rows: [[String]]) -> [String] {
    var widths: [Int] = []
    for row in rows {
      for (index, cell) in row.dropLast().enumerated() {
        if index == widths.count { widths.append(0) }
        widths[index] = max(widths[index], cell.columns)
      }
    }
    return rows.map { row in
      var line = ""
      for (index, cell) in row.enumerated() {
        line += cell
        if index < row.count - 1 {
          line += String(repeating: " ", count: widths[index] - cell.columns + 2)
        }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

/// Times of day.
enum Clock {
  static func text(of seconds: Double) -> String {
    let iso = Timestamp.iso(seconds) ?? ""
    return String(iso.dropFirst(11).dropLast())
  }
}

/// A pattern with `*` for any text.
struct Glob {
  private let parts: [String]

  init(_ pattern: String) {
    parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
  }

  func matches(_ text: String) -> Bool {
    guard parts.count > 1 else { return text == parts[0] }
    guard text.hasPrefix(parts[0]) else { return false }
    var rest = text.dropFirst(parts[0].count)
    for part in parts[1..<(parts.count - 1)] where !part.isEmpty {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return rest.count >= parts[parts.count - 1].count && rest.hasSuffix(parts[parts.count - 1])
  }
}
