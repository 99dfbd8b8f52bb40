import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The library `registry`.
  func addRegistryFunctions(_ natives: Natives) throws {
    let registry = system.registry
    try natives.add("hasStore", as: "registry.has") { arguments in
      arguments.answer(.bool(registry.has(try arguments.string("the id"))))
    }
    try natives.add("storeIDs", as: "registry.ids") { arguments in
      arguments.answer(.array(registry.ids.map(Value.string)))
    }
    try natives.add("storeCount", as: "registry.count") { arguments in
      arguments.answer(.integer(Int64(registry.count)))
    }
    try natives.add("getStore", as: "registry.get") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let id = try arguments.string("the id")
      guard registry.has(id) else { return arguments.answer(slot: .empty) }
      return arguments.answer(handle(named: id, for: script))
    }
    try natives.add("storeRecord", as: "registry.record") { arguments in
      arguments.answer(Value(encoding: try registry.record(of: try arguments.string("the id"))))
    }
    try natives.add("dependents", as: "registry.dependents") { arguments in
      let id = try registry.live(try arguments.string("the id")).id
      return arguments.answer(.array(registry.dependents(of: id).map(Value.string)))
    }
    try addDependencyFunctions(natives)
    try addEventFunctions(natives)
  }

  private func addDependencyFunctions(_ natives: Natives) throws {
    let registry = system.registry
    try natives.add("resolveDependencies", as: "registry.resolveDependencies") { arguments in
      let ids = try registry.resolveDependencies(try arguments.string("the id"))
      return arguments.answer(.array(ids.map(Value.string)))
    }
    try natives.add("validateDependencies", as: "registry.validateDependencies") { arguments in
      let id = try arguments.string("the id")
      let missing = registry.has(id) ? try registry.missingDependencies(id) : [id]
      arguments.call.dropArguments()
      arguments.engine.machine.append(missing.isEmpty)
      arguments.engine.machine.append(Value.array(missing.map(Value.string)))
      return .results(2)
    }
    try natives.add("unregister", as: "registry.unregister") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let id = try arguments.string("the id")
      let options = try arguments.value()
      try system.forbidInGetter("unregister '\(id)'")
      let isCascade = options["cascade"]?.boolValue ?? false
      let isForced = options["force"]?.boolValue ?? false
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
    try natives.add("onEvent", as: "registry.on") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let type = try arguments.string("the type")
      let listener = try arguments.function("the listener")
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
    try natives.add("offEvent", as: "registry.off") { [unowned self] arguments in
      try endNamed(.registry, &arguments)
    }
    try natives.add("emitEvent", as: "registry.emit") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let type = try arguments.string("the type")
      let payload = try arguments.optionalValue()
      let options = try arguments.value()
      let source = sender(script)
      try change {
        try registry.emit(type, payload, source: source, target: options["target"]?.stringValue)
      }
      return arguments.none()
    }
    try natives.add("recentEvents", as: "registry.recentEvents") { arguments in
      let count = try arguments.count("the count") ?? 10
      let events = registry.recentEvents(count)
      return arguments.answer(.array(events.map { Value(encoding: $0.record) }))
    }
    try natives.add("droppedEvents", as: "registry.droppedEvents") { arguments in
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
