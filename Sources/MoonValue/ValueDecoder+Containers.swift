/// Gives out the fields of one map.
struct MapReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoding: ValueDecoding
  let pairs: ValueMap

  var codingPath: [any CodingKey] { decoding.codingPath }

  var allKeys: [Key] {
    pairs.keys.compactMap { key in
      guard case .integer(let integer) = key else { return Key(stringValue: key.description) }
      return Int(exactly: integer).flatMap { Key(intValue: $0) }
        ?? Key(stringValue: key.description)
    }
  }

  private func find(_ key: some CodingKey) -> Value? {
    let named = Value.Key.string(key.stringValue)
    guard let integer = key.intValue else { return pairs[named] }
    let numbered = Value.Key.integer(Int64(integer))
    // A dictionary prefers the keys that are its own; the others come from JSON, which has only strings.
    return decoding.type is any IntegerKeyed.Type
      ? pairs[numbered] ?? pairs[named] : pairs[named] ?? pairs[numbered]
  }

  private func value(_ key: some CodingKey) throws -> Value {
    guard let value = find(key) else {
      throw DecodingError.keyNotFound(
        key,
        .init(codingPath: codingPath, debugDescription: "there is no field '\(key.stringValue)'")
      )
    }
    return value
  }

  func contains(_ key: Key) -> Bool { find(key) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { try value(key).isNull }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try decoding.decode(type, from: value(key), under: key)
  }

  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    guard let value = find(key), !value.isNull else { return nil }
    return try decoding.decode(type, from: value, under: key)
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type,
    forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try nested(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try nested(key).unkeyedContainer()
  }

  /// What a superclass encoded; null where it encoded nothing.
  func superDecoder() -> any Decoder {
    let key = PlainCodingKey.super
    return decoding.nested(find(key) ?? .null, key, Void.self)
  }

  func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

  private func nested(_ key: some CodingKey) throws -> ValueDecoding {
    decoding.nested(try value(key), key, Void.self)
  }
}

/// Gives out the elements of one array in order.
struct ArrayReader: UnkeyedDecodingContainer {
  let decoding: ValueDecoding
  let elements: [Value]
  private(set) var currentIndex = 0

  init(decoding: ValueDecoding, elements: [Value]) {
    self.decoding = decoding
    self.elements = elements
  }

  var codingPath: [any CodingKey] { decoding.codingPath }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }
  private var key: PlainCodingKey { PlainCodingKey(intValue: currentIndex) }

  private func current(_ type: any Any.Type) throws -> Value {
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        type,
        .init(
          codingPath: codingPath + [key],
          debugDescription: "there are only \(elements.count) elements"
        )
      )
    }
    return elements[currentIndex]
  }

  mutating func decodeNil() throws -> Bool {
    guard try current(Void.self).isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let result = try decoding.decode(type, from: current(type), under: key)
    // Only now, so that another type can be tried after a mismatch.
    currentIndex += 1
    return result
  }

  mutating func decodeIfPresent<T: Decodable>(_ type: T.Type) throws -> T? {
    if isAtEnd { return nil }
    if try decodeNil() { return nil }
    return try decode(type)
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try nested { try $0.container(keyedBy: type) }
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try nested { try $0.unkeyedContainer() }
  }

  mutating func superDecoder() throws -> any Decoder { try nested { $0 } }

  private mutating func nested<T>(_ body: (ValueDecoding) throws -> T) throws -> T {
    let result = try body(decoding.nested(current(T.self), key, Void.self))
    currentIndex += 1
    return result
  }
}

/// Gives out one value.
struct ScalarReader: SingleValueDecodingContainer {
  let decoding: ValueDecoding

  var codingPath: [any CodingKey] { decoding.codingPath }

  func decodeNil() -> Bool { decoding.value.isNull }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    try ValueDecoding(
      value: decoding.value,
      step: decoding.step,
      information: decoding.information,
      type: type
    ).decode(type)
  }
}
