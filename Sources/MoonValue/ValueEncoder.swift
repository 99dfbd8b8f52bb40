/// Turns Swift values into plain data, without a text format in between.
///
/// Takes `Encodable` values from programs and gives the `Value` that scripts, state and journals take.
/// An optional that is nil becomes null where the type encodes it at all, a dictionary with `Int` keys a
/// map with integer keys.
public struct ValueEncoder: Sendable {
  /// What types can look up while they encode themselves.
  public var userInfo: [CodingUserInfoKey: any Sendable]

  /// Makes an encoder.
  public init(userInfo: [CodingUserInfoKey: any Sendable] = [:]) {
    self.userInfo = userInfo
  }

  /// Encodes a value.
  ///
  /// - Throws: `EncodingError` with the path of what has no counterpart, such as an integer beyond 64
  ///   signed bits, or what the type itself throws.
  public func encode<T: Encodable>(_ value: T) throws -> Value {
    try ValueEncoding.encode(value, at: nil, userInfo)
  }
}

/// One value while it is being encoded.
struct ValueEncoding: Encoder {
  let result: EncodedPart
  let step: CodingStep?
  let information: [CodingUserInfoKey: any Sendable]
  let type: any Any.Type

  init(
    step: CodingStep?,
    information: [CodingUserInfoKey: any Sendable],
    type: any Any.Type
  ) {
    result = EncodedPart(of: type)
    self.step = step
    self.information = information
    self.type = type
  }

  var codingPath: [any CodingKey] { CodingStep.keys(to: step) }
  var userInfo: [CodingUserInfoKey: Any] { information }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(KeyedPart(encoding: self, part: result))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    UnkeyedPart(encoding: self, part: result)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    SinglePart(encoding: self)
  }

  /// Encodes what stands one step further in.
  func encode<T: Encodable>(_ value: T, under key: any CodingKey) throws -> Value {
    if let scalar = try ValueEncoding.scalar(value, at: step, key) { return scalar }
    return try ValueEncoding.encode(value, at: CodingStep(step, key), information)
  }

  /// An encoder for a part that is filled in later.
  func nested(_ key: any CodingKey, _ type: any Any.Type) -> ValueEncoding {
    ValueEncoding(step: CodingStep(step, key), information: information, type: type)
  }

  static func encode<T: Encodable>(
    _ value: T,
    at step: CodingStep?,
    _ information: [CodingUserInfoKey: any Sendable]
  ) throws -> Value {
    if let scalar = try scalar(value, at: step, nil) { return scalar }
    let encoding = ValueEncoding(step: step, information: information, type: T.self)
    try value.encode(to: encoding)
    return encoding.result.finished()
  }

  /// The value of a type that needs no containers; `nil` for all others.
  ///
  /// The types are compared before anything is cast, since a cast costs as much as the whole encoding.
  @inline(__always)
  private static func scalar<T>(
    _ value: T,
    at step: CodingStep?,
    _ key: (any CodingKey)?
  ) throws -> Value? {
    if T.self == String.self, let string = value as? String { return .string(string) }
    if T.self == Int.self, let integer = value as? Int { return .integer(Int64(integer)) }
    if T.self == Double.self, let number = value as? Double { return .number(number) }
    if T.self == Bool.self, let bool = value as? Bool { return .bool(bool) }
    if T.self == Value.self, let value = value as? Value { return value }
    if T.self == Float.self, let number = value as? Float { return .number(Double(number)) }
    guard let integer = wide(value) else { return nil }
    guard let integer = Int64(exactly: integer) else {
      let path = CodingStep.keys(to: key.map { CodingStep(step, $0) } ?? step)
      throw EncodingError.invalidValue(
        value,
        .init(codingPath: path, debugDescription: "\(integer) does not fit into 64 signed bits")
      )
    }
    return .integer(integer)
  }

  /// The number in a value of one of the less common integer types.
  private static func wide<T>(_ value: T) -> Int128? {
    func number<I: FixedWidthInteger>(_ type: I.Type) -> Int128? {
      T.self == type ? (value as? I).map { Int128($0) } : nil
    }
    return number(Int64.self) ?? number(Int32.self) ?? number(Int16.self) ?? number(Int8.self)
      ?? number(UInt.self) ?? number(UInt64.self) ?? number(UInt32.self) ?? number(UInt16.self)
      ?? number(UInt8.self)
  }
}

extension Value {
  /// A value of Swift's as plain data, for types that are always such.
  package init(encoding value: some Encodable) {
    self = (try? ValueEncoder().encode(value)) ?? .null
  }
}
