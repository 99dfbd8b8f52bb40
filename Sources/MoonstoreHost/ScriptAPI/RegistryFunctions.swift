import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The library `registry`.
  func addRegistryFunctions(_ natives: Natives) throws {
    let registry = system.registry
    natives.add("hasStore", as: .registryHas) { arguments in
      arguments.answer(.bool(registry.has(try arguments.string())))
    }
    natives.add("storeIDs", as: .registryIds) { arguments in
      arguments.answer(.array(registry.ids.map(Value.string)))
    }
    natives.add("storeCount", as: .registryCount) { arguments in
      arguments.answer(.integer(Int64(registry.count)))
    }
    natives.add("getStore", as: .registryGet, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      guard registry.has(id) else { return arguments.answer(slot: .empty) }
      return arguments.answer(handle(named: id, for: script))
    }
    natives.add("storeRecord", as: .registryRecord) { arguments in
      arguments.answer(Value(encoding: try registry.record(of: try arguments.string())))
    }
    natives.add("dependents", as: .registryDependents) { arguments in
      let id = try registry.live(try arguments.string()).id
      return arguments.answer(.array(registry.dependents(of: id).map(Value.string)))
    }
    try addDependencyFunctions(natives)
    try addEventFunctions(natives)
  }

  private func addDependencyFunctions(_ natives: Natives) throws {
    let registry = system.registry
    natives.add("resolveDependencies", as: .registryResolveDependencies) { arguments in
      let ids = try registry.resolveDependencies(try arguments.string())
      return arguments.answer(.array(ids.map(Value.string)))
    }
    natives.add("validateDependencies", as: .registryValidateDependencies) { arguments in
      let id = try arguments.string()
      let missing = registry.has(id) ? try registry.missingDependencies(id) : [id]
      arguments.call.dropArguments()
      arguments.engine.machine.append(missing.isEmpty)
      arguments.engine.machine.append(Value.array(missing.map(Value.string)))
      return .results(2)
    }
    natives.add("unregister", as: .registryUnregister, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      let options = try arguments.options()
      try system.forbidInGetter("unregister '\(id)'")
      let isCascade = options.flag("cascade")
      let isForced = options.flag("force")
      // That others depend on it is the first thing to know, also for those who may not take it out.
      if !isCascade, !isForced { try registry.checkDependents(of: id) }
      let leaving = isCascade ? try registry.cascade(from: id) : [id]
      for each in leaving {
        let store = try registry.live(each)
        try system.access.check(grant(of: script, on: each), Access(.dispose, store, .store))
      }
      var gone: [String] = []
      try change {
        gone = try registry.unregister(
          id,
          dependents: isCascade ? .cascade : isForced ? .leave : .refuse
        )
      }
      return arguments.answer(.array(gone.map(Value.string)))
    }
  }

  private func addEventFunctions(_ natives: Natives) throws {
    let registry = system.registry
    natives.add("checkModule", as: .registryRegister, byReference: true) { arguments in
      let module = try arguments.table()
      try ScriptOptions.check(module, of: .registryRegister, as: arguments.name)
      try arguments.checkTableOrFunction()
      if try module.get(.string("id")).isNil {
        throw arguments.wrong("the option 'id' must be a string, not nil")
      }
      return arguments.none()
    }
    natives.add("onEvent", as: .registryOn, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let type = try arguments.string()
      let listener = try arguments.function()
      try system.forbidInGetter("listen to '\(type)'", isRegistration: true)
      let owner = address(of: script)
      let place = { LuaFunction(listener).place }
      let subscription = registry.onEvent(type, owner: owner, place: place) {
        [unowned self] event in
        let member = "hearing of '\(event.type)'"
        let state = try start(listener, store: owner.name, member: member) {
          machine.append(Value(encoding: event.record))
        }
        finishAlone(state)
      }
      let name = ScriptRegistrations.Name(.registry, script, type, listener)
      return arguments.answer(.integer(Int64(keep(subscription, for: script, as: name))))
    }
    natives.add("offEvent", as: .registryOff, hidden: 1) { [unowned self] arguments in
      try endNamed(.registry, &arguments)
    }
    natives.add("emitEvent", as: .registryEmit, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let type = try arguments.string()
      let payload = try arguments.optionalValue()
      let options = try arguments.options()
      let source = sender(script)
      try change {
        try registry.emit(type, payload, source: source, target: options.string("target"))
      }
      return arguments.none()
    }
    natives.add("recentEvents", as: .registryRecentEvents) { arguments in
      let count = try arguments.count() ?? 10
      let events = registry.recentEvents(count)
      return arguments.answer(.array(events.map { Value(encoding: $0.record) }))
    }
    natives.add("droppedEvents", as: .registryDroppedEvents) { arguments in
      arguments.answer(.integer(Int64(registry.droppedEventCount)))
    }
  }

  /// A function that nobody waits for: gives its coroutine back, or reports its failure once it has waited.
  func finishAlone(_ state: RunState) {
    switch state {
    case .done(let run): run.release()
    case .waiting(let parked):
      parked.onEnd { [unowned self] result in
        if case .failure(let error) = result { system.report(error) }
      }
    }
  }
}
