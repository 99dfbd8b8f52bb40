import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The library `store`, and what `registry` reads.
  func addStoreFunctions(_ natives: Natives) throws {
    natives.add("storeID", as: .storeId) { arguments in
      arguments.answer(.string(try arguments.store().store.id))
    }
    natives.add("storeState", as: .storeState) { [unowned self] arguments in
      let (store, grant) = try arguments.store()
      let access = system.access
      if access.allows(grant, Access(.read, store, .store, isPassage: true)) {
        system.tree.trackStructure(store.root)
        return arguments.answer(slot: .node(store.root), grant: grant)
      }
      // Somebody who may have the state, but not read the store, gets a copy.
      try access.check(grant, Access(.state, store, .store))
      store.root.noteRead()
      return arguments.answer(slot: .node(system.tree.copy(store.root, frozen: true)))
    }
    natives.add("copy", as: .storeCopy) { arguments in arguments.answer(try arguments.value())
    }
    natives.add("reset", as: .storeReset) { [unowned self] arguments in
      let store = try arguments.store(.reset)
      try system.forbidInGetter("reset '\(store.id)'")
      try change { try store.reset() }
      return arguments.none()
    }
    natives.add("plainReset", within: "store.reset") { [unowned self] arguments in
      guard let plain = resets[try arguments.integer()] else {
        throw StoreError(.invalidArgument, "store.reset: this reset is over")
      }
      try plain()
      return arguments.none()
    }
    natives.add("dispose", as: .storeDispose) { [unowned self] arguments in
      let store = try arguments.store(.dispose)
      try system.forbidInGetter("dispose '\(store.id)'")
      try system.registry.unregister(store.id)
      return arguments.none()
    }
    try addPatchFunctions(natives)
    natives.add("subscribe", as: .storeSubscribe, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let (store, grant) = try arguments.store()
      let callback = try arguments.function()
      let options = try arguments.options()
      try system.forbidInGetter("subscribe to '\(store.id)'", isRegistration: true)
      let subscription = try Store(store, grant: grant).subscribe(
        path: options.string("path"),
        once: options.flag("once"),
        label: "the subscriber of '\(store.id)' at \(LuaFunction(callback).place)"
      ) { [unowned self, unowned store] change in
        try hear(change, of: store, callback, grant)
      }
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
    // What store.subscribe refuses, before it calls a function at once.
    natives.add("checkSubscription", as: .storeSubscribe, hidden: 1) { arguments in
      arguments.skip()
      _ = try arguments.store()
      _ = try arguments.function()
      _ = try arguments.options()
      return arguments.none()
    }
    natives.add("onAction", as: .storeOnAction, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let (store, grant) = try arguments.store()
      try system.access.check(grant, Access(.onAction, store, .store))
      try system.forbidInGetter("listen to the actions of '\(store.id)'", isRegistration: true)
      let hook = ScriptHook(
        try arguments.function(),
        hold: system.access.hold(grant)
      )
      let subscription = surround(store, with: hook, of: script, as: .hook)
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
    natives.add("cancel", within: "a disposer", acts: true) { [unowned self] arguments in
      arguments.answer(.bool(registrations.end(try arguments.integer())))
    }
    natives.add("isPart", within: "table.sort", byReference: true) { arguments in
      arguments.answer(.bool(arguments.object(ObjectKind.part) != nil))
    }
    natives.add("reorder", within: "table.sort", acts: true) { [unowned self] arguments in
      guard let object = arguments.object(ObjectKind.part), let objects else {
        return arguments.none()
      }
      let order = try arguments.value().arrayValue ?? []
      try objects.reorder(object, order.compactMap { $0.integerValue.map { Int($0) - 1 } })
      return arguments.none()
    }
  }

  private func addPatchFunctions(_ natives: Natives) throws {
    natives.add("patch", as: .storePatch, byReference: true) { [unowned self] arguments in
      let (store, grant) = try arguments.store()
      try system.forbidInGetter("patch '\(store.id)'")
      return try system.tree.notingCopies {
        try arguments.checkTableOrFunction()
        guard case .node(let node) = try arguments.state(of: store.id) else {
          throw arguments.wrong("argument 2 must be a table or a function")
        }
        try store.checkPatch(of: node.slots.indices.map(node.key(at:)), grant)
        try change { try store.patch(with: node) }
        return arguments.none()
      }
    }
  }

  /// Runs a script's subscriber.
  private func hear(
    _ change: StoreChange,
    of store: LiveStore,
    _ callback: LuaReference,
    _ grant: UInt16
  ) throws {
    let state = try start(callback, store: store.id, member: "a subscriber") {
      machine.append(change.record)
      machine.append(handle(store, grant: grant))
    }
    if case .done(let run) = state { run.release() }
  }
}

extension StoreChange {
  /// The change as scripts see it.
  var record: Value {
    var record: ValueMap = [
      "storeId": .string(store), "type": .string(kind.rawValue), "turn": .integer(Int64(turn)),
      "changes": .array(patches.map(\.record)),
    ]
    record["payload"] = payload
    return .map(record)
  }
}

extension StatePatch {
  /// The change as scripts see it: what it takes to make it again, and to take it back.
  var record: Value {
    var record: ValueMap = [
      "operation": .string(operation.name), "path": .string("\(path)"),
    ]
    record["old"] = old
    record["new"] = new
    if case .reorder(let order) = operation {
      record["order"] = .array(order.map { .integer(Int64($0)) })
    }
    return .map(record)
  }
}

extension HostObjects {
  /// Puts the elements of an array into another order.
  func reorder(_ object: LuaObject, _ order: [Int]) throws {
    let node = object.instance(as: StateNode.self)
    let count = node.border
    guard order.count == count, Set(order) == Set(0..<count) else {
      throw StoreError(.invalidArgument, "table.sort: the array changed while it was sorted")
    }
    try writing(node, object.grant) { tree.reorder(node, order) }
  }
}
