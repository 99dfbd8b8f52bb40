public import MoonValue

/// The state of one store as it was, down to the order of its keys: what a snapshot keeps of it.
///
/// Unlike the state as a `Value`, it has the places of fields that were removed, which they take again when they come
/// back, and the values that a setup function keeps to itself. Made by a store system, kept in snapshots and journals,
/// and put back by `restore`.
public struct StoreImage: Sendable, Hashable, Codable {
  /// The store's id.
  public let id: String
  /// The version of its definition.
  public let version: Int
  /// The state, written as `StateWriter` writes it.
  package let state: [UInt8]
  /// The values without a name, written the same way; nil where there are none.
  package let hidden: [UInt8]?

  init(of store: LiveStore, in tree: StateTree) {
    id = store.id
    version = store.definition.version
    state = StateWriter.bytes(of: store.root)
    hidden = store.hiddenRoots.first.map(StateWriter.bytes(of:))
  }

  /// Makes an image of its parts, such as a journal keeps them.
  package init(id: String, version: Int, state: [UInt8], hidden: [UInt8]?) {
    self.id = id
    self.version = version
    self.state = state
    self.hidden = hidden
  }

  /// The state as data.
  ///
  /// - Throws: `unreadable` for an image that is damaged.
  public var value: Value {
    get throws(StoreError) {
      let tree = StateTree(graph: ReactiveGraph())
      return try StateReader.node(state, in: tree).value
    }
  }
}

extension StoreImage: CustomDebugStringConvertible {
  /// The state with the order of its keys and the places of removed ones, to compare two images by eye.
  public var debugDescription: String {
    let tree = StateTree(graph: ReactiveGraph())
    let parts = [state] + (hidden.map { [$0] } ?? [])
    let texts = parts.map { bytes in
      (try? StateReader.node(bytes, in: tree)).map(StoreImage.layout(of:)) ?? "damaged"
    }
    return "\(id) \(version): " + texts.joined(separator: "; hidden: ")
  }

  private static func layout(of node: StateNode) -> String {
    let fields = node.slots.indices.map { position in
      let slot = node.slots[position]
      let value =
        slot.isEmpty ? "removed" : slot.node.map(layout(of:)) ?? slot.value.description
      return node.kind == .array ? value : "\(node.key(at: position)) = \(value)"
    }.joined(separator: ", ")
    switch node.kind {
    case .undetermined: return "{}"
    case .array: return "[\(fields)]"
    case .map: return "{\(fields)}"
    }
  }
}

extension StoreImage {
  private enum CodingKeys: String, CodingKey { case id, version, state, hidden }

  /// Encodes the state as text of hexadecimal digits.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(version, forKey: .version)
    try container.encode(Hexadecimal.text(of: state), forKey: .state)
    try container.encodeIfPresent(hidden.map(Hexadecimal.text(of:)), forKey: .hidden)
  }

  /// Decodes an image; what it says of the state is checked when it is used.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func bytes(_ text: String, _ key: CodingKeys) throws -> [UInt8] {
      guard let bytes = Hexadecimal.bytes(of: text) else {
        throw DecodingError.dataCorruptedError(
          forKey: key,
          in: container,
          debugDescription: "these are no hexadecimal digits"
        )
      }
      return bytes
    }
    id = try container.decode(String.self, forKey: .id)
    version = try container.decode(Int.self, forKey: .version)
    state = try bytes(try container.decode(String.self, forKey: .state), .state)
    hidden = try container.decodeIfPresent(String.self, forKey: .hidden).map {
      try bytes($0, .hidden)
    }
  }
}

private enum Hexadecimal {
  static func text(of bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func bytes(of text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
