import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What putting stores together needs.
  func addCompositionFunctions(_ natives: Natives) throws {
    // idOfHandle(value) -> the id of a store's handle; nil for everything else.
    natives.add("idOfHandle", within: "the prelude", byReference: true) { arguments in
      let object = arguments.object(ObjectKind.store)
      let id = object.map { StateSlot.string($0.instance(as: StoreEntry.self).id) }
      return arguments.answer(slot: id ?? .empty)
    }
    // errorCode(value) -> the code of an error of the host; nil for what scripts raise.
    natives.add("errorCode", within: "the prelude", byReference: true) { arguments in
      let object = arguments.object(ObjectKind.error)
      let code = object.map { StateSlot.string($0.instance(as: CarriedError.self).code) }
      return arguments.answer(slot: code ?? .empty)
    }
    natives.add("composedOptions", as: .useComposedStore, byReference: true) { arguments in
      arguments.skip()
      try ScriptOptions.check(try arguments.table(), of: .useComposedStore, as: arguments.name)
      return arguments.none()
    }
    natives.add("checkID", as: .namespace) { arguments in
      try StoreID.check(try arguments.string())
      return arguments.none()
    }
    natives.add("checkDependency", within: "createStoreWithDeps") { [unowned self] arguments in
      let id = try arguments.string()
      // While a project is loaded, the store may be one that a later script defines.
      guard
        isLoading || standing(id) != nil || definitions.contains(where: { $0.reader.id == id })
      else {
        throw system.registry.missing(
          id,
          for: "the store that createStoreWithDeps is to make",
          store: nil
        )
      }
      return arguments.none()
    }
    natives.add("addDependencies", as: .createStoreWithDeps, hidden: 1) {
      [unowned self] arguments in
      let script = try arguments.string()
      guard let object = arguments.object(ObjectKind.store) else {
        throw StoreError(.invalidArgument, "createStoreWithDeps: the function must return a store")
      }
      let dependencies = try arguments.value().arrayValue?.compactMap(\.stringValue) ?? []
      try depend(object.instance(as: StoreEntry.self).id, on: dependencies, script: script)
      return arguments.none()
    }
    natives.add("applyMiddleware", as: .applyMiddleware, hidden: 1, byReference: true) {
      [unowned self] arguments in
      let script = try arguments.string()
      let (store, grant) = try arguments.store()
      // It can change what calls do, so it needs what changes the state.
      try system.access.check(grant, Access(.write, store, .store))
      try system.forbidInGetter("put middleware around '\(store.id)'", isRegistration: true)
      var layers: [ScriptHook] = []
      while arguments.hasMore {
        layers.append(
          ScriptHook(try arguments.function(), hold: system.access.hold(grant))
        )
      }
      let numbers = layers.map { layer in
        keep(surround(store, with: layer, of: script, as: .middleware), for: script)
      }
      return arguments.answer(.array(numbers.map { .integer(Int64($0)) }))
    }
    try addInjectionFunctions(natives)
  }

  /// Records that a store which a script has made needs others.
  private func depend(_ id: String, on dependencies: [String], script: String) throws {
    func own(_ owner: String?) throws {
      if let owner, owner.hasSameBytes(as: script) { return }
      throw StoreError(
        .permissionDenied,
        "createStoreWithDeps: the function must return a store that it makes; '\(id)' belongs to "
          + (owner ?? "Swift"),
        store: id
      )
    }
    guard let live = standing(id) else {
      guard let place = definitions.lastIndex(where: { $0.reader.id == id }) else {
        throw unknown(id)
      }
      try own(definitions[place].script)
      let missing = dependencies.filter { !definitions[place].reader.dependencies.contains($0) }
      definitions[place].reader.dependencies += missing
      return
    }
    try own(live.owner)
    let known = live.definition.dependencies
    let missing = dependencies.filter { !known.contains($0) }
    guard !missing.isEmpty else { return }
    var revision = StoreRevision()
    revision.dependencies = known + missing
    try live.apply(revision)
  }

  // MARK: Injection

  private func addInjectionFunctions(_ natives: Natives) throws {
    natives.add("provide", as: .provide, hidden: 1, byReference: true) { [unowned self] arguments in
      let script = try arguments.string()
      let key = try arguments.string()
      guard case .table(let box) = try arguments.luaValue() else {
        throw StoreError(.invalidArgument, "provide: there is no value")
      }
      try system.forbidInGetter("provide '\(key)'", isRegistration: true)
      return arguments.answer(
        .integer(Int64(keep(try provide(key, Provided(script: script, box: box)), for: script)))
      )
    }
    // inject(key, whether there is a default) -> what was provided, and whether it is data of the host's
    // program rather than a box of a script's.
    natives.add("inject", as: .inject) { [unowned self] arguments in
      let key = try arguments.string()
      let hasDefault = arguments.bool()
      system.trackRegistrations()
      arguments.call.dropArguments()
      if let value = configuration.provided[key] {
        machine.append(value)
        machine.append(true)
      } else if let provided = registrations.provided[key]?.first {
        if let onlooker = system.onlooker, system.getterDepth <= onlookerDepth {
          // What others go on using is not for one who may only look: a copy of the data in it is.
          guard let value = try? provided.box.value().arrayValue?.first else {
            throw system.access.refusal(of: onlooker, "inject '\(key)', which is not plain data")
          }
          machine.append(value)
          machine.append(true)
        } else {
          machine.append(provided.box.reference)
          machine.append(false)
        }
      } else {
        guard hasDefault else { throw missing(key) }
        machine.appendNil()
        machine.append(false)
      }
      return .results(2)
    }
  }

  private func provide(_ key: String, _ value: Provided) throws -> Subscription {
    guard !key.isEmpty else {
      throw StoreError(.invalidArgument, "provide: the key must be a text such as \"clock\"")
    }
    let known = registrations.provided[key]
    if let holder = configuration.provided[key] == nil
      ? known?.first?.script : "the host's program",
      !holder.hasSameBytes(as: value.script)
    {
      throw StoreError(
        .alreadyProvided,
        "provide: '\(key)' is provided by \(holder) already; choose another key"
      )
    }
    // A script takes its own place, and a turn that fails gives the place back.
    known?.endAll()
    return registrations.provided.add(
      value,
      for: key,
      Ranks.Line(.provided, owner: value.script, key)
    )
  }

  private func missing(_ key: String) -> StoreError {
    let keys = registrations.provided.keys + Array(configuration.provided.keys)
    return StoreError(
      .notProvided,
      "inject: nobody has provided '\(key)'\(Suggestion.text(for: key, among: keys.sorted())); "
        + "give a default, or provide it first"
    )
  }
}

/// What a script has provided under a key.
final class Provided {
  let script: String
  /// A table with the value, which may be of any kind, as its first element.
  let box: LuaTable

  init(script: String, box: LuaTable) {
    self.script = script
    self.box = box
  }
}
