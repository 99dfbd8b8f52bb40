public import MoonValue

/// An event of the registry as data: what the log of events and streams consist of.
///
/// As data it has `sequence`, `type`, `source`, `target` (null where it is about no store), `timestamp`, and `payload`
/// unless it has none.
public struct StoreEvent: Codable, Sendable, Hashable {
  /// Counts the events of a host from 1; a gap is what was undone.
  public let sequence: Int
  /// Such as `store:registered`, `store:unregistered` or `permission:denied`.
  public let type: String
  /// Who told it: `registry` for the host itself, otherwise the store or script.
  public let source: String
  /// The store that it is about, if it is about one.
  public let target: String?
  /// When, in seconds since 1970 on the host's clock.
  public let timestamp: Double
  /// What else there is to say; nil for an event that was told without more.
  public let payload: Value?

  private enum CodingKeys: String, CodingKey {
    case sequence, type, source, target, timestamp, payload
  }

  /// Encodes it with a null where it is about no store.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(sequence, forKey: .sequence)
    try container.encode(type, forKey: .type)
    try container.encode(source, forKey: .source)
    try container.encode(target, forKey: .target)
    try container.encode(timestamp, forKey: .timestamp)
    if let payload { try container.encode(payload, forKey: .payload) }
  }

  /// Decodes it; a payload that is null is one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    sequence = try container.decode(Int.self, forKey: .sequence)
    type = try container.decode(String.self, forKey: .type)
    source = try container.decode(String.self, forKey: .source)
    target = try container.decodeIfPresent(String.self, forKey: .target)
    timestamp = try container.decode(Double.self, forKey: .timestamp)
    payload =
      container.contains(.payload) ? try container.decode(Value.self, forKey: .payload) : nil
  }

  init(_ event: RegistryEvent) {
    sequence = event.sequence
    type = event.type
    source = event.source
    target = event.target
    timestamp = event.timestamp
    payload = event.hasPayload ? event.payload : nil
  }
}

extension RegistryEvent {
  /// The event as data.
  public var record: StoreEvent { StoreEvent(self) }
}
