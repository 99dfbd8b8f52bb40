extension Value: Encodable {
  /// Encodes to any format.
  ///
  /// Integer keys become what the format makes of an integer coding key. Only `ValueEncoder` keeps Lua's `{}`
  /// apart from an empty map.
  ///
  /// - Throws: `EncodingError` for a string that is not UTF-8, which formats in general have no place for.
  public func encode(to encoder: any Encoder) throws {
    if let encoder = encoder as? ValueEncoding {
      encoder.result.set(self)
      return
    }
    switch self {
    case .array(let elements):
      var container = encoder.unkeyedContainer()
      for element in elements { try container.encode(element) }
    case .map(let pairs):
      var container = encoder.container(keyedBy: PlainCodingKey.self)
      for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
        if case .bytes = key { throw notText(key.quoted, encoder.codingPath) }
        try container.encode(value, forKey: PlainCodingKey(key))
      }
    case .empty: _ = encoder.container(keyedBy: PlainCodingKey.self)
    default:
      var container = encoder.singleValueContainer()
      switch self {
      case .bool(let bool): try container.encode(bool)
      case .integer(let integer): try container.encode(integer)
      case .number(let number): try container.encode(number)
      case .string(let string): try container.encode(string)
      case .bytes: throw notText(description, encoder.codingPath)
      case .null, .array, .map, .empty: try container.encodeNil()
      }
    }
  }

  private func notText(_ text: String, _ path: [any CodingKey]) -> EncodingError {
    .invalidValue(
      self,
      .init(codingPath: path, debugDescription: "the string \(text) is not UTF-8")
    )
  }
}

extension Value: Decodable {
  /// Decodes from any format.
  ///
  /// A number is an integer where the format reads it as one.
  ///
  /// - Throws: `DecodingError` where the format holds something that is no plain data.
  public init(from decoder: any Decoder) throws {
    if let decoder = decoder as? ValueDecoding {
      self = decoder.value
    } else if let container = try? decoder.container(keyedBy: PlainCodingKey.self) {
      var pairs: ValueMap = [:]
      for key in container.allKeys {
        pairs[.string(key.stringValue)] = try container.decode(Value.self, forKey: key)
      }
      self = .map(pairs)
    } else if var container = try? decoder.unkeyedContainer() {
      var elements: [Value] = []
      while !container.isAtEnd { elements.append(try container.decode(Value.self)) }
      self = .array(elements)
    } else {
      self = try Value(scalar: decoder.singleValueContainer())
    }
  }

  private init(scalar container: any SingleValueDecodingContainer) throws {
    if container.decodeNil() {
      self = .null
    } else if let bool = try? container.decode(Bool.self) {
      self = .bool(bool)
    } else if let integer = try? container.decode(Int64.self) {
      self = .integer(integer)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else {
      self = .string(try container.decode(String.self))
    }
  }
}
