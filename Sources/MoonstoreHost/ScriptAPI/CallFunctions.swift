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
    natives.add("handleOf", within: "an action") { [unowned self] arguments in
      let id = try arguments.string()
      let grant = UInt16(truncatingIfNeeded: try arguments.integer())
      return arguments.answer(
        LuaObject(kind: ObjectKind.store, grant: grant, instance: entry(id))
      )
    }
    try natives.table.set("bind", to: .function(LuaFunction(try machine.makeBinder())))
    // beginCall(number) -> action, store, hooks with their grants, whether layers of Swift are there, the
    // middleware around all stores and the store's own, with their grants.
    natives.add("beginCall", within: "an action") { [unowned self] arguments in
      try beginCall(&arguments)
    }
    // wayOfHook(number, grant) -> how a hook with this grant sees the call now; nil if it may not.
    natives.add("wayOfHook", within: "an action") { [unowned self] arguments in
      let number = Int32(try arguments.integer())
      let grant = UInt16(truncatingIfNeeded: try arguments.integer())
      guard let (store, _) = action(number), let way = way(of: grant, on: store) else {
        return arguments.answer(slot: .empty)
      }
      return arguments.answer(.integer(way.rawValue))
    }
    // beginLayers(number, ...) -> key, arguments, their count.
    natives.add("beginLayers", within: "an action") { [unowned self] arguments in
      try beginLayers(&arguments)
    }
    natives.add("endCall", within: "an action") { [unowned self] arguments in
      let key = try arguments.integer()
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
    natives.add("failCall", within: "an action") { [unowned self] arguments in
      let key = try arguments.integer()
      let message = try arguments.string()
      if let (call, onion) = layeredCalls.removeValue(forKey: key) {
        let error = StoreError(.script, message, store: call.store, member: call.action)
        onion.failed(call, error)
      }
      return arguments.none()
    }
  }

  private func beginCall(_ arguments: inout Arguments) throws -> LuaNativeResult {
    let number = Int32(try arguments.integer())
    guard let (store, name) = action(number) else { throw LuaError.closed(number) }
    registrations.notePlan(of: store.id)
    arguments.call.dropArguments()
    machine.append(name)
    machine.append(store.id)
    append(ways(of: registrations.hooks[store.id]?.members ?? [], on: store))
    machine.append(!ActionOnion(store).isEmpty)
    append(
      registrations.middleware.members.map {
        Surroundings(
          function: $0.function.reference,
          grant: scripts[$0.owner]?.grant ?? AccessTable.nothing,
          way: .writes
        )
      }
    )
    append(
      ways(of: registrations.layers[store.id]?.members ?? [], on: store).filter { $0.way != .looks }
    )
    return .results(6)
  }

  /// One function around an action, as its plan lists it.
  private struct Surroundings {
    let function: LuaReference
    let grant: UInt16
    let way: HookWay
  }

  /// The hooks that may hear of a store's actions, or could at another call; the plan that is made from them is kept
  /// until the store's permissions change.
  private func ways(of hooks: [ScriptHook], on store: LiveStore) -> [Surroundings] {
    hooks.compactMap { hook in
      let grant = hook.grant
      let way: HookWay? =
        if grant != 0, system.access.asksConditions(grant, on: store) { .asks } else {
          way(of: grant, on: store)
        }
      return way.map { Surroundings(function: hook.function, grant: grant, way: $0) }
    }
  }

  /// How a hook sees the calls of a store now; nil if it may not.
  private func way(of grant: UInt16, on store: LiveStore) -> HookWay? {
    let access = system.access
    if access.allows(grant, Access(.write, store, .store)) { return .writes }
    return access.allows(grant, Access(.onAction, store, .store)) ? .looks : nil
  }

  private func append(_ listed: [Surroundings]) {
    machine.appendArray(count: listed.count * 3)
    for each in listed {
      machine.append(each.function)
      machine.append(Int64(each.grant))
      machine.append(each.way.rawValue)
    }
  }

  private func beginLayers(_ arguments: inout Arguments) throws -> LuaNativeResult {
    let number = Int32(try arguments.integer())
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

/// How what surrounds an action sees its calls; the prelude knows the numbers.
enum HookWay: Int64 {
  /// As copies.
  case looks
  /// As they are, and may change them.
  case writes
  /// As a condition says, which is asked at each call.
  case asks
}
