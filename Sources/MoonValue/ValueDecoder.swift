/// Turns plain data into Swift values, without a text format in between.
///
/// Takes the `Value` that comes from scripts, state and journals and gives what programs work with. It is
/// as generous as Lua where nothing is lost: an integer is also a `Double`, a number without fraction
/// also an `Int`, the empty table also an empty array, and an integer key also the field of that name.
public struct ValueDecoder: Sendable {
  /// What types can look up while they decode themselves.
  public var userInfo: [CodingUserInfoKey: any Sendable]

  /// Makes a decoder.
  public init(userInfo: [CodingUserInfoKey: any Sendable] = [:]) {
    self.userInfo = userInfo
  }

  /// Decodes a value of a type.
  ///
  /// - Throws: `DecodingError` with the path of what does not fit, or what the type itself throws.
  public func decode<T: Decodable>(_ type: T.Type, from value: Value) throws -> T {
    try ValueDecoding(value: value, step: nil, information: userInfo, type: type).decode(type)
  }
}

/// One value while it is being decoded.
struct ValueDecoding: Decoder {
  let value: Value
  let step: CodingStep?
  let information: [CodingUserInfoKey: any Sendable]
  let type: any Any.Type

  var codingPath: [any CodingKey] { CodingStep.keys(to: step) }
  var userInfo: [CodingUserInfoKey: Any] { information }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard let pairs = value.mapValue else { throw mismatch([String: Value].self, "a map") }
    return KeyedDecodingContainer(MapReader(decoding: self, pairs: pairs))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    switch value {
    case .array(let elements): ArrayReader(decoding: self, elements: elements)
    // JSON that Lua has written has both as `{}`.
    case .empty, .map([:]): ArrayReader(decoding: self, elements: [])
    default: throw mismatch([Value].self, "an array")
    }
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { ScalarReader(decoding: self) }

  /// Decodes what stands one step further in.
  func decode<T: Decodable>(_ type: T.Type, from value: Value, under key: any CodingKey) throws -> T
  {
    if let direct = directly(type, value) { return direct }
    return try nested(value, key, type).decode(type)
  }

  func nested(_ value: Value, _ key: any CodingKey, _ type: any Any.Type) -> ValueDecoding {
    ValueDecoding(
      value: value,
      step: CodingStep(step, key),
      information: information,
      type: type
    )
  }

  /// The common scalars where kind and type agree, so that they cost no step.
  ///
  /// The types are compared before anything is cast, since a cast costs as much as the whole decoding.
  @inline(__always)
  private func directly<T>(_ type: T.Type, _ value: Value) -> T? {
    switch value {
    case .string(let string): T.self == String.self ? string as? T : nil
    case .number(let number): T.self == Double.self ? number as? T : nil
    case .bool(let bool): T.self == Bool.self ? bool as? T : nil
    case .integer(let integer): T.self == Int.self ? Int(exactly: integer) as? T : nil
    default: nil
    }
  }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    if T.self == Value.self, let result = value as? T { return result }
    if let direct = directly(type, value) { return direct }
    if T.self == String.self { throw mismatch(type, "a string") }
    if T.self == Bool.self { throw mismatch(type, "a boolean") }
    if T.self == Double.self, let result = try number() as? T { return result }
    if T.self == Float.self, let result = try float() as? T { return result }
    if let result = try integer(type) { return result }
    return try T(from: self)
  }

  private func number() throws -> Double {
    guard let number = value.doubleValue else { throw mismatch(Double.self, "a number") }
    return number
  }

  private func float() throws -> Float {
    let number = try number()
    let float = Float(number)
    guard float.isFinite || !number.isFinite else {
      throw corrupted("\(number) does not fit Float")
    }
    return float
  }

  private func integer<T>(_ type: T.Type) throws -> T? {
    func exact<I: FixedWidthInteger>(_ kind: I.Type) throws -> T? {
      guard T.self == kind else { return nil }
      let fitting: I?
      switch value {
      case .integer(let integer): fitting = I(exactly: integer)
      case .number(let number): fitting = number.exactInteger.flatMap { I(exactly: $0) }
      default: throw mismatch(kind, "an integer")
      }
      guard let fitting else { throw corrupted("\(value) does not fit \(kind)") }
      return fitting as? T
    }
    return try exact(Int.self) ?? exact(Int64.self) ?? exact(Int32.self) ?? exact(Int16.self)
      ?? exact(Int8.self) ?? exact(UInt.self) ?? exact(UInt64.self) ?? exact(UInt32.self)
      ?? exact(UInt16.self) ?? exact(UInt8.self)
  }

  func mismatch(_ type: any Any.Type, _ expected: String) -> DecodingError {
    let context = DecodingError.Context(
      codingPath: codingPath,
      debugDescription: "expected \(expected), found \(value.kindInWords)"
    )
    if case .null = value { return .valueNotFound(type, context) }
    return .typeMismatch(type, context)
  }

  private func corrupted(_ text: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: codingPath, debugDescription: text))
  }
}
