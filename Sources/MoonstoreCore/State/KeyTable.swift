import MoonValue

/// The keys of a large map: found by hash, kept in order of insertion so that iteration is the same in
/// every run.
///
/// A removed field keeps its place until the turn is final. How many places are empty is counted, and where the
/// first field can stand is known, so that neither counting the fields nor looking for the first one goes through
/// all that were removed.
struct KeyTable {
  private(set) var keys: ContiguousArray<Value.Key>
  private(set) var positions: [Value.Key: Int]
  /// How many places have no value.
  private(set) var holes: Int
  /// Before this place all are empty.
  private(set) var start = 0

  /// Makes the table of a map that has these keys; so many of them have no value.
  init(_ keys: ContiguousArray<Value.Key>, holes: Int = 0) {
    self.keys = keys
    self.holes = holes
    positions = Dictionary(minimumCapacity: keys.count)
    for (position, key) in keys.enumerated() { positions[key] = position }
  }

  /// Makes a place for a key, which has no value yet.
  mutating func append(_ key: Value.Key) {
    positions[key] = keys.count
    keys.append(key)
    holes += 1
  }

  /// Drops the last place, which has no value.
  mutating func removeLast() {
    guard let key = keys.popLast() else { return }
    positions[key] = nil
    holes -= 1
    start = min(start, keys.count)
  }

  /// A place has got a value, or has lost it.
  mutating func note(_ position: Int, isEmpty: Bool) {
    holes += isEmpty ? 1 : -1
    if !isEmpty, position < start { start = position }
  }

  /// All places have lost their values.
  mutating func noteAllEmpty() {
    holes = keys.count
    start = 0
  }

  /// A search for the first field has found none before this place.
  mutating func noteStart(_ position: Int) { start = position }

  /// Whether so many places are empty that the fields are to move together.
  var isSparse: Bool { keys.count > 32 && holes * 2 > keys.count }
}
