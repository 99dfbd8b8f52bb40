import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// `commit`, `transaction`, `store.patch` with a function, and `sleep`.
  func addTurnFunctions(_ natives: Natives) throws {
    let groups = try machine.makeGroups()
    try natives.table.set("transaction", to: .function(LuaFunction(groups.transaction)))
    try natives.table.set("patchBy", to: .function(LuaFunction(groups.patch)))
    natives.add("commit", as: .commit) { [unowned self] arguments in
      try commit()
      return arguments.none()
    }
    let sleep = configuration.sleep
    let wait: Body = { arguments in
      let seconds = try arguments.seconds()
      return try arguments.wait {
        try await sleep(seconds)
        return .null
      }
    }
    natives.add("sleep", as: .sleep, wait)
    natives.add("delay", as: .apiDelay, wait)
    try addTaskFunctions(natives)
    try addEffectFunctions(natives)
  }

  // MARK: Committing

  /// Makes final what a script has done so far in its turn.
  private func commit() throws {
    try system.forbidInGetter("commit")
    if isReloading {
      throw StoreError(
        .invalidDefinition,
        "commit(): scripts are being reloaded, which is one turn that can still be undone"
      )
    }
    try checkFinal("commit")
    // Between the calls of a driver everything is final.
    guard system.isInTurn else { return }
    try checkCommit()
    try system.commit()
    entry?.noteCommit("commit() was called")
  }

  /// Throws if a commit would make final what others have not finished: a caller may still fail, and then it has
  /// to leave no trace.
  private func checkCommit() throws {
    if !groups.isEmpty {
      throw StoreError(
        .cannotCommit,
        "commit(): transaction() and store.patch() are undone as a whole, or not at all; commit before or after them"
      )
    }
    switch machine.commitRefusal {
    case nil: return
    case .part:
      throw StoreError(
        .cannotCommit,
        "commit(): this runs in a turn that began elsewhere, and would make its unfinished work final; only what a "
          + "turn begins with commits; spawn(function() ... end) begins a turn of its own"
      )
    case .callee(let number):
      let name = action(number).map { "'\($0.store.id):\($0.name)'" } ?? "this action"
      throw StoreError(
        .cannotCommit,
        "commit(): another action has called \(name), and its unfinished work would become final too; let the "
          + "outermost action commit, or return what went wrong instead of raising it"
      )
    }
  }

  // MARK: Groups

  /// A part of a turn that ends as a whole: it succeeds, or it has never been.
  ///
  /// It belongs to the call of `transaction` or `store.patch` that has begun it, and ends with that call; nothing in
  /// it waits, commits or yields out of it.
  struct TurnGroup {
    let mark: StoreSystem.TurnMark
    /// The store that it patches, and how many changes the turn had made before.
    let patch: (store: LiveStore, start: Int)?
    /// What its function may write until it ends.
    let access: PatchAccess?
  }

  /// Begins a group of a driver's calls as a turn, and otherwise as a part of the turn under way.
  func beginGroup() throws {
    try system.forbidInGetter("begin a transaction", isRegistration: true)
    groups.append(
      TurnGroup(mark: system.beginTurn(driverOrigin(.transaction)), patch: nil, access: nil)
    )
  }

  /// Begins a group whose changes of a store are one patch; returns the rights with which its function writes: those
  /// of the handle, and until the group ends to write all where the handle allows to patch.
  func beginPatch(_ store: LiveStore, _ grant: UInt16) throws -> UInt16 {
    try system.forbidInGetter("patch '\(store.id)'")
    let (rights, opened) = try patchRights(store, grant)
    groups.append(
      TurnGroup(
        mark: system.beginTurn(driverOrigin(.transaction)),
        patch: (store, system.tree.changeCount),
        access: opened
      )
    )
    return rights
  }

  private func patchRights(
    _ store: LiveStore,
    _ grant: UInt16
  ) throws -> (grant: UInt16, opened: PatchAccess?) {
    let access = system.access
    guard grant != 0, !access.allows(grant, Access(.write, store, .store)) else {
      return (grant, nil)
    }
    guard access.allows(grant, Access(.patch, store, .store)) else {
      // A script that may write a part may try: each write is checked.
      if !access.allows(grant, Access(.write, store, .store, isPassage: true)) {
        try access.check(grant, Access(.patch, store, .store))
      }
      return (grant, nil)
    }
    let opened = PatchAccess(to: store)
    return (try access.patching(grant, opened), opened)
  }

  /// Ends the innermost group.
  func endGroup(succeeded: Bool) throws {
    guard let group = groups.popLast() else {
      throw StoreError(.closed, "this transaction has ended already")
    }
    group.access?.close()
    try limited(budgets.turn) {
      try withoutDriving {
        guard succeeded else { return system.failTurn(group.mark, nil) }
        if let (store, start) = group.patch { store.noteStretch(.patchFunction, from: start) }
        try system.endTurn(group.mark)
      }
    }
  }
}
