import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What the prelude's dispatcher needs for actions that middleware or hooks surround.
  func addCallFunctions(_ natives: Natives) throws {
    let invoker = try machine.makeInvoker()
    try natives.table.set("invoke", to: .function(LuaFunction(invoker.invoke)))
    try natives.table.set("codeOf", to: .function(LuaFunction(invoker.codeOf)))
    try natives.table.set("keepPlan", to: .function(LuaFunction(invoker.keepPlan)))
    try natives.table.set("rights", to: .table(LuaTable(try machine.makeAttenuator())))
    // A store's handle for whoever surrounds its actions: handleOf(id, grant).
    try natives.add("handleOf", as: "an action") { [unowned self] arguments in
      let id = try arguments.string("the id")
      let grant = UInt16(truncatingIfNeeded: try arguments.integer("the grant"))
      return arguments.answer(
        LuaObject(kind: ObjectKind.store, grant: grant, instance: entry(id))
      )
    }
    try natives.table.set("bind", to: .function(LuaFunction(try machine.makeBinder())))
    // beginCall(number) -> action, store, hooks with their grants, whether layers of Swift are there, the
    // middleware around all stores and the store's own, with their grants.
    try natives.add("beginCall", as: "an action") { [unowned self] arguments in
      try beginCall(&arguments)
    }
    // mayRefuse(number, grant) -> whether a hook can refuse the call: it changes what happens, as a write does.
    try natives.add("mayRefuse", as: "an action") { [unowned self] arguments in
      let number = Int32(try arguments.integer("the action"))
      let grant = UInt16(truncatingIfNeeded: try arguments.integer("the grant"))
      guard let (store, _) = action(number) else { return arguments.answer(false) }
      return arguments.answer(.bool(system.access.allows(grant, Access(.write, store, .store))))
    }
    // beginLayers(number, ...) -> key, arguments, their count.
    try natives.add("beginLayers", as: "an action") { [unowned self] arguments in
      try beginLayers(&arguments)
    }
    try natives.add("endCall", as: "an action") { [unowned self] arguments in
      let key = try arguments.integer("the call")
      let result = try arguments.value()
      guard let (call, onion) = layeredCalls.removeValue(forKey: key) else {
        return arguments.answer(.bool(false))
      }
      var changed = result
      try onion.after(call, &changed)
      arguments.call.dropArguments()
      machine.append(changed != result)
      machine.append(changed)
      return .results(2)
    }
    try natives.add("failCall", as: "an action") { [unowned self] arguments in
      let key = try arguments.integer("the call")
      let message = try arguments.string("the error")
      if let (call, onion) = layeredCalls.removeValue(forKey: key) {
        let error = StoreError(.script, message, store: call.store, member: call.action)
        onion.failed(call, error)
      }
      return arguments.none()
    }
  }

  private func beginCall(_ arguments: inout Arguments) throws -> LuaNativeResult {
    let number = Int32(try arguments.integer("the action"))
    guard let (store, name) = action(number) else { throw LuaError.closed(number) }
    registrations.notePlan(of: store.id)
    arguments.call.dropArguments()
    machine.append(name)
    machine.append(store.id)
    append(registrations.hooks[store.id]?.members ?? [])
    machine.append(!ActionOnion(store).isEmpty)
    append(
      registrations.middleware.members.map {
        ScriptHook($0.function.reference, grant: scripts[$0.owner]?.grant ?? 0)
      }
    )
    append(registrations.layers[store.id]?.members ?? [])
    return .results(6)
  }

  private func append(_ hooks: [ScriptHook]) {
    machine.appendArray(count: hooks.count * 2)
    for hook in hooks {
      machine.append(hook.function)
      machine.append(Int64(hook.grant))
    }
  }

  private func beginLayers(_ arguments: inout Arguments) throws -> LuaNativeResult {
    let number = Int32(try arguments.integer("the action"))
    guard let (store, name) = action(number) else { throw LuaError.closed(number) }
    let onion = ActionOnion(store)
    var values: [Value] = []
    while arguments.hasMore { values.append(try arguments.value()) }
    var call = ActionCall(store: store.id, action: name, arguments: values)
    do {
      try onion.before(&call)
    } catch {
      onion.failed(call, StoreError(wrapping: error))
      throw error
    }
    layeredCount += 1
    layeredCalls[layeredCount] = (call, onion)
    arguments.call.dropArguments()
    machine.append(Int64(layeredCount))
    machine.append(.array(call.arguments))
    machine.append(Int64(call.arguments.count))
    return .results(3)
  }
}
