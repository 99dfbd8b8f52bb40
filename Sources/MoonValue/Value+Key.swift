extension Value {
  /// What a map finds its values by: a string or an integer.
  ///
  /// Keys are ordered so that whatever is printed comes out the same each time: integers by value, then
  /// strings by their bytes.
  public enum Key: Sendable {
    /// Text.
    case string(String)
    /// A string of Lua that is not valid UTF-8; `init(utf8:)` tells which one it is.
    case bytes([UInt8])
    /// A whole number.
    case integer(Int64)

    /// Makes a string key: text where the bytes are valid UTF-8, else bytes.
    public init(utf8 bytes: some Collection<UInt8>) {
      guard let string = String(validating: bytes, as: UTF8.self) else {
        self = .bytes(Array(bytes))
        return
      }
      self = .string(string)
    }
  }
}

extension Value.Key: Hashable {
  /// Whether two keys are the same, strings by their bytes.
  public static func == (left: Value.Key, right: Value.Key) -> Bool {
    switch (left, right) {
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.integer(let a), .integer(let b)): a == b
    case (.bytes(let a), .bytes(let b)): a == b
    default: false
    }
  }

  /// Feeds the key to a hasher, strings by their bytes.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .string(let string): string.hashBytes(into: &hasher)
    case .integer(let integer): hasher.combine(integer)
    case .bytes(let bytes): hasher.combine(bytes)
    }
  }
}

extension Value.Key: Comparable {
  /// Whether the first key is printed before the second.
  public static func < (left: Value.Key, right: Value.Key) -> Bool {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a < b
    case (.integer, _): true
    case (_, .integer): false
    case (.string(let a), .string(let b)): a.comesBeforeByBytes(b)
    case (.bytes(let a), .bytes(let b)): a.lexicographicallyPrecedes(b)
    // The kinds differ, so the order must not call them equal even where somebody made `bytes` of text.
    case (.string(let a), .bytes(let b)): !b.lexicographicallyPrecedes(a.utf8)
    case (.bytes(let a), .string(let b)): a.lexicographicallyPrecedes(b.utf8)
    }
  }
}

extension Value.Key: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  /// A string key.
  public init(stringLiteral value: String) { self = .string(value) }

  /// An integer key.
  public init(integerLiteral value: Int64) { self = .integer(value) }
}

extension Value.Key: CustomStringConvertible {
  /// The key as a person would write it: bare text, or a number.
  public var description: String {
    switch self {
    case .string(let string): string
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .integer(let integer): String(integer)
    }
  }
}
