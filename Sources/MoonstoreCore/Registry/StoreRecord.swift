public import MoonValue

/// What a store was registered with, as it was then.
public struct StoreRecord: Codable, Sendable, Hashable {
  /// The store's id.
  public let id: String
  /// Its name for people.
  public let name: String
  /// What its definition says about it.
  public let metadata: Value
  /// The stores that it needs.
  public let dependencies: [String]
  /// The stores that need it.
  public let dependents: [String]
  /// What others may do with it; nil where its definition does not say.
  public let permissions: [PermissionRecord]?
  /// The version of its state.
  public let version: Int
  /// The script that owns it; nil for a store of Swift's.
  public let script: String?

  private enum CodingKeys: String, CodingKey {
    case id, name, metadata, dependencies, dependents, permissions, version, script
  }

  /// Encodes it with nulls for what it does not have.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(name, forKey: .name)
    try container.encode(metadata, forKey: .metadata)
    try container.encode(dependencies, forKey: .dependencies)
    try container.encode(dependents, forKey: .dependents)
    try container.encode(permissions, forKey: .permissions)
    try container.encode(version, forKey: .version)
    try container.encode(script, forKey: .script)
  }

  init(_ store: LiveStore, dependents: [String]) {
    let definition = store.definition
    id = store.id
    name = definition.name
    metadata = definition.metadata
    dependencies = definition.dependencies
    self.dependents = dependents
    permissions = definition.permissions.map { $0.map(PermissionRecord.init) }
    version = definition.version
    script = store.owner
  }
}

/// A permission as data: its text, or a map with what limits it.
public struct PermissionRecord: Codable, Sendable, Hashable, CustomStringConvertible {
  /// The right with the part that it is for, such as `write:items`.
  public let permission: String
  /// The name of the one who has it; nil for all.
  public let principal: String?
  /// What kind of holder that is, such as `script`.
  public let kind: String?
  /// Whether it is asked each time.
  public let isConditional: Bool

  private enum CodingKeys: String, CodingKey {
    case permission, principal, kind
    case isConditional = "conditional"
  }

  /// Encodes it as a text where nothing limits it.
  public func encode(to encoder: any Encoder) throws {
    guard principal != nil || isConditional else {
      var container = encoder.singleValueContainer()
      return try container.encode(permission)
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(permission, forKey: .permission)
    try container.encodeIfPresent(principal, forKey: .principal)
    try container.encodeIfPresent(kind, forKey: .kind)
    if isConditional { try container.encode(true, forKey: .isConditional) }
  }

  /// Decodes it from a text or a map.
  public init(from decoder: any Decoder) throws {
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      permission = text
      principal = nil
      kind = nil
      isConditional = false
      return
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    permission = try container.decode(String.self, forKey: .permission)
    principal = try container.decodeIfPresent(String.self, forKey: .principal)
    kind = try container.decodeIfPresent(String.self, forKey: .kind)
    isConditional = try container.decodeIfPresent(Bool.self, forKey: .isConditional) ?? false
  }

  init(_ permission: Permission) {
    self.permission = permission.text
    principal = permission.principal?.name
    kind = permission.principal?.kind.rawValue
    isConditional = permission.isConditional
  }

  /// The permission in words.
  public var description: String {
    var words = permission
    if let principal { words += " for \(principal)" }
    if isConditional { words += " under a condition" }
    return words
  }
}
