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
    case .record(let record): record.value
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
    case record(StoreRecord)
    case storeID
  }

  /// The event as data; without a payload it has no such field, as a message has none.
  package var record: Value {
    var record: ValueMap = [
      "sequence": .integer(Int64(sequence)), "type": .string(type), "source": .string(source),
      "target": target.map(Value.string) ?? .null, "timestamp": .number(timestamp),
    ]
    if case .nothing = content { return .map(record) }
    record["payload"] = payload
    return .map(record)
  }
}

/// What a store was registered with, as it was then.
final class StoreRecord: Sendable {
  private let id: String
  private let name: String
  private let metadata: Value
  private let dependencies: [String]
  private let dependents: [String]
  private let permissions: Value
  private let version: Int
  private let script: String?

  init(_ store: LiveStore, dependents: [String]) {
    let definition = store.definition
    id = store.id
    name = definition.name
    metadata = definition.metadata
    dependencies = definition.dependencies
    self.dependents = dependents
    permissions = definition.permissions.map { .array($0.map(\.record)) } ?? .null
    version = definition.version
    script = store.owner
  }

  var value: Value {
    [
      "id": .string(id), "name": .string(name), "metadata": metadata,
      "dependencies": .array(dependencies.map(Value.string)),
      "dependents": .array(dependents.map(Value.string)), "permissions": permissions,
      "version": .integer(Int64(version)), "script": script.map(Value.string) ?? .null,
    ]
  }
}

/// Hears of the events of a type, or of all.
struct RegistryListener {
  let owner: BusAddress
  /// Where its code stands, for errors.
  let place: (() -> String?)?
  let body: (RegistryEvent) throws -> Void
}
