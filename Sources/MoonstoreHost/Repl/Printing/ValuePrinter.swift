import MoonLua
import MoonValue
import MoonstoreCore

/// Makes what is shown of a live value, without running any code of scripts.
///
/// Tables are read raw, parts of state directly, and getters are only named unless it is asked to read them.
struct ValuePrinter {
  private let engine: HostEngine
  private var system: StoreSystem { engine.system }
  private let bounds: ReplPrinting
  private let readsGetters: Bool
  private let grant: UInt16
  private var partsLeft: Int
  /// The tables above, and where they are; those that were shown before.
  private var above: [UInt: String] = [:]
  private var shown: [UInt: String] = [:]
  private var path = ""

  /// Pairs of a table without order that are looked at to be sorted.
  private static let sortedPairs = 1_000

  init(
    _ engine: HostEngine,
    _ session: SessionState,
    bounds: ReplPrinting? = nil,
    readsGetters: Bool = false
  ) {
    self.engine = engine
    self.bounds = bounds ?? session.options.printing
    self.readsGetters = readsGetters
    grant = session.unit.grant
    partsLeft = self.bounds.parts
  }

  mutating func printed(_ value: LuaValue) throws -> PrintedValue { try print(value, 0) }

  mutating func printed(_ value: Value) -> PrintedValue { print(value, 0) }

  // MARK: Values

  private mutating func print(_ value: LuaValue, _ depth: Int) throws -> PrintedValue {
    switch value {
    case .nil: return .text("nil", .word)
    case .data(let data): return print(data, depth)
    case .table(let table): return try print(table, depth)
    case .function(let function): return print(function)
    case .opaque(let opaque): return try print(opaque, depth)
    }
  }

  private func print(_ function: LuaFunction) -> PrintedValue {
    guard let place = function.definition else { return .text("<function of the host>", .mark) }
    if place.script.hasPrefix("[") { return .text("<function of the host>", .mark) }
    return .text("<function \(PrintedText.line(place.script)):\(place.line)>", .mark)
  }

  private mutating func print(_ value: Value, _ depth: Int) -> PrintedValue {
    switch value {
    case .null: return .text("null", .word)
    case .bool(let bool): return .text("\(bool)", .word)
    case .integer(let integer): return .text("\(integer)", .number)
    case .number(let number): return .text(Self.text(of: number), .number)
    case .string(let string):
      return .text(PrintedText.quoted(string, upTo: bounds.stringBytes), .string)
    case .bytes(let bytes):
      return .text(PrintedText.quoted(bytes, upTo: bounds.stringBytes), .string)
    case .array(let elements):
      if depth >= bounds.depth, !elements.isEmpty { return cut(elements.count) }
      return list("", count: elements.count, depth) { $0.print(elements[$1], depth + 1) }
    case .map(let pairs):
      if depth >= bounds.depth, !pairs.isEmpty { return cut(pairs.count) }
      return fields("", keys: pairs.keys.sorted(), depth) { printer, key in
        pairs[key].map { printer.print($0, depth + 1) } ?? .text("null", .word)
      }
    case .empty: return .table(label: "", parts: [], more: nil)
    }
  }

  /// A number as Lua writes it.
  private static func text(of number: Double) -> String {
    if number.isNaN { return "nan" }
    if number.isInfinite { return number < 0 ? "-inf" : "inf" }
    return "\(number)"
  }

  private func cut(_ count: Int) -> PrintedValue { .text("{ ... \(count) }", .mark) }

  // MARK: Parts

  private mutating func take() -> Bool {
    partsLeft -= 1
    return partsLeft >= 0
  }

  private func more(_ count: Int) -> String? { count > 0 ? "... \(count) more" : nil }

  private mutating func list(
    _ label: String,
    count: Int,
    _ depth: Int,
    _ element: (inout ValuePrinter, Int) throws -> PrintedValue
  ) rethrows -> PrintedValue {
    var parts: [PrintedValue.Part] = []
    let outer = path
    defer { path = outer }
    for index in 0..<min(count, bounds.items) where take() {
      path = outer + "[\(index + 1)]"
      parts.append(PrintedValue.Part(key: nil, value: try element(&self, index)))
    }
    return .table(label: label, parts: parts, more: more(count - parts.count))
  }

  private mutating func fields(
    _ label: String,
    keys: [Value.Key],
    _ depth: Int,
    _ field: (inout ValuePrinter, Value.Key) throws -> PrintedValue
  ) rethrows -> PrintedValue {
    var parts: [PrintedValue.Part] = []
    let outer = path
    defer { path = outer }
    for key in keys.prefix(bounds.items) where take() {
      let text = PrintedText.key(key)
      path = outer + (text.hasPrefix("[") ? text : "." + text)
      parts.append(PrintedValue.Part(key: text, value: try field(&self, key)))
    }
    return .table(label: label, parts: parts, more: more(keys.count - parts.count))
  }

  // MARK: Tables

  private mutating func print(_ table: LuaTable, _ depth: Int) throws -> PrintedValue {
    let identity = table.reference.identity
    if let place = above[identity] { return .text("<cycle to \(named(place))>", .mark) }
    if let place = shown[identity] { return .text("<the same as \(named(place))>", .mark) }
    above[identity] = path
    defer { shown[identity] = above.removeValue(forKey: identity) }
    let name = try table.typeName.map { PrintedText.line(String($0.prefix(80))) } ?? ""
    let (pairs, isAll) = try table.pairs(upTo: Self.sortedPairs)
    let length = try table.length()
    if depth >= bounds.depth, !pairs.isEmpty {
      return .text("{ ... \(max(pairs.count, length)) }", .mark)
    }
    let isList = pairs.allSatisfy { pair in
      guard case .data(.integer(let index)) = pair.key else { return false }
      return index >= 1 && index <= length
    }
    if length > 0, isList, isAll ? pairs.count == length : true {
      return try list(name, count: length, depth) { printer, index in
        try printer.print(try table.get(.integer(Int64(index + 1))), depth + 1)
      }
    }
    return try print(pairs, isAll: isAll, name, depth)
  }

  private func named(_ place: String) -> String { place.isEmpty ? "the whole" : "it" + place }

  private mutating func print(
    _ pairs: [(key: LuaValue, value: LuaValue)],
    isAll: Bool,
    _ name: String,
    _ depth: Int
  ) throws -> PrintedValue {
    var plain: [Value.Key: LuaValue] = [:]
    var others: [(key: LuaValue, value: LuaValue)] = []
    for (key, value) in pairs {
      switch key {
      case .data(.string(let string)): plain[.string(string)] = value
      case .data(.bytes(let bytes)): plain[.bytes(bytes)] = value
      case .data(.integer(let integer)): plain[.integer(integer)] = value
      default: others.append((key, value))
      }
    }
    let made = try fields(name, keys: plain.keys.sorted(), depth) { printer, key in
      try printer.print(plain[key] ?? .nil, depth + 1)
    }
    guard case .table(_, var parts, var more) = made else { return made }
    for (key, value) in others where parts.count < bounds.items && take() {
      let text = try print(key, bounds.depth).flat
      parts.append(PrintedValue.Part(key: "[\(text)]", value: try print(value, depth + 1)))
    }
    let left = pairs.count - parts.count
    more = isAll ? self.more(left) : "... more than \(left) more"
    return .table(label: name, parts: parts, more: more)
  }

  // MARK: Objects of the host

  private mutating func print(_ opaque: LuaOpaque, _ depth: Int) throws -> PrintedValue {
    if let entry = opaque.instance(kind: ObjectKind.store, as: StoreEntry.self) {
      return try print(entry, depth)
    }
    if let node = opaque.instance(kind: ObjectKind.part, as: StateNode.self) {
      let store = node.store
      if let store { try check(.part(node), of: store) }
      let label = store == nil ? "" : PrintedText.line(node.path.map { "\($0)" } ?? "")
      return print(node, label, depth)
    }
    if let message = opaque.instance(kind: ObjectKind.message, as: Message.self) {
      guard case .table(_, let parts, let more) = print(Value(encoding: message.record), depth)
      else {
        return .text("<message>", .mark)
      }
      return .table(label: "message", parts: parts, more: more)
    }
    if let error = opaque.instance(kind: ObjectKind.error, as: CarriedError.self) {
      return .text("<error: \(PrintedText.line(error.text))>", .mark)
    }
    if let cell = opaque.instance(kind: ObjectKind.cell, as: Cell.self) {
      return .text("<ref\(cell.name.map { " " + PrintedText.line($0) } ?? "")>", .mark)
    }
    return .text("<coroutine>", .mark)
  }

  private func check(_ subject: Access.Subject, of store: LiveStore) throws {
    try system.access.check(grant, Access(.read, store, subject))
  }

  private mutating func print(_ entry: StoreEntry, _ depth: Int) throws -> PrintedValue {
    guard let store = entry.live else {
      return .text("<store \(PrintedText.line(entry.id)), which is not there>", .mark)
    }
    return try print(store, depth)
  }

  /// A store: its state, its getters, and the names of its actions.
  mutating func print(_ store: LiveStore, _ depth: Int) throws -> PrintedValue {
    let root = store.root
    let label = "store \(PrintedText.line(store.id))"
    if depth > 0 { return .text("<\(label)>", .mark) }
    var fields: [Value.Key: StateSlot] = [:]
    system.tree.trackStructure(root)
    for position in root.slots.indices where !root.slots[position].isEmpty {
      fields[root.key(at: position)] = system.tree.read(root, at: position)
    }
    let getters = Set(store.getterNames.map(Value.Key.string))
    let keys = Array(fields.keys).sorted() + getters.sorted()
    let made = try self.fields(label, keys: keys, depth) { printer, key in
      try printer.print(member: key, fields[key], of: store)
    }
    guard case .table(_, let parts, let more) = made else { return made }
    let actions = store.actions.map(\.name).sorted().prefix(bounds.items).joined(separator: ", ")
    let rest = [more, actions.isEmpty ? nil : "actions: " + PrintedText.line(actions)]
    let text = rest.compactMap(\.self).joined(separator: "; ")
    return .table(label: label, parts: parts, more: text.isEmpty ? nil : text)
  }

  private mutating func print(
    member key: Value.Key,
    _ slot: StateSlot?,
    of store: LiveStore
  ) throws -> PrintedValue {
    let right = Access(.read, store, .path([.field(key)]))
    guard system.access.allows(grant, right) else { return .text("<not permitted>", .mark) }
    if let slot { return print(slot, 1) }
    guard readsGetters, case .string(let name) = key else { return .text("<getter>", .mark) }
    do {
      return print(try store.slot(named: name), 1)
    } catch {
      return .text("<error: \(PrintedText.line(error.message))>", .mark)
    }
  }

  private mutating func print(_ slot: StateSlot, _ depth: Int) -> PrintedValue {
    switch slot {
    case .node(let node): print(node, "", depth)
    case .empty: .text("nil", .word)
    case .opaque: .text("<function>", .mark)
    default: print(slot.value, depth)
    }
  }

  private mutating func print(_ node: StateNode, _ label: String, _ depth: Int) -> PrintedValue {
    // A watch follows what it shows.
    system.tree.trackStructure(node)
    let count = node.count
    if depth >= bounds.depth, count > 0 { return cut(count) }
    if node.kind == .array {
      return list(label, count: count, depth) { printer, index in
        printer.print(printer.system.tree.read(node, at: index), depth + 1)
      }
    }
    var keys: [Value.Key] = []
    for position in node.slots.indices where !node.slots[position].isEmpty {
      keys.append(node.key(at: position))
    }
    return fields(label, keys: keys.sorted(), depth) { printer, key in
      printer.print(printer.system.tree.read(node, at: node.position(of: key)), depth + 1)
    }
  }
}
