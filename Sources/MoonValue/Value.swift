/// Plain data: what state, arguments, results, messages and journals are made of.
///
/// Comes from scripts, from JSON and from `Encodable` types, and goes the same ways back. Two values are
/// equal when nothing could tell them apart: the kinds are the same (`.integer(1)` is not
/// `.number(1.0)`, though Lua calls them equal, so that integers stay integers), strings have the same
/// bytes, and numbers are the same to the bit (`0.0` is not `-0.0`), except that any NaN equals any NaN.
public enum Value: Sendable {
  /// Nothing, said explicitly; what JSON calls null.
  case null
  /// True or false.
  case bool(Bool)
  /// A whole number.
  case integer(Int64)
  /// A number with a fraction, or one that came out of arithmetic with such.
  case number(Double)
  /// Text.
  case string(String)
  /// A string of Lua that is not valid UTF-8; `init(utf8:)` tells which one it is.
  case bytes([UInt8])
  /// Values in a row; Lua counts them from 1, Swift from 0.
  case array([Value])
  /// Values under keys, in the order in which the keys came.
  case map(ValueMap)
  /// Lua's `{}`: a table without elements of which no script has said whether it is an array or a map.
  ///
  /// Its first key decides. Reads as either where it is decoded, and is written as `{}`. What Swift and JSON call
  /// empty is an array or a map.
  case empty

  /// Makes a string: text where the bytes are valid UTF-8, else bytes.
  public init(utf8 bytes: some Collection<UInt8>) {
    guard let string = String(validating: bytes, as: UTF8.self) else {
      self = .bytes(Array(bytes))
      return
    }
    self = .string(string)
  }
}

extension Value: Hashable {
  /// Whether two values are the same in kind and content, to the bit.
  public static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.bytes(let a), .bytes(let b)): a == b
    case (.array(let a), .array(let b)): a == b
    case (.map(let a), .map(let b)): a == b
    case (.empty, .empty): true
    default: false
    }
  }

  /// Feeds the content to a hasher, strings by their bytes.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0 as UInt8)
    case .bool(let bool): hasher.combine(bool)
    case .integer(let integer): hasher.combine(integer)
    case .number(let number):
      hasher.combine(number.isNaN ? Double.nan.bitPattern : number.bitPattern)
    case .string(let string): string.hashBytes(into: &hasher)
    case .bytes(let bytes): hasher.combine(bytes)
    case .array(let elements): hasher.combine(elements)
    case .map(let pairs): hasher.combine(pairs)
    case .empty: hasher.combine(1 as UInt8)
    }
  }
}
