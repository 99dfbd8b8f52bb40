extension Value {
  /// Whether this is the explicit nothing.
  public var isNull: Bool {
    if case .null = self { return true }
    return false
  }

  /// The boolean, if it is one.
  public var boolValue: Bool? {
    if case .bool(let bool) = self { return bool }
    return nil
  }

  /// The whole number: an integer, or a number without fraction that fits, since Lua takes either.
  public var integerValue: Int64? {
    switch self {
    case .integer(let integer): integer
    case .number(let number): number.exactInteger
    default: nil
    }
  }

  /// The number, whether integer or not; integers beyond 53 bits are rounded.
  public var doubleValue: Double? {
    switch self {
    case .number(let number): number
    case .integer(let integer): Double(integer)
    default: nil
    }
  }

  /// The text, if it is text.
  public var stringValue: String? {
    if case .string(let string) = self { return string }
    return nil
  }

  /// The bytes of a string, whether they are text or not.
  public var bytesValue: [UInt8]? {
    switch self {
    case .bytes(let bytes): bytes
    case .string(let string): Array(string.utf8)
    default: nil
    }
  }

  /// The elements, if it is an array; none for Lua's `{}`.
  public var arrayValue: [Value]? {
    switch self {
    case .array(let elements): elements
    case .empty: []
    default: nil
    }
  }

  /// The pairs, if it is a map; none for Lua's `{}`.
  public var mapValue: ValueMap? {
    switch self {
    case .map(let pairs): pairs
    case .empty: [:]
    default: nil
    }
  }

  /// The value under a key of a map; `nil` where there is none, or where this is no map.
  public subscript(key: Key) -> Value? {
    if case .map(let pairs) = self { return pairs[key] }
    return nil
  }

  /// The value of a field of a map; `nil` where there is none, or where this is no map.
  public subscript(field: String) -> Value? { self[.string(field)] }

  /// The element of an array, counted from 0; `nil` beyond its ends, or where this is no array.
  public subscript(index: Int) -> Value? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// What the value is, in words that fit behind "expected a string, found".
  var kindInWords: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .bytes: "a string that is not UTF-8"
    case .array: "an array"
    case .map: "a map"
    case .empty: "an empty table"
    }
  }
}

extension Double {
  /// The same number as an integer, where it is one of 64 bits.
  ///
  /// The standard library's own conversion needs the C mathematics library, which a program that imports
  /// nothing else does not link.
  var exactInteger: Int64? {
    guard self >= -0x1p63, self < 0x1p63 else { return nil }
    let integer = Int64(self)
    return Double(integer) == self ? integer : nil
  }
}
