import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// `commit`, `transaction` and `sleep`.
  func addTurnFunctions(_ natives: Natives) throws {
    try natives.add("commit", as: "commit") { [unowned self] arguments in
      try system.forbidInGetter("commit")
      if isReloading {
        throw StoreError(
          .invalidDefinition,
          "commit(): scripts are being reloaded, which is one turn that can still be undone"
        )
      }
      try checkFinal("commit")
      system.commit()
      return arguments.none()
    }
    try natives.add("beginGroup", as: "transaction") { [unowned self] arguments in
      arguments.answer(.integer(try beginGroup(start: 0)))
    }
    try natives.add("endGroup", as: "transaction") { [unowned self] arguments in
      let mark = try arguments.integer("the mark")
      let succeeded = arguments.bool()
      try endGroup(mark, succeeded: succeeded)
      return arguments.none()
    }
    let sleep = configuration.sleep
    try natives.add("sleep", as: "sleep") { arguments in
      let seconds = try arguments.checkSeconds(
        try arguments.number("the time in seconds"),
        "the time"
      )
      return try arguments.wait {
        try await sleep(seconds)
        return .null
      }
    }
    try addTaskFunctions(natives)
    try addEffectFunctions(natives)
  }

  // MARK: Groups

  /// Begins a group of turns of a driver, or a part of the turn under way; the number ends it.
  func beginGroup(start: Int) throws -> Int64 {
    groups.append((system.beginTurn(), start))
    return Int64(groups.count)
  }

  func endGroup(_ number: Int, succeeded: Bool) throws {
    guard number == groups.count, let group = groups.popLast() else {
      throw StoreError(.invalidArgument, "transaction: groups end in the order in which they begin")
    }
    try limited(budgets.turn) {
      try withoutDriving {
        guard succeeded else { return system.failTurn(group.mark) }
        try system.endTurn(group.mark)
      }
    }
  }

  /// Ends `store.patch` with a function: what it wrote is one patch.
  func endPatch(_ store: LiveStore, mark: Int) throws {
    if let start = groups.last?.start {
      store.noteStretch(.patchFunction, from: start)
    }
    try endGroup(mark, succeeded: true)
  }
}
