import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// `defineStore`, `useStore`, `require` and what setup functions use.
  func addDefinitionFunctions(_ natives: Natives) throws {
    natives.add("defineStore", as: .defineStore, hidden: 1, byReference: true) {
      [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      try arguments.checkTableOrFunction()
      var reader = try DefinitionReader(id: id, try arguments.luaValue())
      // What a setup function cannot say of its store, such as its dependencies, stands beside it.
      try reader.add(record: arguments.isNil ? .nil : .table(try arguments.table()))
      try define(reader, script: script)
      return arguments.answer(handle(definedBy: script, id))
    }
    natives.add("useStore", as: .useStore, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      if entry(id).live == nil {
        let isPending = definitions.contains { $0.reader.id == id }
        guard isLoading || isPending else { throw unknown(id) }
        used.append((id, script, machine.runningPlace(in: script)?.line))
      }
      return arguments.answer(handle(named: id, for: script))
    }
    // How often code ran over a limit, for what it leaves half-done.
    natives.add("overruns", within: "require") { [unowned self] arguments in
      arguments.answer(.integer(Int64(system.recoveries)))
    }
    natives.add("loadModule", as: .require, hidden: 1, byReference: true) {
      [unowned self] arguments in
      let script = try arguments.string()
      let name = try arguments.string()
      guard let unit = scripts[script] else { throw unknown(script) }
      let function = try loadModule(name, for: unit)
      arguments.call.dropArguments()
      machine.append(function.reference)
      return .results(1)
    }
    try addSetupFunctions(natives)
  }

  func unknown(_ id: String) -> StoreError {
    StoreError(
      .unknownStore,
      "there is no store '\(id)'\(Suggestion.text(for: id, among: knownIDs))"
    )
  }

  /// The rights that a script's handle of a store carries: everything for its own, and nothing for a script that is
  /// gone.
  func grant(of script: String, on id: String) -> UInt16 {
    guard let unit = scripts[script] else { return AccessTable.nothing }
    return system.registry.find(id)?.isOwned(by: script) == true ? 0 : unit.grant
  }

  /// Makes the store of a definition, or notes it while the project is being loaded.
  func define(_ reader: DefinitionReader, script: String, origin: LuaTable? = nil) throws {
    if isLoading {
      collect(
        CollectedDefinition(
          script: script,
          line: machine.runningPlace(in: script)?.line ?? reader.line,
          reader: reader,
          origin: origin
        )
      )
    } else {
      try system.forbidInGetter("define a store")
      let definition = CollectedDefinition(
        script: script,
        line: reader.line,
        reader: reader,
        origin: origin
      )
      try change {
        if let live = system.registry.find(reader.id), isReplaced(live) {
          try replace(live, by: definition)
        } else {
          try make(reader, script: script, origin: origin)
        }
      }
    }
  }

  /// Notes a definition until its project is loaded; what fails under a script's pcall takes it back.
  private func collect(_ definition: CollectedDefinition) {
    let id = definition.reader.id
    let unit = scripts[definition.script]
    definition.reader.draft = StoreEntry(
      id: id,
      owner: .script(ExactName(definition.script)),
      graph: system.graph
    )
    definitions.append(definition)
    unit?.stores.insert(id)
    unit?.defined.insert(id)
    system.noteUndo { [unowned self] in
      definitions.removeAll { $0 === definition }
      unit?.stores.remove(id)
      unit?.defined.remove(id)
    }
  }

  /// Makes and registers the store of a definition, with all that belongs to it, or nothing.
  func make(
    _ reader: DefinitionReader,
    script: String,
    origin: LuaTable?
  ) throws(StoreError) {
    let scope = beginBudget(budgets.turn)
    defer { endBudget(scope) }
    try system.turn {
      do {
        try register(reader, script: script, origin: origin)
      } catch {
        throw StoreError(wrapping: error).located(store: reader.id, member: nil)
      }
    }
  }

  private func register(_ reader: DefinitionReader, script: String, origin: LuaTable?) throws {
    let live = try assemble(reader, of: script)
    live.line = reader.line
    live.origin = origin
    do {
      try system.register(live)
    } catch {
      discard(live)
      throw error
    }
    scripts[script]?.stores.insert(live.id)
    if !reader.on.isEmpty || !reader.answers.isEmpty { try addHandlers(of: reader, to: live) }
    try system.install(reader.plugins.map { plugin($0, of: script) }, on: live)
  }

  /// The store of a definition, with its state, getters and actions, known to nobody yet.
  private func assemble(_ reader: DefinitionReader, of script: String) throws -> LiveStore {
    var definition = try record(of: reader)
    let live: LiveStore
    if let setup = reader.setup {
      live = try makeSetupStore(definition, setup, of: script, reader.draft)
    } else {
      let root = try initialState(reader.state, id: reader.id)
      definition.state = beginning(of: reader, root)
      live = LiveStore(definition, root: root, system: system)
      live.owner = script
      claimEntry(for: live, draft: reader.draft)
    }
    live.reserve(getters: reader.getters.count, actions: reader.actions.count)
    do {
      for getter in reader.getters { try add(getter: getter.name, getter.function, to: live) }
      for action in reader.actions { try add(action: action.name, action.function, to: live) }
    } catch {
      discard(live)
      throw error
    }
    return live
  }

  /// What a definition says of its store besides the code.
  private func record(of reader: DefinitionReader) throws -> StoreDefinition {
    var definition = StoreDefinition(reader.id, name: reader.name)
    definition.metadata = reader.metadata
    definition.dependencies = reader.dependencies
    if !reader.permissions.isNil {
      definition.permissions = try permissions(reader.permissions, of: reader.id)
    }
    definition.version = reader.version
    definition.options = reader.options
    return definition
  }

  /// What makes the state of a definition again, once it was made.
  private func beginning(of reader: DefinitionReader, _ root: StateNode) -> () throws -> Value {
    let (state, id) = (reader.state, reader.id)
    if case .table = state {
      // The table stays its writer's: what they do to it later is nothing to the store.
      let initial = root.value
      return { initial }
    }
    return { [unowned self] in try initialState(state, id: id).value }
  }

  /// Makes a live store a new version of itself, as a script has defined it.
  func take(
    _ definition: CollectedDefinition,
    for live: LiveStore
  ) throws -> StateReconciliation.Difference {
    let reader = definition.reader
    let record = try record(of: reader)
    var new: StoreReplacement
    var scope: SetupScope?
    if let setup = reader.setup {
      (new, scope) = try setupReplacement(record, setup, for: live)
    } else {
      let root = try initialState(reader.state, id: reader.id)
      new = StoreReplacement(record, initial: root.value)
      new.definition.state = beginning(of: reader, root)
      new.getters = reader.getters.map {
        ($0.name, evaluation(of: $0.function, named: $0.name, live, takesSelf: true))
      }
      new.actions = reader.actions.map { ($0.name, .script($0.function, takesSelf: true)) }
    }
    new.owner = definition.script
    new.line = reader.line
    new.origin = definition.origin
    new.isRestart = isRestarting
    if let migrate = reader.migrate {
      new.migrate = { [unowned self] old, version in
        try self.migrate(old, from: version, by: migrate, of: live.id)
      }
    }
    let plugins = reader.plugins.map { plugin($0, of: definition.script) }
    let difference = try live.replace(with: new, plugins: plugins) {
      if let scope { try place(scope, in: live) }
      try addHandlers(of: reader, to: live)
    }
    refreshHooks(of: live)
    return difference
  }

  private func migrate(
    _ old: Value,
    from version: Int,
    by function: LuaReference,
    of id: String
  ) throws -> Value {
    do {
      let result = try withoutDriving(as: "migrate of ", of: id) {
        try LuaFunction(function).call(
          .table(try vm.makeTable(old)),
          .data(.integer(Int64(version)))
        ).first
      }
      guard case .table(let table) = result else { return .null }
      return try stateSlot(of: table.reference, of: id).value
    } catch {
      throw StoreError(wrapping: error).located(store: id, member: "migrate")
    }
  }

  /// Ends a store that was never registered.
  private func discard(_ live: LiveStore) {
    for action in live.actions { forget(action: action, of: live) }
    live.dispose()
  }

  /// Runs the function that makes the state, or copies the table.
  func initialState(
    _ state: LuaValue,
    id: String
  ) throws -> StateNode {
    var slot = StateSlot.empty
    switch state {
    case .function(let function):
      let base = machine.tokenCount
      defer { machine.truncateTokens(to: base) }
      try withoutDriving(as: "the state function of ", of: id) {
        try machine.callState(function.reference, base: base)
      }
      if machine.tokenCount > base {
        var token = try machine.token(at: base)
        slot = try stateSlot(&token, of: id)
      }
    case .table(let table): slot = try stateSlot(of: table.reference, of: id)
    case .nil, .data, .opaque: slot = .node(StateNode(.map, tree: system.tree))
    }
    guard let node = slot.node, node.kind != .array else {
      throw StoreError(
        .invalidDefinition,
        "the state of '\(id)' must be a table with named fields: state = function() return { ... } end",
        store: id
      )
    }
    if node.kind == .undetermined { return StateNode(.map, tree: system.tree) }
    return node
  }

  /// What stands at a token, for a place in a store's state; errors begin with the store and `place`.
  func stateSlot(
    _ token: inout LuaToken,
    of store: String,
    at place: String = ""
  ) throws -> StateSlot {
    guard token.kind == .reference else {
      return try StateConversion(system: system).slot(&token, for: .state, at: store + place)
    }
    let reference = LuaReference(adopting: token, machine: machine)
    token.skip()
    guard reference.isTable else {
      let what = reference.isFunction ? "a function" : "a coroutine"
      throw StoreError(.notData, "\(store)\(place): \(what) cannot be state", store: store)
    }
    return try stateSlot(of: reference, of: store, at: place)
  }

  /// A table of a script, copied for a place in a store's state.
  func stateSlot(
    of table: LuaReference,
    of store: String,
    at place: String = ""
  ) throws -> StateSlot {
    let base = machine.tokenCount
    defer { machine.truncateTokens(to: base) }
    var token: LuaToken
    do {
      token = try machine.data(of: table, strict: true)
    } catch {
      // The message begins with the path to the part that is no data.
      let path = error.message.hasPrefix(".") || error.message.hasPrefix("[") ? "" : ": "
      let reason = error.message.replacing("cannot be data", with: "cannot be state")
      throw StoreError(.notData, "\(store)\(place)\(path)\(reason)", store: store)
    }
    return try StateConversion(system: system).slot(&token, for: .state, at: store + place)
  }

  func add(
    getter name: String,
    _ function: LuaReference,
    to live: LiveStore,
    takesSelf: Bool = true
  ) throws {
    try live.add(makeGetter(name, function, of: live, takesSelf: takesSelf))
  }

  /// A getter whose code is a script's.
  func makeGetter(
    _ name: String,
    _ function: LuaReference,
    of live: LiveStore,
    takesSelf: Bool
  ) -> Getter {
    Getter(
      name,
      of: live,
      evaluate: evaluation(of: function, named: name, live, takesSelf: takesSelf)
    )
  }

  /// What evaluates a getter of a script's.
  func evaluation(
    of function: LuaReference,
    named name: String,
    _ live: LiveStore,
    takesSelf: Bool
  ) -> () throws -> StateSlot {
    { [unowned self, unowned live] in
      try evaluate(function, named: name, live, takesSelf: takesSelf)
    }
  }

  private func evaluate(
    _ function: LuaReference,
    named name: String,
    _ live: LiveStore,
    takesSelf: Bool
  ) throws -> StateSlot {
    if isQuarantined(live) { throw refusal(live, name) }
    let exhaustions = machine.exhaustions
    defer { if machine.exhaustions != exhaustions { system.exhaustions += 1 } }
    do {
      let base = try limited(budgets.getter) {
        try withoutDriving {
          try machine.callGetter(function, handle: takesSelf ? handle(live) : nil)
        }
      }
      defer { machine.truncateTokens(to: base) }
      var token = try machine.token(at: base)
      if token.kind == .reference {
        return .opaque(LuaReference(adopting: token, machine: machine))
      }
      return try StateConversion(system: system).slot(&token, for: .result)
    } catch {
      throw StoreError(wrapping: error).located(store: live.id, member: name)
    }
  }

  func add(action name: String, _ function: LuaReference, to live: LiveStore) throws {
    try live.add(LiveStore.Action(name: name, code: .script(function, takesSelf: !live.isSetup)))
    try update(action: live.actions.count - 1, of: live)
  }

  func addHandlers(of reader: DefinitionReader, to live: LiveStore) throws {
    for handler in reader.on {
      live.handlers.append(try add(handler: handler.name, handler.function, to: live))
    }
    for responder in reader.answers {
      live.handlers.append(try add(responder: responder.name, responder.function, to: live))
    }
  }

  func add(
    handler type: String,
    _ function: LuaReference,
    to live: LiveStore
  ) throws -> Subscription {
    try system.bus.subscribe(type, owner: live.address, place: { LuaFunction(function).place }) {
      [unowned self, unowned live] message in
      try handle(message, owner: live.id, function, self: live, answers: false)
    }
  }

  func add(
    responder type: String,
    _ function: LuaReference,
    to live: LiveStore
  ) throws -> Subscription {
    try system.bus.answer(type, owner: live.address, place: { LuaFunction(function).place }) {
      [unowned self, unowned live] message in
      try handle(message, owner: live.id, function, self: live, answers: true)
    }
  }
}
