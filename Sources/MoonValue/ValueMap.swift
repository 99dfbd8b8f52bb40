internal import OrderedCollections

/// Values under keys, in an order: the map of plain data.
///
/// Keeps the order in which keys came, as the fields of a store's state do, so that walking over a copy goes the same
/// way as walking over the original, also in another process. A key that gets another value keeps its place. Two maps
/// are equal when the same keys have the same values, in any order.
///
/// ```swift
/// var address: ValueMap = ["city": "Ulm", "zip": "89073"]
/// address["street"] = "Hafengasse"
/// address.map { "\($0.key)" }  // ["city", "zip", "street"]
/// ```
public struct ValueMap: Sendable {
  /// A key with its value.
  public typealias Element = (key: Value.Key, value: Value)

  private var pairs: OrderedDictionary<Value.Key, Value>

  /// Makes an empty map.
  public init() { pairs = [:] }

  /// Makes an empty map with room for a number of pairs.
  public init(minimumCapacity: Int) { pairs = OrderedDictionary(minimumCapacity: minimumCapacity) }

  /// Makes a map of a dictionary, which has no order of its own: integer keys by value, then strings by their bytes.
  public init(_ dictionary: [Value.Key: Value]) {
    self.init(minimumCapacity: dictionary.count)
    for (key, value) in dictionary.sorted(by: { $0.key < $1.key }) { pairs[key] = value }
  }

  /// Makes a map of pairs in their order; where a key comes twice, the last value counts, in the first one's place.
  public init(_ elements: some Sequence<(Value.Key, Value)>) {
    self.init(minimumCapacity: elements.underestimatedCount)
    for (key, value) in elements { pairs[key] = value }
  }

  /// The value under a key; setting nil takes the key out, and a new key goes behind all others.
  public subscript(key: Value.Key) -> Value? {
    get { pairs[key] }
    _modify { yield &pairs[key] }
  }

  /// The value under a key, or one that is used in its place, and set when it is changed.
  public subscript(key: Value.Key, default value: @autoclosure () -> Value) -> Value {
    get { pairs[key] ?? value() }
    _modify { yield &pairs[key, default: value()] }
  }

  /// The keys in their order.
  public var keys: some RandomAccessCollection<Value.Key> & Sendable { pairs.keys }

  /// The values in the order of their keys.
  public var values: some RandomAccessCollection<Value> & Sendable { pairs.values.elements }

  /// The position of a key; nil where it is not there.
  public func index(forKey key: Value.Key) -> Int? { pairs.index(forKey: key) }

  /// Makes room for a number of pairs.
  public mutating func reserveCapacity(_ count: Int) { pairs.reserveCapacity(count) }

  /// Takes a key out; those behind it move up.
  ///
  /// - Returns: What stood under it.
  @discardableResult
  public mutating func removeValue(forKey key: Value.Key) -> Value? {
    pairs.removeValue(forKey: key)
  }

  /// Sets a value.
  ///
  /// - Returns: What stood under the key before.
  @discardableResult
  public mutating func updateValue(_ value: Value, forKey key: Value.Key) -> Value? {
    pairs.updateValue(value, forKey: key)
  }

  /// Takes over the pairs of another map; a closure decides between two values of one key.
  public mutating func merge(
    _ other: ValueMap,
    uniquingKeysWith combine: (Value, Value) throws -> Value
  ) rethrows {
    for (key, value) in other {
      pairs[key] = try pairs[key].map { try combine($0, value) } ?? value
    }
  }

  /// The same map with the pairs of another; a closure decides between two values of one key.
  public func merging(
    _ other: ValueMap,
    uniquingKeysWith combine: (Value, Value) throws -> Value
  ) rethrows -> ValueMap {
    var merged = self
    try merged.merge(other, uniquingKeysWith: combine)
    return merged
  }

  /// The pairs that satisfy a condition, in their order.
  public func filter(_ isIncluded: (Element) throws -> Bool) rethrows -> ValueMap {
    var kept = ValueMap()
    for pair in self where try isIncluded(pair) { kept.pairs[pair.key] = pair.value }
    return kept
  }

  /// The same keys in the same order with other values.
  public func mapValues(_ transform: (Value) throws -> Value) rethrows -> ValueMap {
    var mapped = ValueMap(minimumCapacity: count)
    for (key, value) in self { mapped.pairs[key] = try transform(value) }
    return mapped
  }

  /// The values that can be turned into something else, by key.
  public func compactMapValues<T>(_ transform: (Value) throws -> T?) rethrows -> [Value.Key: T] {
    var mapped: [Value.Key: T] = [:]
    for (key, value) in self { mapped[key] = try transform(value) }
    return mapped
  }

  /// The same map with its keys sorted: integers by value, then strings by their bytes.
  public mutating func sortKeys() {
    guard count > 1 else { return }
    pairs.sort { $0.key < $1.key }
  }

  /// Changes a value in place.
  mutating func modify<R, Failure: Error>(
    _ index: Int,
    _ body: (inout Value) throws(Failure) -> R
  ) throws(Failure) -> R {
    try body(&pairs.values[index])
  }
}

extension ValueMap: RandomAccessCollection {
  /// The position of the first pair.
  public var startIndex: Int { 0 }
  /// The position behind the last pair.
  public var endIndex: Int { pairs.count }

  /// The pair at a position.
  public subscript(position: Int) -> Element {
    let pair = pairs.elements[position]
    return (pair.key, pair.value)
  }
}

extension ValueMap: ExpressibleByDictionaryLiteral {
  /// A map in the order of the literal; where a key stands twice, the last value counts.
  public init(dictionaryLiteral elements: (Value.Key, Value)...) { self.init(elements) }
}

extension ValueMap: Hashable {
  /// Whether the same keys have the same values, in any order.
  public static func == (left: ValueMap, right: ValueMap) -> Bool {
    guard left.count == right.count else { return false }
    return left.allSatisfy { right.pairs[$0.key] == $0.value }
  }

  /// Feeds the pairs to a hasher, whatever their order.
  public func hash(into hasher: inout Hasher) {
    var sum = 0
    for (key, value) in self {
      var own = Hasher()
      own.combine(key)
      own.combine(value)
      sum &+= own.finalize()
    }
    hasher.combine(sum)
  }
}
