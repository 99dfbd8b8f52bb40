import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// Loads a project: all of it, or nothing.
  ///
  /// Scripts run first and say what they define; then the stores are made in the order of their
  /// dependencies, so that files need no order of their own.
  func load(_ project: Project) throws(StoreError) {
    self.project = project
    projectRoot = project.root
    let scope = beginBudget(budgets.loading)
    defer { endBudget(scope) }
    try system.turn {
      try readSettings(project)
      definitions = []
      isLoading = true
      defer {
        isLoading = false
        definitions = []
        afterLoading = []
      }
      for source in try project.sources() { try run(source) }
      // What is defined from here on, by a plugin or a state function, is made at once.
      isLoading = false
      try makeStores()
    }
    tidy()
  }

  private func run(_ source: Project.Source) throws {
    let unit = try makeUnit(source.path)
    let result = try execute(source.text, unit)
    switch source.kind {
    case .plugin: try adopt(plugin: result, of: source.path)
    case .middleware: try adopt(middleware: result, of: source.path)
    case .factory: break
    case .store:
      guard !unit.stores.isEmpty else {
        throw StoreError(
          .invalidDefinition,
          "\(source.path) defines no store: end it with  return defineStore(\"id\", { ... })",
          script: source.path
        )
      }
    }
  }

  /// Makes the globals of a script.
  func makeUnit(_ name: String) throws -> ScriptUnit {
    let environment = try preludeFunction("environment").call(
      .data(.string(name)),
      .table(try vm.makeTable(settings)),
      .table(
        try vm.makeTable([
          "files": .bool(configuration.grantsFiles), "http": .bool(configuration.http != nil),
        ])
      )
    )
    guard case .table(let table) = environment.first else {
      throw StoreError(.closed, "the prelude made no environment")
    }
    let grant = try system.access.number(for: Principal(.script, name))
    let unit = ScriptUnit(name: name, environment: table, grant: grant)
    scripts[name] = unit
    return unit
  }

  /// Compiles a script and runs it to its end.
  private func execute(_ text: String, _ unit: ScriptUnit) throws -> LuaValue {
    unit.text = text
    do {
      let function = try vm.load(text, name: unit.name, environment: unit.environment)
      return try function.call().first ?? .nil
    } catch {
      var error = StoreError(lua: error)
      // A tail call such as `return defineStore(...)` leaves no frame of the script to blame.
      if error.script == nil { error.script = unit.name }
      throw error
    }
  }

  private func adopt(plugin result: LuaValue, of path: String) throws {
    guard case .function(let function) = result else {
      throw StoreError(
        .invalidDefinition,
        "\(path) must return a function(context), which is called for each store",
        script: path
      )
    }
    keep(system.use(plugin: plugin(function.reference, of: path)), for: path)
  }

  private func adopt(middleware result: LuaValue, of path: String) throws {
    switch result {
    case .function(let function): try addActionMiddleware(function, of: path)
    case .table(let table):
      if case .function(let action) = try table.get("action") {
        try addActionMiddleware(action, of: path)
      }
      if case .function(let message) = try table.get("message") {
        keep(useMessageMiddleware(message.reference, of: path), for: path)
      }
    default:
      throw StoreError(
        .invalidDefinition,
        "\(path) must return a function(call, next), or a table with 'action' or 'message'",
        script: path
      )
    }
  }

  func addActionMiddleware(_ function: LuaFunction, of script: String) throws {
    let grant = Int64(scripts[script]?.grant ?? 0)
    try preludeFunction("addMiddleware").call(.function(function), .data(.integer(grant)))
    hasScriptMiddleware = true
    layers.append(ScriptLayer(.action, function, of: script))
    refreshHooks()
  }

  private func makeStores() throws {
    var known: [String: CollectedDefinition] = [:]
    for definition in definitions {
      let id = definition.reader.id
      if let other = known[id] {
        throw StoreError(
          .duplicateStore,
          "the store '\(id)' is defined twice: here and at \(other.script):\(other.line ?? 0)",
          store: id,
          script: definition.script,
          line: definition.line
        )
      }
      known[id] = definition
    }
    let registry = system.registry
    var resolver = DependencyOrder { id in
      known[id]?.reader.dependencies ?? (registry.has(id) ? [] : nil)
    }
    let order: [String]
    do {
      order = try resolver.order(of: definitions.map(\.reader.id))
    } catch {
      var error = error
      if let at = error.store.flatMap({ known[$0] }) {
        error.script = at.script
        error.line = at.line
      }
      throw error
    }
    for id in order {
      guard let definition = known[id] else { continue }
      do {
        try make(definition.reader, script: definition.script, origin: definition.origin)
      } catch {
        var error = StoreError(wrapping: error)
        if error.script == nil {
          error.script = definition.script
          error.line = definition.line
        }
        throw error
      }
    }
    for (script, body) in afterLoading {
      do {
        try body()
      } catch {
        var error = StoreError(wrapping: error)
        if error.script == nil { error.script = script }
        throw error
      }
    }
    try checkUsed()
  }

  /// Stores that scripts asked for while the project was not complete must be there now.
  private func checkUsed() throws(StoreError) {
    defer { used = [] }
    for use in used where entry(use.id).live == nil {
      throw StoreError(
        .unknownStore,
        "there is no store '\(use.id)'\(Suggestion.text(for: use.id, among: knownIDs))",
        script: use.script,
        line: use.line
      )
    }
  }

  private func readSettings(_ project: Project) throws {
    var merged: [Value.Key: Value] = [:]
    if project.has("moonstore.lua") {
      let unit = try makeUnit("moonstore.lua")
      guard case .table(let table) = try execute(project.text(of: "moonstore.lua"), unit) else {
        throw StoreError(
          .invalidDefinition,
          "moonstore.lua must return a table of settings",
          script: "moonstore.lua"
        )
      }
      let all = try table.value()
      main = all["main"]?.stringValue
      merged = all["settings"]?.mapValue ?? [:]
    }
    for (key, value) in configuration.settings { merged[.string(key)] = value }
    settings = .map(merged)
  }

  /// Finds and compiles a module for `require`: `lib.csv` is `lib/csv.lua` of the project.
  func loadModule(_ name: String, environment: LuaTable) throws -> LuaFunction {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let isName = parts.allSatisfy { part in
      !part.isEmpty && part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
    }
    guard isName, let project else {
      throw StoreError(
        .invalidArgument,
        "require(\"\(name)\"): a module is named by its place in the project, such as \"lib.money\""
      )
    }
    let path = parts.joined(separator: "/") + ".lua"
    for candidate in [path, "lib/" + path] where project.has(candidate) {
      try project.checkInside(candidate)
      let text = try project.text(of: candidate)
      return try vm.load(text, name: candidate, environment: environment)
    }
    throw StoreError(.unreadable, "require(\"\(name)\"): there is no \(path) in the project")
  }
}
