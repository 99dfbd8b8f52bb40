import MoonLua
import MoonLuaSyntax
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
    try system.turn(TurnOrigin(.load)) {
      try readSettings(project)
      let sources = try project.sources()
      try collecting {
        for source in sources {
          let unit = try makeUnit(source.path)
          adopt(unit)
          try run(compile(source.text, unit), of: unit, source.kind)
        }
      } then: {
        try makeStores()
      }
      for source in sources {
        if let unit = scripts[source.path] { try callHook("onLoad", of: unit, try vm.makeTable()) }
      }
      for source in sources { note(versionOf: source.path) }
    }
    changes = [:]
    tidy()
  }

  /// Runs scripts, which say what they define, and then makes that; what is defined meanwhile by a plugin or
  /// a state function is made at once.
  func collecting(_ scripts: () throws -> Void, then make: () throws -> Void) throws {
    definitions = []
    isLoading = true
    defer {
      isLoading = false
      definitions = []
      afterLoading = []
      used = []
    }
    try scripts()
    isLoading = false
    try make()
  }

  /// Runs a script to its end, and takes what it returns for what its folder says.
  func run(_ function: LuaFunction, of unit: ScriptUnit, _ kind: Project.Kind) throws {
    let result = try execute(function, of: unit)
    switch kind {
    case .plugin: try adopt(plugin: result, of: unit.name)
    case .middleware: try adopt(middleware: result, of: unit.name)
    case .factory: break
    case .store:
      guard !unit.defined.isEmpty else {
        throw StoreError(
          .invalidDefinition,
          "\(unit.name) defines no store: end it with  return defineStore(\"id\", { ... })",
          script: unit.name
        )
      }
    }
  }

  /// Makes the globals of a new version of a script.
  func makeUnit(_ name: String, version: Int? = nil) throws -> ScriptUnit {
    if let store = system.registry.find(name) {
      throw StoreError(
        .invalidDefinition,
        "the name '\(name)' is the id of a store: messages are from and to a name, so that no two can share one; "
          + "choose another name for the script",
        store: store.id,
        script: name
      )
    }
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
    let access = system.access
    let hold = access.hold(try access.number(for: Principal(.script, name)))
    let version = version ?? histories[name]?.next ?? 1
    return ScriptUnit(name: name, version: version, environment: table, hold: hold)
  }

  /// Makes a version of a script the one that is there; undone with the turn.
  func adopt(_ unit: ScriptUnit) {
    let old = scripts[unit.name]
    scripts[unit.name] = unit
    system.noteUndo { [unowned self] in scripts[unit.name] = old }
  }

  func compile(_ text: String, _ unit: ScriptUnit) throws(StoreError) -> LuaFunction {
    unit.text = text
    do {
      return try vm.load(text, name: unit.name, environment: unit.environment)
    } catch {
      var error = StoreError(lua: error)
      // What is no text at all has no line.
      if error.script == nil { error.script = unit.name }
      error.locate(in: SyntaxTree(parsing: text))
      throw error
    }
  }

  /// Runs a script to its end.
  private func execute(_ function: LuaFunction, of unit: ScriptUnit) throws -> LuaValue {
    system.getterDepth += 1
    system.loading = unit.name
    defer {
      system.getterDepth -= 1
      system.loading = nil
    }
    do {
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
    keep(use(ScriptLayer(function, of: script)), for: script)
  }

  /// Makes the stores of the definitions that were collected, each after those that it depends on.
  ///
  /// Stores of scripts that are being reloaded become new versions of themselves.
  func makeStores() throws {
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
    for definition in definitions {
      guard let live = registry.find(definition.reader.id), !isReplaced(live) else { continue }
      throw StoreError(
        .duplicateStore,
        "there is already a store '\(live.id)'; it belongs to \(live.owner ?? "Swift")",
        store: live.id,
        script: definition.script,
        line: definition.line
      )
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
        if let live = registry.find(id), isReplaced(live) {
          try replace(live, by: definition)
        } else {
          try make(definition.reader, script: definition.script, origin: definition.origin)
          changes[id] = (.added, StateReconciliation.Difference())
        }
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
    for use in used where system.registry.find(use.id) == nil {
      throw StoreError(
        .unknownStore,
        "there is no store '\(use.id)'\(Suggestion.text(for: use.id, among: knownIDs))",
        script: use.script,
        line: use.line
      )
    }
  }

  private func readSettings(_ project: Project) throws {
    guard project.has(ProjectSettings.file) else { return try readSettings(nil) }
    try project.checkInside(ProjectSettings.file)
    try readSettings(project.text(of: ProjectSettings.file))
  }

  /// Reads what `moonstore.lua` says; nil when there is none.
  func readSettings(_ text: String?) throws {
    var merged: ValueMap = [:]
    main = nil
    messageMiddleware = NameSet(configuration.messageMiddleware)
    if let text {
      let unit = try makeUnit("moonstore.lua")
      adopt(unit)
      guard case .table(let table) = try execute(compile(text, unit), of: unit) else {
        throw StoreError(
          .invalidDefinition,
          "moonstore.lua must return a table of settings",
          script: "moonstore.lua"
        )
      }
      let project = try ProjectSettings(try table.value(), text: text, host: configuration)
      main = project.main
      if let main, let folder = self.project, !ProjectWalk.isInside(main, of: folder.root) {
        throw StoreError(
          .permissionDenied,
          "main = \"\(main)\" leads out of the project",
          script: ProjectSettings.file
        )
      }
      merged = project.settings
      messageMiddleware.formUnion(project.messageMiddleware)
      try change(limits: project.limits)
    } else {
      try change(limits: configuration.scriptLimits)
    }
    for (key, value) in configuration.settings { merged[.string(key)] = value }
    settings = .map(merged)
  }

  /// Finds and compiles a module for `require`: `lib.csv` is `lib/csv.lua` of the project.
  func loadModule(_ name: String, for unit: ScriptUnit) throws -> LuaFunction {
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
    for candidate in [path, "lib/" + path] {
      guard let text = try text(ofModule: candidate, in: project) else { continue }
      unit.modules[candidate] = text
      return try vm.load(text, name: candidate, environment: unit.environment)
    }
    throw StoreError(.unreadable, "require(\"\(name)\"): there is no \(path) in the project")
  }

  private func text(ofModule path: String, in project: Project) throws(StoreError) -> String? {
    // A reload takes all texts from one moment.
    if let texts = moduleTexts, let text = texts[path] { return text }
    guard project.has(path) else { return nil }
    try project.checkInside(path)
    return try project.text(of: path)
  }

  // MARK: Hooks

  /// Calls a function that a script may have as a global: `onLoad(carry)` or `onUnload(carry)`.
  func callHook(_ name: String, of unit: ScriptUnit, _ carry: LuaTable) throws {
    guard case .function(let hook) = try unit.environment.get(.string(name)) else { return }
    let outer = isBeginning
    isBeginning = true
    defer { isBeginning = outer }
    try withoutDriving(as: name) {
      do {
        try hook.call(.table(carry))
      } catch {
        throw StoreError(wrapping: error).located(store: unit.name, member: name)
      }
    }
  }
}
