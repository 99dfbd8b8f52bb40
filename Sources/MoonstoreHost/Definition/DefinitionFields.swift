/// What the table that a store is made from can say, by the names of its fields.
struct DefinitionFields: OptionSet, CustomStringConvertible {
  let rawValue: UInt32

  init(rawValue: UInt32) { self.rawValue = rawValue }

  static let name = DefinitionFields(rawValue: 1 << 0)
  static let metadata = DefinitionFields(rawValue: 1 << 1)
  static let dependencies = DefinitionFields(rawValue: 1 << 2)
  static let permissions = DefinitionFields(rawValue: 1 << 3)
  static let plugins = DefinitionFields(rawValue: 1 << 4)
  static let state = DefinitionFields(rawValue: 1 << 5)
  static let id = DefinitionFields(rawValue: 1 << 6)
  static let initialState = DefinitionFields(rawValue: 1 << 7)
  static let getters = DefinitionFields(rawValue: 1 << 8)
  static let actions = DefinitionFields(rawValue: 1 << 9)
  static let on = DefinitionFields(rawValue: 1 << 10)
  static let answers = DefinitionFields(rawValue: 1 << 11)
  static let options = DefinitionFields(rawValue: 1 << 12)
  static let version = DefinitionFields(rawValue: 1 << 13)
  static let migrate = DefinitionFields(rawValue: 1 << 14)

  static let facts: DefinitionFields = [.name, .metadata, .dependencies, .permissions, .plugins]
  static let code: DefinitionFields = [.getters, .actions]
  static let rest: DefinitionFields = [.on, .answers, .options, .version, .migrate]
  /// What stands beside a definition that is registered with a record.
  static let record: DefinitionFields = [
    .name, .metadata, .dependencies, .permissions, .version,
  ]
  /// What says where the code of a store stands.
  static let placed: DefinitionFields = [
    .state, .initialState, .getters, .actions, .on, .answers,
  ]
  /// What a factory's words differ in.
  static let factory: DefinitionFields = [.id, .initialState]

  // In the order in which people are told of them, which is that of their bits.
  private static let allNames = [
    "name", "metadata", "dependencies", "permissions", "plugins", "state", "id", "initialState",
    "getters", "actions", "on", "answers", "options", "version", "migrate",
  ]
  private static let byName = Dictionary(
    uniqueKeysWithValues: allNames.enumerated().map {
      ($1, DefinitionFields(rawValue: 1 << UInt32($0)))
    }
  )

  /// The field of a name, if there is one.
  init?(named name: String) {
    guard let field = DefinitionFields.byName[name] else { return nil }
    self = field
  }

  var names: [String] {
    DefinitionFields.allNames.indices.filter { rawValue & 1 << UInt32($0) != 0 }
      .map { DefinitionFields.allNames[$0] }
  }

  var description: String { names.joined(separator: ", ") }
}
