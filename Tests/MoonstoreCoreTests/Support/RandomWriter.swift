import MoonValue
import MoonstoreCore
import TestSupport

/// Writes at random into the state of stores, in every way there is.
struct RandomWriter {
  var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// A state with parts of all kinds.
  static let initial: Value = [
    "number": 1,
    "list": [1, 2, 3, 4],
    "lines": [["id": 1, "tags": ["a"]], ["id": 2, "tags": []], ["id": 3, "tags": ["b", "c"]]],
    "user": ["name": "Ada", "address": ["city": "London"]],
    "empty": .empty,
    "emptyMap": [:],
    "scores": .map([.integer(5): 1, .integer(9): ["deep": true]]),
  ]

  /// One write to a random part.
  mutating func write(to store: Store) throws {
    switch generator.below(24) {
    case 0: try store.patch(["user": ["name": scalar()], "patched": value(depth: 1)])
    case 1: try store.reset()
    default: try write(to: part(of: store.live.root), in: store.live.system.tree)
    }
  }

  /// A random part of a state, the state itself among them.
  private mutating func part(of node: StateNode) -> StateNode {
    let parts = node.slots.compactMap(\.node)
    guard !parts.isEmpty, generator.below(4) > 0 else { return node }
    return part(of: parts[generator.below(parts.count)])
  }

  private mutating func write(to node: StateNode, in tree: StateTree) throws {
    switch node.kind {
    case .undetermined:
      let key: Value.Key = generator.below(2) == 0 ? 1 : key()
      try tree.assign(key, tree.slot(value(depth: 2)), in: node)
    case .map: try writeField(of: node, in: tree)
    case .array: try writeElement(of: node, in: tree)
    }
  }

  private mutating func writeField(of node: StateNode, in tree: StateTree) throws {
    let keys = node.slots.indices.filter { !node.slots[$0].isEmpty }.map(node.key(at:))
    let isNew = keys.isEmpty || generator.below(2) == 0
    let key = isNew ? key() : keys[generator.below(keys.count)]
    let slot = generator.below(4) == 0 ? StateSlot.empty : tree.slot(value(depth: 2))
    try tree.assign(key, slot, in: node)
  }

  private mutating func writeElement(of node: StateNode, in tree: StateTree) throws {
    let count = node.slots.count
    switch generator.below(6) {
    case 0, 1: tree.insert(tree.slot(value(depth: 2)), into: node, at: generator.below(count + 1))
    case 2 where count > 0: tree.remove(from: node, at: generator.below(count))
    case 3 where count > 1: tree.reorder(node, Array(0..<count).shuffled(using: &generator))
    case 4 where count > 0:
      let key = Value.Key.integer(Int64(generator.below(count) + 1))
      try tree.assign(key, tree.slot(value(depth: 2)), in: node)
    default:
      try tree.assign(.integer(Int64(count + 1)), tree.slot(value(depth: 2)), in: node)
    }
  }

  private mutating func key() -> Value.Key {
    switch generator.below(8) {
    case 0: .integer(Int64(generator.below(6) + 20))
    case 1: .string("rare\(generator.below(60))")
    default: .string(["a", "b", "name", "id", "tags", "city"][generator.below(6)])
    }
  }

  private mutating func scalar() -> Value {
    switch generator.below(5) {
    case 0: .null
    case 1: .bool(true)
    case 2: .number(0.5)
    case 3: .string("text \(generator.below(9))")
    default: .integer(Int64(generator.below(9)))
    }
  }

  private mutating func value(depth: Int) -> Value {
    guard depth > 0 else { return scalar() }
    switch generator.below(6) {
    case _ where generator.below(8) == 0: return .empty
    case 0: return .array((0..<generator.below(4)).map { _ in value(depth: depth - 1) })
    case 1:
      var pairs: ValueMap = [:]
      for _ in 0..<generator.below(4) { pairs[key()] = value(depth: depth - 1) }
      return .map(pairs)
    default: return scalar()
    }
  }
}
