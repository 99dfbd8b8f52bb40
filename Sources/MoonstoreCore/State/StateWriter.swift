import MoonValue

/// Writes parts of state as bytes: a tag for each value, numbers in as few bytes as they need, keys in their order with
/// the places of removed ones.
struct StateWriter {
  enum Tag: UInt8 {
    case empty, null, no, yes, integer, number, string, bytes
    case undetermined, array, map
  }

  private(set) var bytes: [UInt8] = []

  static func bytes(of node: StateNode) -> [UInt8] {
    var writer = StateWriter()
    writer.write(node)
    return writer.bytes
  }

  mutating func write(_ node: StateNode) {
    switch node.kind {
    case .undetermined: return put(.undetermined)
    case .array:
      put(.array)
      put(UInt64(node.slots.count))
      for slot in node.slots { write(slot) }
    case .map:
      put(.map)
      put(UInt64(node.slots.count))
      for position in node.slots.indices {
        write(node.key(at: position))
        write(node.slots[position])
      }
    }
  }

  private mutating func write(_ slot: StateSlot) {
    switch slot {
    case .empty: put(.empty)
    // What is no data is in getters' results only.
    case .null, .opaque: put(.null)
    case .bool(let bool): put(bool ? .yes : .no)
    case .integer(let integer): write(integer)
    case .number(let number):
      put(.number)
      for shift in stride(from: 0, to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: number.bitPattern >> UInt64(shift)))
      }
    case .string(let string): write(.string, Array(string.utf8))
    case .bytes(let bytes): write(.bytes, bytes)
    case .node(let node): write(node)
    }
  }

  private mutating func write(_ key: Value.Key) {
    switch key {
    case .integer(let integer): write(integer)
    case .string(let string): write(.string, Array(string.utf8))
    case .bytes(let bytes): write(.bytes, bytes)
    }
  }

  private mutating func write(_ integer: Int64) {
    put(.integer)
    // Small numbers of either sign become small ones without.
    put(UInt64(bitPattern: (integer << 1) ^ (integer >> 63)))
  }

  private mutating func write(_ tag: Tag, _ text: [UInt8]) {
    put(tag)
    put(UInt64(text.count))
    bytes.append(contentsOf: text)
  }

  private mutating func put(_ tag: Tag) { bytes.append(tag.rawValue) }

  private mutating func put(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// Reads what `StateWriter` has written, and trusts none of it.
struct StateReader {
  private let bytes: [UInt8]
  private let tree: StateTree
  private var position = 0

  /// The part that bytes describe; it stands in no store.
  ///
  /// - Throws: `unreadable` where they describe none, or one and more.
  static func node(_ bytes: [UInt8], in tree: StateTree) throws(StoreError) -> StateNode {
    var reader = StateReader(bytes: bytes, tree: tree)
    guard case .node(let node) = try reader.slot(below: 0), reader.position == bytes.count else {
      throw reader.damage()
    }
    return node
  }

  private init(bytes: [UInt8], tree: StateTree) {
    self.bytes = bytes
    self.tree = tree
  }

  private mutating func slot(below depth: Int) throws(StoreError) -> StateSlot {
    switch try tag() {
    case .empty: return .empty
    case .null: return .null
    case .no: return .bool(false)
    case .yes: return .bool(true)
    case .integer: return .integer(try integer())
    case .number:
      var bits: UInt64 = 0
      for byte in try take(8).reversed() { bits = bits << 8 | UInt64(byte) }
      return .number(Double(bitPattern: bits))
    case .string: return .string(try text())
    case .bytes: return .bytes(Array(try take(try count())))
    case .undetermined: return .node(StateNode(.undetermined, tree: tree))
    case .array:
      try checkDepth(depth)
      let node = StateNode(.array, tree: tree)
      for _ in 0..<(try count()) { tree.appendFresh(try slot(below: depth + 1), to: node) }
      return .node(node)
    case .map:
      try checkDepth(depth)
      return .node(try map(depth))
    }
  }

  private mutating func map(_ depth: Int) throws(StoreError) -> StateNode {
    let node = StateNode(.map, tree: tree)
    let count = try count()
    for index in 0..<count {
      let key = try key()
      let slot = try slot(below: depth + 1)
      tree.addFresh(key, slot, to: node)
      // A key that stands twice would be one field.
      guard node.slots.count == index + 1 else { throw damage() }
    }
    return node
  }

  private mutating func key() throws(StoreError) -> Value.Key {
    switch try tag() {
    case .integer: return .integer(try integer())
    case .string: return .string(try text())
    case .bytes: return .bytes(Array(try take(try count())))
    default: throw damage()
    }
  }

  private mutating func tag() throws(StoreError) -> StateWriter.Tag {
    guard position < bytes.count, let tag = StateWriter.Tag(rawValue: bytes[position]) else {
      throw damage()
    }
    position += 1
    return tag
  }

  private mutating func number() throws(StoreError) -> UInt64 {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < bytes.count, shift < 64 else { throw damage() }
      let byte = bytes[position]
      position += 1
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
  }

  private mutating func integer() throws(StoreError) -> Int64 {
    let number = try number()
    return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
  }

  /// A number of bytes or values, of which each takes a byte at least.
  private mutating func count() throws(StoreError) -> Int {
    let number = try number()
    guard number <= UInt64(bytes.count - position) else { throw damage() }
    return Int(number)
  }

  private mutating func text() throws(StoreError) -> String {
    guard let text = String(validating: try take(try count()), as: UTF8.self) else {
      throw damage()
    }
    return text
  }

  private mutating func take(_ count: Int) throws(StoreError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw damage() }
    defer { position += count }
    return bytes[position..<(position + count)]
  }

  private func checkDepth(_ depth: Int) throws(StoreError) {
    if depth >= StateTree.greatestDepth { throw damage() }
  }

  private func damage() -> StoreError {
    StoreError(.unreadable, "the image of a store's state is damaged at byte \(position)")
  }
}
