package import MoonValue

/// Says what a state looks like, without its values.
///
/// A scalar is its type (`integer`, `number`, `string`, `bytes`, `boolean`, `null`); an array is
/// `{ "array": element }`, where elements of several kinds are `{ "any": [...] }`; a map is
/// `{ "map": { field: ... } }`, and `more` counts the fields that were left out. What is empty or nested too
/// deeply is only called `array`, `map` or `table`.
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
    guard case .node(let node) = slot else { return outline(slot, depth).stringValue ?? "" }
    return node.kind == .array ? "array" : node.kind == .map ? "map" : "table"
  }

  /// The outline of a part and of all below it.
  package mutating func outline(_ node: StateNode) -> Value { outline(node, 0) }

  private mutating func outline(_ slot: StateSlot, _ level: Int) -> Value {
    switch slot {
    case .empty, .null: "null"
    case .bool: "boolean"
    case .integer: "integer"
    case .number: "number"
    case .string: "string"
    case .bytes: "bytes"
    case .opaque: "function"
    case .node(let node): outline(node, level)
    }
  }

  private mutating func outline(_ node: StateNode, _ level: Int) -> Value {
    guard node.count > 0, level < depth, budget > 0 else {
      switch node.kind {
      case .undetermined: return "table"
      case .array: return "array"
      case .map: return "map"
      }
    }
    return node.kind == .array ? array(node, level) : map(node, level)
  }

  private mutating func array(_ node: StateNode, _ level: Int) -> Value {
    var kinds: [Value] = []
    for slot in node.slots.prefix(elements) where budget > 0 {
      budget -= 1
      let kind = outline(slot, level + 1)
      if !kinds.contains(kind) { kinds.append(kind) }
    }
    return ["array": kinds.count == 1 ? kinds[0] : ["any": .array(kinds)]]
  }

  private mutating func map(_ node: StateNode, _ level: Int) -> Value {
    var named: ValueMap = [:]
    for position in node.slots.indices where !node.slots[position].isEmpty {
      guard named.count < fields, budget > 0 else { break }
      budget -= 1
      named[node.key(at: position)] = outline(node.slots[position], level + 1)
    }
    var found: ValueMap = ["map": .map(named)]
    if named.count < node.count { found["more"] = .integer(Int64(node.count - named.count)) }
    return .map(found)
  }
}
