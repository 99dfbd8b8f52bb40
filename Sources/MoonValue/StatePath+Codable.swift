extension StatePath: Codable {
  /// Encodes the steps as an array.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for component in components { try container.encode(component) }
  }

  /// Decodes the steps from an array.
  ///
  /// - Throws: `DecodingError` where one of them is no step.
  public init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    self.init()
    while !container.isAtEnd { components.append(try container.decode(Component.self)) }
  }
}

extension StatePath.Component: Codable {
  private enum CodingKeys: String, CodingKey {
    case key, bytes
  }

  /// Encodes a field as a string and an element as an integer.
  ///
  /// The rare keys that are neither text nor a position go into a map that says which kind they are, so
  /// that nothing is lost in formats that have only strings.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .field(.string(let name)):
      var container = encoder.singleValueContainer()
      try container.encode(name)
    case .index(let index):
      var container = encoder.singleValueContainer()
      try container.encode(index)
    case .field(.integer(let integer)):
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(integer, forKey: .key)
    case .field(.bytes(let bytes)):
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(bytes, forKey: .bytes)
    }
  }

  /// Decodes a step.
  ///
  /// - Throws: `DecodingError` for what is no step.
  public init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: CodingKeys.self) {
      if container.contains(.bytes) {
        self = .field(Value.Key(utf8: try container.decode([UInt8].self, forKey: .bytes)))
      } else {
        self = .field(.integer(try container.decode(Int64.self, forKey: .key)))
      }
      return
    }
    let container = try decoder.singleValueContainer()
    if let name = try? container.decode(String.self) {
      self = .field(.string(name))
    } else {
      self = .index(try container.decode(Int.self))
    }
  }
}
