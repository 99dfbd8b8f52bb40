package import MoonValue

/// Fits the state of a live store to what a new version of it begins with.
///
/// Values survive. What is new begins with its default, what the new version no longer has goes, and what
/// still is as the old version began takes what the new one begins with. Fields that neither version knows
/// were added while the store lived, and stay. Maps are fitted part by part; lists are kept whole.
package struct StateReconciliation {
  /// What was done, as paths below the store.
  package struct Difference: Sendable, Equatable {
    /// Fields that the new version has brought.
    package var added: [String] = []
    /// Fields that have gone, with their values.
    package var removed: [String] = []
    /// Fields that still had their old default and took the new one.
    package var redefined: [String] = []
    /// The version from which the state was migrated, if it was.
    package var migratedFrom: Int?

    package init() {}

    package var isEmpty: Bool { self == Difference() }
  }

  /// A field whose value is of another kind than the new version's.
  package struct Conflict: Sendable {
    package let path: String
    /// What it is, and what the new version makes of it: `text`, `list` and the like.
    package let old: String
    package let new: String
  }

  private let tree: StateTree
  package private(set) var difference = Difference()
  package private(set) var conflicts: [Conflict] = []
  // What is to be done, once it is known that all of it can be.
  private var writes: [(node: StateNode, key: Value.Key, slot: StateSlot)] = []

  package init(tree: StateTree) { self.tree = tree }

  // MARK: Looking

  /// Finds out what is to be done; writes nothing.
  ///
  /// - Parameters:
  ///   - node: The state, a map.
  ///   - old: What the old version began with; nil if that cannot be known.
  ///   - new: What the new version begins with, a map.
  package mutating func compare(_ node: StateNode, old: Value?, new: Value) {
    compare(node, old: old?.mapValue ?? [:], new: new.mapValue ?? [:], at: "")
  }

  private mutating func compare(
    _ node: StateNode,
    old: ValueMap,
    new: ValueMap,
    at path: String
  ) {
    for key in new.keys.sorted() {
      guard let wanted = new[key] else { continue }
      let place = path.isEmpty ? "\(key)" : "\(path).\(key)"
      let position = node.position(of: key)
      guard position >= 0, !node.slots[position].isEmpty else {
        // One that the old version had was removed while the store lived.
        if old[key] == nil {
          difference.added.append(place)
          writes.append((node, key, tree.slot(wanted)))
        }
        continue
      }
      compare(node.slots[position], key, in: node, old: old[key], new: wanted, at: place)
    }
    for position in node.slots.indices where !node.slots[position].isEmpty {
      let key = node.key(at: position)
      guard new[key] == nil, old[key] != nil else { continue }
      difference.removed.append(path.isEmpty ? "\(key)" : "\(path).\(key)")
      writes.append((node, key, .empty))
    }
  }

  private mutating func compare(
    _ slot: StateSlot,
    _ key: Value.Key,
    in node: StateNode,
    old: Value?,
    new: Value,
    at path: String
  ) {
    if let old, old != new, slot.matches(old) {
      // Of a map the parts are compared, so that what is added is told apart from what is redefined.
      guard let child = slot.node, child.kind == .map, let inner = new.mapValue, !inner.isEmpty
      else {
        difference.redefined.append(path)
        writes.append((node, key, tree.slot(new)))
        return
      }
      return compare(child, old: old.mapValue ?? [:], new: inner, at: path)
    }
    if let inner = new.mapValue, !inner.isEmpty, let child = slot.node, child.kind != .array {
      return compare(child, old: old?.mapValue ?? [:], new: inner, at: path)
    }
    let kind = ValueKind(slot)
    let wanted = ValueKind(new)
    // What was never declared is now, and there is nothing in it that could be lost.
    if kind == .empty, let empty = wanted.emptyValue {
      writes.append((node, key, tree.slot(empty)))
      return
    }
    let before = old.map { ValueKind($0) } ?? kind
    // The value may have become something else than its default was; that is its script's affair.
    if kind.fits(wanted) || before == wanted { return }
    conflicts.append(Conflict(path: path, old: kind.rawValue, new: wanted.rawValue))
  }

  // MARK: Doing

  /// Does what was found.
  package func write() throws(StoreError) {
    for (node, key, slot) in writes {
      let position = node.position(of: key)
      if slot.isEmpty {
        if position >= 0 { tree.write(.empty, to: node, at: position) }
      } else {
        try tree.assign(key, slot, in: node)
      }
    }
  }

  /// Puts other data in the place of a map's fields, and leaves alone what is the same.
  package func put(_ data: ValueMap, into node: StateNode) throws(StoreError) {
    for position in node.slots.indices where !node.slots[position].isEmpty {
      if data[node.key(at: position)] == nil { tree.write(.empty, to: node, at: position) }
    }
    for key in data.keys.sorted() {
      guard let value = data[key] else { continue }
      let position = node.position(of: key)
      let slot = position >= 0 ? node.slots[position] : .empty
      if !slot.isEmpty, slot.matches(value) { continue }
      if let child = slot.node, child.kind == .map, let inner = value.mapValue, !inner.isEmpty {
        try put(inner, into: child)
      } else {
        try tree.assign(key, tree.slot(value), in: node)
      }
    }
  }
}

/// What a value is, as far as a new version of a store has to care.
enum ValueKind: String {
  case null, boolean, number, text, list, map
  /// `{}`: a list or a map, with its first element.
  case empty = "empty table"

  /// What is empty of this kind, if it is one that was declared.
  var emptyValue: Value? {
    switch self {
    case .list: .array([])
    case .map: .map([:])
    default: nil
    }
  }

  init(_ value: Value) {
    switch value {
    case .null: self = .null
    case .bool: self = .boolean
    case .integer, .number: self = .number
    case .string, .bytes: self = .text
    case .array: self = .list
    case .map: self = .map
    case .empty: self = .empty
    }
  }

  init(_ slot: StateSlot) {
    guard let node = slot.node else {
      self.init(slot.value)
      return
    }
    switch node.kind {
    case .array: self = .list
    case .map: self = .map
    case .undetermined: self = .empty
    }
  }

  /// Whether a value of this kind can stand where the other is the default.
  func fits(_ other: ValueKind) -> Bool {
    if self == other || self == .null || other == .null { return true }
    let tables: Set<ValueKind> = [.list, .map, .empty]
    return (self == .empty || other == .empty) && tables.contains(self) && tables.contains(other)
  }
}

extension StateSlot {
  /// Whether it holds this data; finds a difference without reading the rest.
  func matches(_ value: Value) -> Bool {
    guard let node else { return !isEmpty && self.value == value }
    switch value {
    case .array(let elements):
      guard node.kind == .array, node.count == elements.count else { return false }
      return zip(node.slots, elements).allSatisfy { $0.matches($1) }
    case .map(let pairs):
      guard node.kind == .map, node.count == pairs.count else { return false }
      return pairs.allSatisfy { key, inner in
        let position = node.position(of: key)
        return position >= 0 && node.slots[position].matches(inner)
      }
    case .empty: return node.kind == .undetermined
    default: return false
    }
  }
}
