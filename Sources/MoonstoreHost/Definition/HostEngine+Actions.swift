import MoonLua
import MoonValue
import MoonstoreCore

/// What a number of the machine means: an action of a store, and the function that scripts get for it.
struct ScriptAction {
  let store: LiveStore
  let index: Int32
  /// The number of the native that calls Swift's code, once there was some.
  var native: Int32?

  /// The action as it is now; nil when it was taken back.
  var action: LiveStore.Action? {
    let index = Int(index)
    return store.actions.indices.contains(index) ? store.actions[index] : nil
  }
}

extension HostEngine {
  /// What a number of the machine means; nil for one that was given up, and for those below 0.
  func scriptAction(_ number: Int32) -> ScriptAction? {
    actions.indices.contains(Int(number)) ? actions[Int(number)] : nil
  }

  /// Tells the machine which code stands behind an action; numbers and the functions that scripts hold stay.
  func update(action index: Int, of store: LiveStore) throws(StoreError) {
    let action = store.actions[index]
    var native = scriptAction(action.number)?.native
    if isQuarantined(store), action.number >= 0 {
      let refusing = native ?? makeNative(for: index, of: store)
      machine.setFunction(refusing, ofAction: action.number)
      actions[Int(action.number)]?.native = refusing
      return refreshHooks(of: action.number)
    }
    let function: Int32
    switch action.code {
    case .script(let code, _):
      guard let reference = code as? LuaReference else {
        throw StoreError(.closed, "the action '\(action.name)' belongs to another engine")
      }
      function = reference.number
    case .swift:
      function = native ?? makeNative(for: index, of: store)
      native = function
    case .removed: return refreshHooks(of: action.number)
    }
    if action.number >= 0 {
      machine.setFunction(function, ofAction: action.number)
      actions[Int(action.number)]?.native = native
      return refreshHooks(of: action.number)
    }
    do {
      let number = try machine.makeAction(
        of: handle(store),
        handle: try handleReference(of: store),
        function: function,
        // Whoever announces the store looks at what surrounds it.
        flags: flags(
          of: action,
          in: store,
          isSurrounded: store.isAnnounced && isSurrounded(store)
        )
      )
      while actions.count <= Int(number) { actions.append(nil) }
      actions[Int(number)] = ScriptAction(store: store, index: Int32(index), native: native)
      store.setNumber(number, ofAction: index)
    } catch {
      throw StoreError(lua: error)
    }
  }

  /// Hands a store to its own code: the userdata that its actions keep, where they do.
  func appendHandle(of store: LiveStore) {
    // Nobody else puts anything there.
    guard let known = store.handle else { return machine.append(handle(store)) }
    machine.append(unsafe unsafeDowncast(known, to: LuaReference.self))
  }

  /// What keeps the userdata of a store alive for its actions, which share it.
  private func handleReference(of store: LiveStore) throws(LuaError) -> LuaReference {
    // Nobody else puts anything there.
    if let known = store.handle { return unsafe unsafeDowncast(known, to: LuaReference.self) }
    let made = try machine.makeHandle(handle(store))
    store.handle = made
    return made
  }

  /// The machine gives up an action: functions that scripts hold for it are errors from now on.
  func forget(action: LiveStore.Action, of store: LiveStore) {
    release(action)
  }

  /// Gives up its number.
  func release(_ action: LiveStore.Action) {
    guard scriptAction(action.number) != nil else { return }
    machine.freeAction(action.number)
    actions[Int(action.number)] = nil
  }

  // The native looks for the code when it is called, so that one serves all that the action ever has.
  private func makeNative(for index: Int, of store: LiveStore) -> Int32 {
    machine.registerNative { [unowned self, unowned store] call in
      if isQuarantined(store) { throw refusal(store, store.actions[index].name) }
      guard let body = store.actions[index].body else {
        throw StoreError(.closed, "the action is no longer Swift's", store: store.id)
      }
      return try callNative(body, of: store, call)
    }
  }

  private func callNative(
    _ body: StoreDefinition.ActionBody,
    of store: LiveStore,
    _ call: LuaNativeCall
  ) throws -> LuaNativeResult {
    var token = try call.arguments()
    token.advance()
    var arguments: [Value] = []
    for _ in 1..<max(1, call.count) {
      arguments.append(try StateConversion(system: system).value(&token))
    }
    call.dropArguments()
    machine.append(try body(store.face, arguments))
    return .results(1)
  }
}
