import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What factories need: making stores from configurations, changing them and taking them back.
  func addFactoryFunctions(_ natives: Natives) throws {
    let inspectors = try machine.makeInspectors()
    try natives.table.set("functionCode", to: .function(LuaFunction(inspectors.code)))
    try natives.table.set("functionCapture", to: .function(LuaFunction(inspectors.captured)))
    // fail(code, message): raises an error of the host, with the place of the script that called.
    natives.add("fail", within: "the prelude") { arguments in
      let code = try arguments.string()
      throw StoreError(StoreError.Code(rawValue: code), try arguments.string())
    }
    // wrong(function, position, words, value): refuses an argument of a function that is written in Lua.
    natives.add("wrong", within: "the prelude", byReference: true) { arguments in
      let function = try arguments.string()
      let position = try arguments.integer()
      let words = try arguments.string()
      throw arguments.mustBe(words, at: position, of: function)
    }
    // knownIDs() -> the ids of all stores, and while a project is loaded of those that it will have.
    natives.add("knownIDs", within: "a factory") { [unowned self] arguments in
      let pending = definitions.map(\.reader.id)
      let ids = system.registry.ids.filter { standing($0) != nil }
      return arguments.answer(.array((ids + pending).map(Value.string)))
    }
    // origin(id) -> whether there is such a store, and what a factory has made it from.
    natives.add("origin", within: "a factory") { [unowned self] arguments in
      let id = try arguments.string()
      let origin: LuaTable?
      let isThere: Bool
      if let live = standing(id) {
        origin = live.origin as? LuaTable
        isThere = true
      } else {
        let pending = definitions.last { $0.reader.id == id }
        origin = pending?.origin
        isThere = pending != nil
      }
      arguments.call.dropArguments()
      machine.append(isThere)
      if let origin { machine.append(origin.reference) } else { machine.appendNil() }
      return .results(2)
    }
    natives.add("createStore", as: .factoryCreate, hidden: 3, byReference: true) {
      [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      let configuration = try arguments.luaValue()
      guard case .table(let origin) = try arguments.luaValue() else {
        throw StoreError(
          .invalidArgument,
          "factory:create: nothing says what the store is made from"
        )
      }
      let reader = try DefinitionReader(id: id, configuration, form: .configuration)
      try define(reader, script: script, origin: origin)
      return arguments.answer(handle(definedBy: script, id))
    }
    natives.add("configureStore", as: .factoryConfigure, hidden: 3, byReference: true) {
      [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      let reader = try DefinitionReader(id: id, try arguments.luaValue(), form: .change)
      guard case .table(let origin) = try arguments.luaValue() else {
        throw StoreError(
          .invalidArgument,
          "factory:configure: nothing says what the store is made from"
        )
      }
      if isLoading, standing(id) == nil {
        // The store is made when all scripts have run, and changed after that.
        definitions.last { $0.reader.id == id }?.origin = origin
        afterLoading.append((script, { [unowned self] in try configure(id, reader, origin) }))
      } else {
        try system.forbidInGetter("configure '\(id)'")
        try change { try configure(id, reader, origin) }
      }
      return arguments.none()
    }
    natives.add("destroyStore", as: .factoryDestroy, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      if standing(id) != nil {
        try system.forbidInGetter("destroy '\(id)'")
        try change { try system.registry.unregister(id) }
      } else {
        definitions.removeAll { $0.reader.id == id && $0.script.hasSameBytes(as: script) }
        scripts[script]?.stores.remove(id)
        scripts[script]?.defined.remove(id)
      }
      return arguments.none()
    }
  }

  /// Changes a live store to what a script says, all of it or nothing.
  func configure(_ id: String, _ reader: DefinitionReader, _ origin: LuaTable) throws {
    let live = try system.registry.live(id)
    let scope = beginBudget(budgets.turn)
    defer { endBudget(scope) }
    try system.turn {
      var revision = StoreRevision()
      revision.origin = origin
      if reader.given.contains(.name) { revision.name = reader.name }
      if reader.given.contains(.metadata) { revision.metadata = reader.metadata }
      if reader.given.contains(.dependencies) { revision.dependencies = reader.dependencies }
      if !reader.permissions.isNil {
        revision.permissions = try permissions(reader.permissions, of: id)
      }
      revision.state = try addedState(reader)
      revision.getters = reader.getters.map {
        ($0.name, evaluation(of: $0.function, named: $0.name, live, takesSelf: true))
      }
      revision.actions = reader.actions.map {
        ($0.name, .script($0.function, takesSelf: true))
      }
      try live.apply(revision)
      try system.install(only: reader.plugins.map { plugin($0, of: live.owner ?? id) }, on: live)
    }
  }

  private func addedState(_ reader: DefinitionReader) throws -> ValueMap {
    if case .nil = reader.state { return [:] }
    return try initialState(reader.state, id: reader.id).value.mapValue ?? [:]
  }
}
