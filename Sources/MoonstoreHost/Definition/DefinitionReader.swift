import MoonLua
import MoonValue
import MoonstoreCore

/// Reads what a script gives to `defineStore`, and says what is wrong with it.
///
/// Takes a Lua table or a setup function, gives the parts that a store is made from.
struct DefinitionReader {
  /// Functions by name, in order of names so that nothing depends on Lua's order.
  typealias Functions = [(name: String, function: LuaReference)]

  let id: String
  var name: String
  var metadata = Value.map([:])
  var dependencies: [String] = []
  /// The list as it was given; the host reads it, since it can hold functions.
  var permissions: LuaValue = .nil
  var version = 1
  /// The function, or the table, that makes the state.
  var state: LuaValue = .nil
  var getters: Functions = []
  var actions: Functions = []
  var on: Functions = []
  var answers: Functions = []
  /// Plugins of this store alone, in order.
  var plugins: [LuaReference] = []
  /// What plugins are told about the store.
  var options = Value.map([:])
  var migrate: LuaReference?
  /// The setup function of the second form.
  var setup: LuaReference?

  /// The fields that the table has.
  private(set) var given: Set<String> = []

  /// Who writes the table.
  enum Form {
    /// `defineStore`.
    case definition
    /// What stands beside a setup function: all but what the function makes.
    case setup
    /// A factory's `create`, whose words differ a little.
    case configuration
    /// A factory's `configure`: only what is to change.
    case change

    var fields: [String] {
      let facts = ["name", "metadata", "dependencies", "permissions", "plugins"]
      let code = ["getters", "actions"]
      let rest = ["on", "answers", "options", "version", "migrate"]
      return switch self {
      case .definition: facts + ["state"] + code + rest
      case .setup: facts + rest
      case .configuration: facts + ["id", "initialState"] + code + rest
      case .change: facts + ["id", "initialState"] + code
      }
    }

    var state: Value.Key { self == .definition ? "state" : "initialState" }
  }

  private let form: Form

  init(id: String, _ definition: LuaValue, form: Form = .definition) throws {
    self.id = id
    if case .function = definition, form == .definition {
      self.form = .setup
    } else {
      self.form = form
    }
    name = id
    try StoreID.check(id)
    switch definition {
    case .function(let function) where form == .definition:
      setup = function.reference
    case .table(let table): try read(table)
    default:
      throw form == .definition
        ? wrong("is made from a table or a setup function: defineStore(\"\(id)\", { ... })")
        : wrong("is made from a table: { id = \"\(id)\", initialState = { ... } }")
    }
  }

  private func wrong(_ what: String) -> StoreError {
    StoreError(.invalidDefinition, "the store '\(id)' \(what)", store: id)
  }

  private mutating func read(_ table: LuaTable) throws {
    for (key, _) in try table.pairs() {
      guard case .data(.string(let field)) = key else {
        throw wrong("has a field without a name; the fields are \(list(form.fields))")
      }
      guard form.fields.contains(field) else { throw unknown(field) }
      given.insert(field)
    }
    try readRecord(table)
    state = try table.get(form.state)
    switch state {
    case .nil, .function, .table: break
    default: throw wrong("has a '\(form.state)' that is neither a function nor a table")
    }
    getters = try functions(table, "getters")
    actions = try functions(table, "actions")
    on = try functions(table, "on")
    answers = try functions(table, "answers")
    plugins = try list(table, "plugins")
    options = try data(table, "options") ?? .map([:])
    switch try table.get("migrate") {
    case .nil: break
    case .function(let function): migrate = function.reference
    default: throw wrong("has a 'migrate' that is no function")
    }
  }

  private static let recordFields = ["name", "metadata", "dependencies", "permissions", "version"]

  /// Adds what is said of the store beside its definition.
  mutating func add(record: LuaValue) throws {
    switch record {
    case .nil: return
    // A setup function says nothing but state, getters and actions.
    case .table(let table) where setup != nil: try read(table)
    case .table(let table):
      for (key, _) in try table.pairs() {
        guard case .data(.string(let field)) = key, DefinitionReader.recordFields.contains(field)
        else {
          let known = list(DefinitionReader.recordFields)
          throw wrong("has a record with something else than \(known)")
        }
      }
      try readRecord(table)
    default: throw wrong("has a record that is no table")
    }
  }

  private mutating func readRecord(_ table: LuaTable) throws {
    if let text = try data(table, "name") {
      guard let name = text.stringValue else { throw wrong("has a name that is no text") }
      self.name = name
    }
    if let metadata = try data(table, "metadata") { self.metadata = metadata }
    if let names = try names(table, "dependencies") { dependencies = names }
    if case let listed = try table.get("permissions"), !listed.isNil { permissions = listed }
    if let version = try data(table, "version") {
      guard let number = version.integerValue, number >= 1 else {
        throw wrong("has a version that is no whole number from 1")
      }
      self.version = Int(number)
    }
  }

  private func unknown(_ field: String) -> StoreError {
    if form == .setup, ["state", "getters", "actions"].contains(field) {
      return wrong("has '\(field)' beside its setup function, which returns that itself")
    }
    if field == "state" || field == "initialState" {
      return wrong("has an unknown field '\(field)'; here it is called '\(form.state)'")
    }
    if DefinitionReader.Form.configuration.fields.contains(field), form == .change {
      return wrong("cannot be configured with '\(field)'; what can change is \(list(form.fields))")
    }
    return wrong(
      "has an unknown field '\(field)'\(Suggestion.text(for: field, among: form.fields))"
    )
  }

  private func list(_ table: LuaTable, _ field: String) throws -> [LuaReference] {
    let inner: LuaTable
    switch try table.get(.string(field)) {
    case .nil: return []
    case .table(let table): inner = table
    default: throw wrong("has '\(field)' that are no list of functions")
    }
    let count = try inner.length()
    guard try inner.pairs().count == count else {
      throw wrong("has '\(field)' that are no list of functions")
    }
    return try (1...max(1, count)).prefix(count).map { index in
      guard case .function(let function) = try inner.get(.integer(Int64(index))) else {
        throw wrong("has \(field)[\(index)], which is no function")
      }
      return function.reference
    }
  }

  private func list(_ names: [String]) -> String { names.joined(separator: ", ") }

  private func data(_ table: LuaTable, _ field: String) throws -> Value? {
    do {
      return try table.get(.string(field)).value()
    } catch {
      throw wrong("has a '\(field)' that is no data: \(error.message)")
    }
  }

  private func names(_ table: LuaTable, _ field: String) throws -> [String]? {
    guard let value = try data(table, field) else { return nil }
    if value.mapValue?.isEmpty == true { return [] }
    guard let elements = value.arrayValue else {
      throw wrong("has '\(field)' that are no list of texts")
    }
    return try elements.map {
      guard let name = $0.stringValue else {
        throw wrong("has '\(field)' that are no list of texts")
      }
      return name
    }
  }

  private func functions(_ table: LuaTable, _ field: String) throws -> Functions {
    let inner: LuaTable
    switch try table.get(.string(field)) {
    case .nil: return []
    case .table(let table): inner = table
    default: throw wrong("has '\(field)' that are no table of functions")
    }
    var functions: Functions = []
    for (key, value) in try inner.pairs() {
      guard case .data(.string(let name)) = key, case .function(let function) = value else {
        let key = ((try? key.value()) ?? nil).map { "\($0)" } ?? "?"
        throw wrong("has \(field)[\(key)], which is no function with a name")
      }
      functions.append((name, function.reference))
    }
    return functions.sorted { $0.name < $1.name }
  }
}
