package import MoonValue

/// Says what a state looks like, without its values; see `StateType`.
package struct StateOutline {
  /// How deep it looks.
  var depth = 6
  /// How many fields of one map it names.
  var fields = 64
  /// How many elements of one array it looks at.
  var elements = 32
  /// How many parts it names at all.
  private var budget = 2_000

  package init() {}

  /// What a value is, in one word.
  package mutating func type(of slot: StateSlot) -> String {
    if case .node(let node) = slot { return name(of: node) }
    guard case .named(let name) = outline(slot, depth) else { return "" }
    return name
  }

  /// The fields of a part with what they are, and how many were left out.
  package mutating func fields(of node: StateNode) -> (named: [Value.Key: StateType], more: Int) {
    guard case .map(let named, let more) = outline(node, 0) else { return ([:], 0) }
    return (named, more)
  }

  private mutating func outline(_ slot: StateSlot, _ level: Int) -> StateType {
    switch slot {
    case .empty, .null: .named("null")
    case .bool: .named("boolean")
    case .integer: .named("integer")
    case .number: .named("number")
    case .string: .named("string")
    case .bytes: .named("bytes")
    case .opaque: .named("function")
    case .node(let node): outline(node, level)
    }
  }

  private func name(of node: StateNode) -> String {
    switch node.kind {
    case .undetermined: "table"
    case .array: "array"
    case .map: "map"
    }
  }

  private mutating func outline(_ node: StateNode, _ level: Int) -> StateType {
    guard node.count > 0, level < depth, budget > 0 else { return .named(name(of: node)) }
    return node.kind == .array ? array(node, level) : map(node, level)
  }

  private mutating func array(_ node: StateNode, _ level: Int) -> StateType {
    var kinds: [StateType] = []
    for slot in node.slots.prefix(elements) where budget > 0 {
      budget -= 1
      let kind = outline(slot, level + 1)
      if !kinds.contains(kind) { kinds.append(kind) }
    }
    return .array(kinds.count == 1 ? kinds[0] : .any(kinds))
  }

  private mutating func map(_ node: StateNode, _ level: Int) -> StateType {
    var named: [Value.Key: StateType] = [:]
    for position in node.slots.indices where !node.slots[position].isEmpty {
      guard named.count < fields, budget > 0 else { break }
      budget -= 1
      named[node.key(at: position)] = outline(node.slots[position], level + 1)
    }
    return .map(named, more: node.count - named.count)
  }
}
