public import MoonValue

/// A message as it was when it was recorded: what the log of messages and streams consist of.
///
/// As data it has `id`, `type`, `from`, `to` (null for all), `priority`, `timestamp`, `handled`, and `payload` unless it
/// has none.
public struct MessageRecord: Codable, Sendable, Hashable {
  /// The id, unique in its host.
  public let id: String
  /// What it is about, such as `cart:item-added`.
  public let type: String
  /// The store or script that sent it.
  public let from: String
  /// The one store that it is for; nil for all.
  public let to: String?
  /// Which of the messages that wait is delivered first.
  public let priority: Message.Priority
  /// When it was sent, in seconds since 1970 on the host's clock.
  public let timestamp: Double
  /// Whether a handler had handled it, or a responder answered it.
  public let isHandled: Bool
  /// The content; nil for a message that was sent without one.
  public package(set) var payload: Value?

  private enum CodingKeys: String, CodingKey {
    case id, type, from, to, priority, timestamp
    case isHandled = "handled"
    case payload
  }

  /// Encodes it with a null where there is no receiver.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(type, forKey: .type)
    try container.encode(from, forKey: .from)
    try container.encode(to, forKey: .to)
    try container.encode(priority, forKey: .priority)
    try container.encode(timestamp, forKey: .timestamp)
    try container.encode(isHandled, forKey: .isHandled)
    if let payload { try container.encode(payload, forKey: .payload) }
  }

  /// Decodes it; a payload that is null is one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decode(String.self, forKey: .id)
    type = try container.decode(String.self, forKey: .type)
    from = try container.decode(String.self, forKey: .from)
    to = try container.decodeIfPresent(String.self, forKey: .to)
    priority = try container.decode(Message.Priority.self, forKey: .priority)
    timestamp = try container.decode(Double.self, forKey: .timestamp)
    isHandled = try container.decode(Bool.self, forKey: .isHandled)
    payload =
      container.contains(.payload) ? try container.decode(Value.self, forKey: .payload) : nil
  }

  init(_ message: Message) {
    id = message.id
    type = message.type
    from = message.from
    to = message.to
    priority = message.priority
    timestamp = message.timestamp
    isHandled = message.isHandled
    payload = message.content.isEmpty ? nil : message.payload
  }
}

extension Message {
  /// The message as it is now, copied.
  public var record: MessageRecord { MessageRecord(self) }
}
