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
  /// The entry of the handle that the script was given while its project is being loaded.
  var draft: StoreEntry?
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

  /// The line at which the first function of what the store is made from stands, for errors about the whole.
  private(set) var line: Int?

  /// The fields that the table has.
  private(set) var given: DefinitionFields = []

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

    var fields: DefinitionFields {
      switch self {
      case .definition: .facts.union(.code).union(.rest).union(.state)
      case .setup: .facts.union(.rest)
      case .configuration: .facts.union(.code).union(.rest).union(.factory)
      case .change: .facts.union(.code).union(.factory)
      }
    }

    var state: DefinitionFields { self == .definition ? .state : .initialState }
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
      line = function.definition?.line
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
    let parts = try Parts(table)
    let known = form.fields
    for (part, field) in zip(parts.fields, parts.kinds) {
      guard let name = part.name else {
        throw wrong("has a field without a name; the fields are \(known)")
      }
      guard !field.isEmpty, known.contains(field) else { throw unknown(name) }
      given.insert(field)
      if DefinitionFields.placed.contains(field), let own = part.line {
        line = min(line ?? own, own)
      }
    }
    try readRecord(parts)
    state = try parts.value(form.state)
    switch state {
    case .nil, .function, .table: break
    default: throw wrong("has a '\(form.state)' that is neither a function nor a table")
    }
    getters = try functions(parts, .getters)
    actions = try functions(parts, .actions)
    on = try functions(parts, .on)
    answers = try functions(parts, .answers)
    plugins = try list(parts, .plugins)
    options = try data(parts, .options) ?? .map([:])
    switch try parts.value(.migrate) {
    case .nil: break
    case .function(let function): migrate = function.reference
    default: throw wrong("has a 'migrate' that is no function")
    }
  }

  /// Adds what is said of the store beside its definition.
  mutating func add(record: LuaValue) throws {
    switch record {
    case .nil: return
    // A setup function says nothing but state, getters and actions.
    case .table(let table) where setup != nil: try read(table)
    case .table(let table):
      let parts = try Parts(table)
      guard parts.kinds.allSatisfy({ !$0.isEmpty && DefinitionFields.record.contains($0) }) else {
        throw wrong("has a record with something else than \(DefinitionFields.record)")
      }
      try readRecord(parts)
    default: throw wrong("has a record that is no table")
    }
  }

  private mutating func readRecord(_ parts: Parts) throws {
    if let text = try data(parts, .name) {
      guard let name = text.stringValue else { throw wrong("has a name that is no text") }
      self.name = name
    }
    if let metadata = try data(parts, .metadata) { self.metadata = metadata }
    if let names = try names(parts, .dependencies) { dependencies = names }
    if case let listed = try parts.value(.permissions), !listed.isNil { permissions = listed }
    if let version = try data(parts, .version) {
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
    if form == .change, let known = DefinitionFields(named: field),
      Form.configuration.fields.contains(known)
    {
      return wrong("cannot be configured with '\(field)'; what can change is \(form.fields)")
    }
    return wrong(
      "has an unknown field '\(field)'\(Suggestion.text(for: field, among: form.fields.names))"
    )
  }

  private func list(_ parts: Parts, _ field: DefinitionFields) throws -> [LuaReference] {
    let inner: LuaTable
    switch try parts.value(field) {
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

  private func data(_ parts: Parts, _ field: DefinitionFields) throws -> Value? {
    do {
      return try parts.value(field).value()
    } catch {
      throw wrong("has a '\(field)' that is no data: \(error.message)")
    }
  }

  private func names(_ parts: Parts, _ field: DefinitionFields) throws -> [String]? {
    guard let value = try data(parts, field) else { return nil }
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

  private func functions(_ parts: Parts, _ field: DefinitionFields) throws -> Functions {
    let inner: LuaTable
    switch parts.content(field) {
    case nil, .value(.nil): return []
    case .functions(let functions): return functions.sorted { $0.name < $1.name }
    case .value(.table(let table)): inner = table
    default: throw wrong("has '\(field)' that are no table of functions")
    }
    // An empty one, or one with something else in it.
    for (key, value) in try inner.pairs() {
      if case .data(.string) = key, case .function = value { continue }
      let key = ((try? key.value()) ?? nil).map { "\($0)" } ?? "?"
      throw wrong("has \(field)[\(key)], which is no function with a name")
    }
    return []
  }
}

/// The fields of the table that a store is made from.
private struct Parts {
  let table: LuaTable
  let fields: [LuaField]
  /// What each of them is; empty for what there is not.
  let kinds: [DefinitionFields]

  init(_ table: LuaTable) throws {
    self.table = table
    fields = try table.fields()
    kinds = fields.map { $0.name.flatMap(DefinitionFields.init(named:)) ?? [] }
  }

  func content(_ field: DefinitionFields) -> LuaField.Content? {
    for (place, kind) in kinds.enumerated() where kind.rawValue == field.rawValue {
      return fields[place].content
    }
    return nil
  }

  /// A field as a value of its own, also where it is a table of functions.
  func value(_ field: DefinitionFields) throws(LuaError) -> LuaValue {
    switch content(field) {
    case nil: .nil
    case .value(let value): value
    case .functions: try table.get(.string("\(field)"))
    }
  }
}
