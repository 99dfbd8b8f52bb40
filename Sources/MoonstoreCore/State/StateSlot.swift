package import MoonValue

/// One value in the state tree: a scalar, or a part with values of its own.
package enum StateSlot {
  /// Nothing is here; in a map, the place of a field that was removed.
  case empty
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case bytes([UInt8])
  case node(StateNode)
  /// Something of the host that is no data, such as a function that a getter returned.
  case opaque(AnyObject)

  package var isEmpty: Bool {
    if case .empty = self { return true }
    return false
  }

  package var node: StateNode? {
    if case .node(let node) = self { return node }
    return nil
  }

  /// Whether writing one over the other changes nothing.
  ///
  /// Two parts are never the same value, since what is inside of them may have changed; see `isSelf`.
  package func isSame(as other: StateSlot) -> Bool {
    switch (self, other) {
    case (.empty, .empty), (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.bytes(let a), .bytes(let b)): a == b
    case (.opaque(let a), .opaque(let b)): a === b
    default: false
    }
  }

  /// Whether both are one part: it is assigned to its own place.
  func isSelf(of other: StateSlot) -> Bool {
    if case .node(let a) = self, case .node(let b) = other { return a === b }
    return false
  }

  /// The value, copied; a field that is not there is null.
  package var value: Value {
    switch self {
    case .empty, .null: .null
    case .bool(let bool): .bool(bool)
    case .integer(let integer): .integer(integer)
    case .number(let number): .number(number)
    case .string(let string): .string(string)
    case .bytes(let bytes): .bytes(bytes)
    case .node(let node): node.value
    case .opaque: .null
    }
  }
}
