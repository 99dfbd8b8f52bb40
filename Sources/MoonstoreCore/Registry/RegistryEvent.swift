public import MoonValue

/// Something that happened to the stores of a host, or that somebody told the registry.
public struct RegistryEvent: Sendable {
  /// Counts the events of a host from 1.
  ///
  /// A gap is what a reader has missed, or what was undone.
  public let sequence: Int
  /// Such as `store:registered`, `store:unregistered` or `permission:denied`.
  public let type: String
  /// Who told it: `registry` for the host itself, otherwise the store or script; the host says so.
  public let source: String
  /// The store that it is about, if it is about one.
  public let target: String?
  /// What else there is to say.
  public let payload: Value
  /// When, in seconds since 1970 on the host's clock.
  public let timestamp: Double

  /// The event as data.
  package var record: Value {
    [
      "sequence": .integer(Int64(sequence)), "type": .string(type), "source": .string(source),
      "target": target.map(Value.string) ?? .null, "payload": payload,
      "timestamp": .number(timestamp),
    ]
  }
}

/// Hears of the events of a type, or of all.
final class RegistryListener {
  let type: String
  let owner: String
  let body: (RegistryEvent) throws -> Void
  var isActive = true
  /// Its place among the others.
  var rank = 0

  init(type: String, owner: String, body: @escaping (RegistryEvent) throws -> Void) {
    self.type = type
    self.owner = owner
    self.body = body
  }
}
