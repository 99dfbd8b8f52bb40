import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// `defineStore`, `useStore`, `require` and what setup functions use.
  func addDefinitionFunctions(_ natives: Natives) throws {
    try natives.add("defineStore", as: "defineStore", byReference: true) {
      [unowned self] arguments in
      let script = try arguments.string("the script")
      let id = try arguments.string("the id")
      let definition = try arguments.luaValue()
      var reader = try DefinitionReader(id: id, definition)
      // What a setup function cannot say of its store, such as its dependencies, stands beside it.
      try reader.add(record: try arguments.luaValue())
      scripts[script]?.stores.append(id)
      if isLoading {
        definitions.append(
          CollectedDefinition(script: script, line: reader.line(in: machine), reader: reader)
        )
      } else {
        try system.forbidInGetter("define a store")
        try change { try make(reader, script: script) }
      }
      return arguments.answer(LuaObject(kind: ObjectKind.store, grant: 0, instance: entry(id)))
    }
    try natives.add("useStore", as: "useStore") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let id = try arguments.string("the id")
      let entry = entry(id)
      if entry.live == nil {
        guard isLoading else { throw unknown(id) }
        used.append((id, script, nil))
      }
      return arguments.answer(
        LuaObject(kind: ObjectKind.store, grant: grant(of: script, on: id), instance: entry)
      )
    }
    try natives.add("loadModule", as: "require", byReference: true) { [unowned self] arguments in
      let script = try arguments.string("the script")
      let name = try arguments.string("the module")
      guard let unit = scripts[script] else { throw unknown(script) }
      let function = try loadModule(name, environment: unit.environment)
      arguments.call.dropArguments()
      machine.append(pinning: function.reference)
      return .results(1)
    }
    try addSetupFunctions(natives)
  }

  private func unknown(_ id: String) -> StoreError {
    StoreError(
      .unknownStore,
      "there is no store '\(id)'\(Suggestion.text(for: id, among: knownIDs))"
    )
  }

  /// The rights that a script's handle of a store carries: everything for its own.
  func grant(of script: String, on id: String) -> UInt16 {
    guard let unit = scripts[script] else { return 0 }
    return unit.stores.contains(id) ? 0 : unit.grant
  }

  /// Makes and registers the store of a definition, with all that belongs to it, or nothing.
  func make(_ reader: DefinitionReader, script: String) throws {
    var definition = StoreDefinition(reader.id, name: reader.name)
    definition.metadata = reader.metadata
    definition.dependencies = reader.dependencies
    if !reader.permissions.isNil {
      definition.permissions = try permissions(reader.permissions, of: reader.id)
    }
    definition.version = reader.version
    let live: LiveStore
    if let setup = reader.setup {
      live = try makeSetupStore(definition, setup)
    } else {
      let state = reader.state
      let conversion = StateConversion(system: system)
      let make: () throws -> StateNode = { [unowned self] in
        try initialState(state, id: reader.id, conversion)
      }
      let root = try make()
      definition.state = { try make().value }
      live = LiveStore(definition, root: root, system: system)
    }
    live.owner = script
    for getter in reader.getters { try add(getter: getter.name, getter.function, to: live) }
    var parts = PluginParts()
    for plugin in plugins { try parts.read(plugin, for: live, engine: self) }
    try parts.apply(to: live, engine: self)
    for action in reader.actions { try add(action: action.name, action.function, to: live) }
    try system.register(live)
    for handler in reader.on { try add(handler: handler.name, handler.function, to: live) }
    for responder in reader.answers {
      try add(responder: responder.name, responder.function, to: live)
    }
  }

  /// Runs the function that makes the state, or copies the table.
  private func initialState(
    _ state: LuaValue,
    id: String,
    _ conversion: StateConversion
  ) throws -> StateNode {
    var slot = StateSlot.empty
    switch state {
    case .function(let function):
      let base = try withoutDriving {
        try machine.callData(function.reference, base: machine.tokenCount)
      }
      defer { machine.truncateTokens(to: base) }
      if machine.tokenCount > base {
        var token = try machine.token(at: base)
        slot = try conversion.slot(&token, for: .state)
      }
    case .table(let table):
      let base = machine.tokenCount
      defer { machine.truncateTokens(to: base) }
      var token = try machine.data(of: table.reference)
      slot = try conversion.slot(&token, for: .state)
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
    Getter(name, of: live) { [unowned self, unowned live] in
      do {
        let base = try withoutDriving {
          try machine.callGetter(function, handle: takesSelf ? handle(live) : nil)
        }
        defer { machine.truncateTokens(to: base) }
        var token = try machine.token(at: base)
        if token.kind == .reference {
          return .opaque(LuaReference(adopting: token, machine: machine))
        }
        return try StateConversion(system: system).slot(&token, for: .result)
      } catch let error as LuaError {
        throw StoreError(lua: error, store: live.id, member: name)
      }
    }
  }

  func add(action name: String, _ function: LuaReference, to live: LiveStore) throws {
    let flags: LuaActionFlags = live.takesSelf ? [.takesSelf] : []
    let made = try machine.makeAction(handle: handle(live), function: function.number, flags: flags)
    register(made.number, made.closure, live, name)
    try live.add(LiveStore.Action(name: name, body: nil, number: made.number))
    // The machine knows the function by number only; the store keeps it.
    live.attachments.append { withExtendedLifetime(function) {} }
  }

  private func add(handler type: String, _ function: LuaReference, to live: LiveStore) throws {
    let subscription = try system.bus.subscribe(type, owner: live.id) {
      [unowned self, unowned live] message in
      try handle(message, owner: live.id, function, self: live, answers: false)
    }
    live.registrations.append(subscription)
  }

  private func add(responder type: String, _ function: LuaReference, to live: LiveStore) throws {
    let subscription = try system.bus.answer(type, owner: live.id) {
      [unowned self, unowned live] message in
      try handle(message, owner: live.id, function, self: live, answers: true)
    }
    live.registrations.append(subscription)
  }
}

extension DefinitionReader {
  /// The line at which the first function of the definition stands, for errors about the whole.
  func line(in machine: LuaMachine) -> Int? {
    var references = (getters + actions + on + answers).map(\.function)
    if let setup { references.append(setup) }
    if case .function(let function) = state { references.append(function.reference) }
    return references.compactMap { LuaFunction($0).definition?.line }.min()
  }
}
