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
  public var payload: Value {
    switch content {
    case .nothing: .null
    case .value(let value): value
    case .record(let record): Value(encoding: record)
    case .storeID: ["storeId": target.map(Value.string) ?? .null]
    }
  }
  let content: Content
  /// When, in seconds since 1970 on the host's clock.
  public let timestamp: Double

  /// What is told, in a form that costs little as long as nobody looks.
  enum Content: Sendable {
    case nothing
    case value(Value)
    indirect case record(StoreRecord)
    case storeID
  }

  /// Whether there is more to say than what happened.
  var hasPayload: Bool { if case .nothing = content { false } else { true } }
}

/// Hears of the events of a type, or of all.
struct RegistryListener {
  let owner: BusAddress
  /// Where its code stands, for errors.
  let place: (() -> String?)?
  let body: (RegistryEvent) throws -> Void
}
