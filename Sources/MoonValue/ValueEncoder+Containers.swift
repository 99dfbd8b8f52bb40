/// What an encoder has received so far: a whole value, or the parts of an array or a map.
///
/// A class, because the containers that the standard library hands out are copied freely and all have to
/// write to the same place.
final class EncodedPart {
  private enum Content {
    case nothing
    case value(Value)
    case array([Value])
    case map(ValueMap)
  }

  private var content = Content.nothing
  private let type: any Any.Type
  /// Parts that are still being filled; their places in `content` hold null until the end.
  private var open: [(place: Value.Key, part: EncodedPart)] = []

  init(of type: any Any.Type) { self.type = type }

  var count: Int {
    if case .array(let elements) = content { return elements.count }
    return 0
  }

  func set(_ value: Value) {
    content = .value(value)
    open = []
  }

  func beginArray() {
    switch content {
    case .array: return
    case .nothing: content = .array([])
    case .value, .map: EncodedPart.refuseMixture()
    }
  }

  func beginMap() {
    switch content {
    case .map: return
    case .nothing: content = .map([:])
    case .value, .array: EncodedPart.refuseMixture()
    }
  }

  private static func refuseMixture() -> Never {
    preconditionFailure("a type encodes itself as one of a single value, an array and a map")
  }

  func append(_ value: Value) {
    guard case .array(var elements) = content else { EncodedPart.refuseMixture() }
    // Takes the elements out while they grow, so that they are not copied.
    content = .nothing
    elements.append(value)
    content = .array(elements)
  }

  func set(_ value: Value, for key: Value.Key) {
    guard case .map(var pairs) = content else { EncodedPart.refuseMixture() }
    // Takes the pairs out while they grow, so that they are not copied.
    content = .nothing
    pairs[key] = value
    content = .map(pairs)
  }

  func appendOpen(_ part: EncodedPart) {
    open.append((.integer(Int64(count)), part))
    append(.null)
  }

  func setOpen(_ part: EncodedPart, for key: Value.Key) {
    open.append((key, part))
    set(.null, for: key)
  }

  /// The value with all its parts.
  ///
  /// A type that encoded nothing at all has no fields, which is an empty map.
  func finished() -> Value {
    switch content {
    case .nothing: return .map([:])
    case .value(let value): return value
    case .array(var elements):
      for case (.integer(let index), let part) in open { elements[Int(index)] = part.finished() }
      return .array(elements)
    case .map(var pairs):
      for (key, part) in open { pairs[key] = part.finished() }
      if pairs.count > 1, type is any WithoutOrder.Type { pairs.sortKeys() }
      return .map(pairs)
    }
  }
}

/// Receives the fields of one map.
struct KeyedPart<Key: CodingKey>: KeyedEncodingContainerProtocol {
  private let encoding: ValueEncoding
  private let part: EncodedPart

  init(encoding: ValueEncoding, part: EncodedPart) {
    self.encoding = encoding
    self.part = part
    part.beginMap()
  }

  var codingPath: [any CodingKey] { encoding.codingPath }

  private func name(_ key: some CodingKey) -> Value.Key {
    if let integer = key.intValue, encoding.type is any IntegerKeyed.Type {
      return .integer(Int64(integer))
    }
    return .string(key.stringValue)
  }

  func encodeNil(forKey key: Key) { part.set(.null, for: name(key)) }

  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    part.set(try encoding.encode(value, under: key), for: name(key))
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type,
    forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    open(key).container(keyedBy: keyType)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    open(key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { open(PlainCodingKey.super) }

  func superEncoder(forKey key: Key) -> any Encoder { open(key) }

  private func open(_ key: some CodingKey) -> ValueEncoding {
    let nested = encoding.nested(key, Void.self)
    part.setOpen(nested.result, for: name(key))
    return nested
  }
}

/// Receives the elements of one array.
struct UnkeyedPart: UnkeyedEncodingContainer {
  private let encoding: ValueEncoding
  private let part: EncodedPart

  init(encoding: ValueEncoding, part: EncodedPart) {
    self.encoding = encoding
    self.part = part
    part.beginArray()
  }

  var codingPath: [any CodingKey] { encoding.codingPath }
  var count: Int { part.count }

  func encodeNil() { part.append(.null) }

  func encode<T: Encodable>(_ value: T) throws {
    part.append(try encoding.encode(value, under: PlainCodingKey(intValue: part.count)))
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    open().container(keyedBy: keyType)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { open().unkeyedContainer() }

  func superEncoder() -> any Encoder { open() }

  private func open() -> ValueEncoding {
    let nested = encoding.nested(PlainCodingKey(intValue: part.count), Void.self)
    part.appendOpen(nested.result)
    return nested
  }
}

/// Receives one value.
struct SinglePart: SingleValueEncodingContainer {
  let encoding: ValueEncoding

  var codingPath: [any CodingKey] { encoding.codingPath }

  func encodeNil() { encoding.result.set(.null) }

  func encode<T: Encodable>(_ value: T) throws {
    encoding.result.set(try ValueEncoding.encode(value, at: encoding.step, encoding.information))
  }
}

/// A collection whose keys come in an order that differs from process to process; encoded, they are sorted.
protocol WithoutOrder {}

extension Dictionary: WithoutOrder {}
