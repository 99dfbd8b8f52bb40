/// One change of a value, with what is needed to do it again and to undo it.
///
/// Comes from turns, one for each write, and goes to watchers of changes, to journals, and back into
/// state on replay.
public struct StatePatch: Sendable, Hashable {
  /// What is done at the path.
  public enum Operation: Sendable, Hashable {
    /// Puts a value in place of another; in a map also where there was none, in an array also right
    /// behind the last.
    case set
    /// Takes a value away; in an array, those behind it move down.
    case remove
    /// Puts a value in; in an array, those from its position on move up.
    case insert
    /// Puts the elements of an array into another order.
    ///
    /// The numbers are the positions, from 1, at which the elements stood before, in their new order.
    case reorder(order: [Int])
  }

  /// What is done.
  public var operation: Operation
  /// The value that is set, removed or inserted, or the array that is reordered.
  public var path: StatePath
  /// What stood there before; `nil` where nothing did.
  public var old: Value?
  /// What stands there afterwards; `nil` where nothing does.
  public var new: Value?

  /// Makes a patch.
  public init(_ operation: Operation, at path: StatePath, old: Value? = nil, new: Value? = nil) {
    self.operation = operation
    self.path = path
    self.old = old
    self.new = new
  }

  /// The patch that takes this one back.
  public var inverse: StatePatch {
    switch operation {
    case .set where old == nil, .insert: StatePatch(.remove, at: path, old: new)
    case .set: StatePatch(.set, at: path, old: new, new: old)
    case .remove: StatePatch(path.endsInArray ? .insert : .set, at: path, new: old)
    case .reorder(let order):
      StatePatch(.reorder(order: order.inversePermutation ?? order), at: path, old: new, new: old)
    }
  }
}

extension StatePatch: Codable {
  private enum CodingKeys: String, CodingKey {
    case operation, path, old, new, order
  }

  /// Encodes the operation by its name, the path as text, and the values where there are any.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(operation.name, forKey: .operation)
    try container.encode(path, forKey: .path)
    if case .reorder(let order) = operation { try container.encode(order, forKey: .order) }
    if let old { try container.encode(old, forKey: .old) }
    if let new { try container.encode(new, forKey: .new) }
  }

  /// Decodes a patch.
  ///
  /// A value that is null is one, and not the same as none.
  ///
  /// - Throws: `DecodingError` for an operation that is not known, or what is no path.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(String.self, forKey: .operation) {
    case "set": operation = .set
    case "remove": operation = .remove
    case "insert": operation = .insert
    case "reorder": operation = .reorder(order: try container.decode([Int].self, forKey: .order))
    case let name:
      throw DecodingError.dataCorruptedError(
        forKey: .operation,
        in: container,
        debugDescription: "there is no operation '\(name)'"
      )
    }
    path = try container.decode(StatePath.self, forKey: .path)
    old = container.contains(.old) ? try container.decode(Value.self, forKey: .old) : nil
    new = container.contains(.new) ? try container.decode(Value.self, forKey: .new) : nil
  }
}

extension StatePatch.Operation {
  /// The name under which it is written down: `set`, `remove`, `insert` or `reorder`.
  public var name: String {
    switch self {
    case .set: "set"
    case .remove: "remove"
    case .insert: "insert"
    case .reorder: "reorder"
    }
  }
}

extension StatePath {
  fileprivate var endsInArray: Bool {
    if case .index = components.last { return true }
    return false
  }
}

extension [Int] {
  /// The order that undoes this one; `nil` if this is not each number from 1 on, once.
  var inversePermutation: [Int]? {
    var inverse = [Int](repeating: 0, count: count)
    for (index, position) in enumerated() {
      guard position > 0, position <= count, inverse[position - 1] == 0 else { return nil }
      inverse[position - 1] = index + 1
    }
    return inverse
  }
}
