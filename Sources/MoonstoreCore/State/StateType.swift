public import MoonValue

/// What a part of a state looks like, without its values.
///
/// As data a type that is told by its name is that text; an array is `{ "array": element }`, elements of several kinds
/// are `{ "any": [...] }`, and a map is `{ "map": { field: ... } }` with `more` for the number of fields left out.
public indirect enum StateType: Sendable, Hashable {
  /// `integer`, `number`, `string`, `bytes`, `boolean`, `null` or `function`; or `array`, `map` or `table` for what is
  /// empty or nested too deeply.
  case named(String)
  /// An array of such elements.
  case array(StateType)
  /// A map with these fields, and how many more.
  case map([Value.Key: StateType], more: Int)
  /// One of several.
  case any([StateType])

  /// The type as data.
  public var value: Value {
    switch self {
    case .named(let name): return .string(name)
    case .array(let element): return ["array": element.value]
    case .any(let kinds): return ["any": .array(kinds.map(\.value))]
    case .map(let fields, let more):
      var record: ValueMap = ["map": .map(ValueMap(fields.mapValues(\.value)))]
      if more > 0 { record["more"] = .integer(Int64(more)) }
      return .map(record)
    }
  }

  /// Reads the type from data; nil for what is none.
  public init?(_ value: Value) {
    if let name = value.stringValue {
      self = .named(name)
    } else if let element = value["array"].flatMap(StateType.init) {
      self = .array(element)
    } else if let kinds = value["any"]?.arrayValue {
      self = .any(kinds.compactMap(StateType.init))
    } else if let fields = value["map"]?.mapValue {
      self = .map(
        fields.compactMapValues(StateType.init),
        more: Int(value["more"]?.integerValue ?? 0)
      )
    } else {
      return nil
    }
  }
}

extension StateType: Codable {
  /// Encodes it as data.
  public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

  /// Decodes it from data.
  public init(from decoder: any Decoder) throws {
    guard let type = StateType(try Value(from: decoder)) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "this is no type of state")
      )
    }
    self = type
  }
}

extension StateType: CustomStringConvertible {
  /// The type in words, such as `array of { id: string, count: integer or number }`.
  public var description: String {
    switch self {
    case .named(let name): return name
    case .array(let element): return "array of \(element)"
    case .any(let kinds): return kinds.map(\.description).joined(separator: " or ")
    case .map(let fields, let more):
      var words = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      if more > 0 { words.append("and \(more) more") }
      return "{ \(words.joined(separator: ", ")) }"
    }
  }
}
