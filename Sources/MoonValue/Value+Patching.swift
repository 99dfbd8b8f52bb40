/// Why a patch does not fit a value.
public struct PatchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong.
  public var message: String
  /// The place where it is wrong.
  public var path: StatePath

  /// The place and the message.
  public var description: String { path.components.isEmpty ? message : "\(path): \(message)" }
}

extension Value {
  /// Makes one change in place, without copying what it does not touch.
  ///
  /// The patch says what to do, and is not compared with what stands there: `old` is for taking it back.
  /// Lua's `{}` is an array once it takes an element at position 1, and a map once it takes a field.
  ///
  /// - Throws: `PatchError` where the path leads nowhere or the change makes no sense there; the value is
  ///   then as it was.
  public mutating func apply(_ patch: StatePatch) throws(PatchError) {
    try descend(patch, 0)
  }

  /// Follows the path from its step `depth` on.
  private mutating func descend(_ patch: StatePatch, _ depth: Int) throws(PatchError) {
    let steps = patch.path.components
    if depth == steps.count { return try applyHere(patch) }
    let isLast = depth == steps.count - 1
    switch self {
    case .array(var elements):
      // Takes the elements out while they change, so that they are not copied.
      self = .null
      defer { self = .array(elements) }
      if isLast, !patch.isReorder { return try patch.change(&elements, at: steps[depth]) }
      guard let position = steps[depth].position, position <= elements.count else {
        throw patch.error("there is no such element", depth)
      }
      try elements[position - 1].descend(patch, depth + 1)
    case .empty where isLast && patch.addsElement:
      if steps[depth] == .index(1) {
        self = .array([try patch.newValue(depth)])
      } else {
        self = .map([steps[depth].key: try patch.newValue(depth)])
      }
    case .map(var pairs):
      self = .null
      defer { self = .map(pairs) }
      if isLast, !patch.isReorder { return try patch.change(&pairs, at: steps[depth].key) }
      guard let index = pairs.index(forKey: steps[depth].key) else {
        throw patch.error("there is no such field", depth)
      }
      try pairs.modify(index) { (value) throws(PatchError) in try value.descend(patch, depth + 1) }
    default:
      throw patch.error("\(kindInWords) stands in the way", depth - 1)
    }
  }

  /// Changes this very value, which is where the path ends.
  private mutating func applyHere(_ patch: StatePatch) throws(PatchError) {
    let depth = patch.path.components.count - 1
    switch patch.operation {
    case .set: self = try patch.newValue(depth)
    case .reorder(let order):
      guard case .array(let elements) = self else {
        throw patch.error("\(kindInWords) has no order", depth)
      }
      guard order.count == elements.count, order.inversePermutation != nil else {
        throw patch.error("the order is not one of these \(elements.count) elements", depth)
      }
      self = .array(order.map { elements[$0 - 1] })
    case .insert, .remove: throw patch.error("the whole can only be set", depth)
    }
  }
}

extension StatePatch {
  fileprivate var isReorder: Bool {
    if case .reorder = operation { return true }
    return false
  }

  fileprivate var addsElement: Bool { operation == .insert || operation == .set }

  fileprivate func change(
    _ elements: inout [Value],
    at step: StatePath.Component
  ) throws(PatchError) {
    let last = path.components.count - 1
    // A path to the field of an integer key is for maps; its inverse would not move what stands behind.
    guard case .index(let position) = step, (1...elements.count + 1).contains(position) else {
      throw error("there is no such element", last)
    }
    let isBehindLast = position == elements.count + 1
    switch operation {
    case .insert,
      .set where isBehindLast:
      elements.insert(try newValue(last), at: position - 1)
    case .set: elements[position - 1] = try newValue(last)
    case .remove where !isBehindLast: elements.remove(at: position - 1)
    case .remove, .reorder: throw error("there is no such element", last)
    }
  }

  fileprivate func change(
    _ pairs: inout ValueMap,
    at key: Value.Key
  ) throws(PatchError) {
    let last = path.components.count - 1
    switch operation {
    case .set, .insert: pairs[key] = try newValue(last)
    case .remove, .reorder:
      guard pairs.removeValue(forKey: key) != nil else {
        throw error("there is no such field", last)
      }
    }
  }

  fileprivate func newValue(_ depth: Int) throws(PatchError) -> Value {
    guard let new else { throw error("the patch has no new value", depth) }
    return new
  }

  /// An error at the step `depth` of the path.
  fileprivate func error(_ message: String, _ depth: Int) -> PatchError {
    PatchError(message: message, path: StatePath(Array(path.components.prefix(depth + 1))))
  }
}
