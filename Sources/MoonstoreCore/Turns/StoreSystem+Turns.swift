import MoonValue

extension StoreSystem {
  /// Where a turn, or a part of one, began.
  package struct TurnMark {
    package let isOutermost: Bool
    let savepoint: Int64
  }

  /// Whether a turn is under way.
  package var isInTurn: Bool { turnDepth > 0 }

  // MARK: Savepoints

  /// How far the turn has come; -1 outside of turns.
  package func savepoint() -> Int64 {
    turnDepth == 0 ? -1 : Int64(tree.turnNumber) << 32 | Int64(tree.log.count)
  }

  /// Undoes what was done since.
  ///
  /// A savepoint from before the last commit reaches back to the commit.
  package func rollBack(to savepoint: Int64) { rollBack(to: savepoint, whole: false) }

  private func rollBack(to savepoint: Int64, whole: Bool) {
    guard turnDepth > 0, savepoint >= 0 else { return }
    let isCurrent = UInt32(truncatingIfNeeded: savepoint >> 32) == tree.turnNumber
    let count = isCurrent ? Int(savepoint & 0xFFFF_FFFF) : 0
    tree.undo(to: count, whole: whole)
    while let last = stretches.last, last.range.upperBound > tree.log.count {
      stretches.removeLast()
    }
  }

  // MARK: Turns

  /// Begins a turn, or joins the one under way.
  package func beginTurn() -> TurnMark {
    turnDepth += 1
    if turnDepth == 1 {
      if usesBus {
        bus.beginTurn()
        usesBus = !bus.isQuiet
      }
      return TurnMark(isOutermost: true, savepoint: savepoint())
    }
    return TurnMark(isOutermost: false, savepoint: savepoint())
  }

  /// Ends what `mark` began, well: the outermost one delivers, commits and notifies.
  package func endTurn(_ mark: TurnMark) throws(StoreError) {
    defer { turnDepth -= 1 }
    guard mark.isOutermost, !isSettling else {
      // A call in a driver's group: the driver finds its effects on its next line.
      if isGroup, turnDepth == 2 { try deliverMessages() }
      return
    }
    // Nothing to commit, deliver or tell: the common end of a turn that only read.
    if tree.log.isEmpty, isIdle { return }
    // Something was written, of which nobody hears: the common end of all others.
    if isIdle, !hasOverrun, subscriptionCount == 0, onCommit == nil {
      commit()
      // What ends with a turn may have left something to do.
      if tree.log.isEmpty, isIdle { return }
    }
    try settle()
  }

  /// Ends what `mark` began, badly: it has never been.
  package func failTurn(_ mark: TurnMark) {
    if mark.isOutermost { recover() }
    rollBack(to: mark.savepoint, whole: mark.isOutermost)
    if mark.isOutermost { settleRest() }
    turnDepth -= 1
  }

  /// The turn that ran over a limit has ended; what follows has not.
  package func recover() {
    guard hasOverrun else { return }
    overrun = nil
    recoveries += 1
    onRecovery?()
  }

  /// After a turn that failed: what it had committed before has its effects.
  private func settleRest() {
    guard bus.endless == nil else {
      abandon()
      return runFollowUps()
    }
    bus.beginTurn()
    bus.queue.dropWithdrawn()
    if tree.log.isEmpty, isIdle, pending.isEmpty { return }
    do {
      try settle()
    } catch {
      report(error)
    }
  }

  private func abandon() {
    bus.queue.removeAll()
    registry.dropPending()
    bus.beginTurn()
    tree.clearLog()
    stretches = []
    runEffects()
    // What effects wrote belongs to no turn that could still fail.
    commit()
  }

  /// Runs a piece of work as one turn.
  ///
  /// - Throws: What the work throws, after everything it did was undone.
  package func turn<R>(_ body: () throws -> R) throws(StoreError) -> R {
    let mark = beginTurn()
    let result: R
    do {
      result = try body()
    } catch {
      failTurn(mark)
      throw StoreError(wrapping: error)
    }
    try endTurn(mark)
    return result
  }

  /// Runs a piece of work whose failure concerns nobody else: it is undone and reported.
  package func isolated(_ what: String, owner: String, _ body: () throws -> Void) {
    let savepoint = savepoint()
    do {
      try body()
    } catch {
      rollBack(to: savepoint)
      var failure = StoreError(wrapping: error)
      if failure.store == nil { failure.store = owner }
      if failure.member == nil { failure.member = what }
      report(failure)
    }
  }

  // MARK: Settling

  private var isQuiet: Bool { (!usesBus || bus.isQuiet) && pendingEvents == 0 }

  /// Whether nothing waits to be delivered, gone on with, begun or run.
  private var isIdle: Bool {
    isQuiet && ready.isEmpty && followUps.isEmpty && !graph.hasDueEffects
  }

  /// Delivers what waits, without committing: the effects of one call inside a group of turns.
  package func deliverMessages() throws(StoreError) {
    if isQuiet, ready.isEmpty, !hasOverrun { return }
    do {
      while true {
        repeat { if hasOverrun, let overrun { throw overrun } } while try bus.deliverNext()
        if try registry.deliverNext() { continue }
        guard !ready.isEmpty else { return }
        ready.removeFirst()()
      }
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  /// Delivers, commits and notifies until nothing is left to do, and then begins what follows.
  package func settle() throws(StoreError) {
    guard !isSettling else { return }
    isSettling = true
    defer { isSettling = false }
    do {
      try settleTurn()
    } catch {
      // What was final before the turn failed has its effects.
      runFollowUps()
      throw error
    }
    runFollowUps()
  }

  func settleTurn() throws(StoreError) {
    var rounds = 0
    do throws(StoreError) {
      repeat {
        rounds += 1
        guard rounds <= limits.settleRounds else {
          throw StoreError(
            .endlessLoop,
            "watchers and subscribers change each other's state without end "
              + "(\(limits.settleRounds) rounds): \(looping.suffix(6).joined(separator: " -> "))"
          )
        }
        try deliverMessages()
        commit()
        if rounds > limits.settleRounds - 8 { looping += pending.map { $0.0.id } }
        runEffects()
        notify()
      } while !isQuiet || !tree.log.isEmpty || !ready.isEmpty
      if !looping.isEmpty { looping = [] }
    } catch {
      looping = []
      recover()
      tree.undo(to: 0, whole: true)
      abandon()
      throw error
    }
  }

  /// Makes what the turn has done so far final.
  package func commit() {
    guard !tree.log.isEmpty else { return }
    if let onCommit {
      let changes = TurnChanges(tree: tree, stretches: stretches).collect { _ in true }
      pending += changes.filter { !$0.0.subscriptions.isEmpty }
      onCommit(changes.map(\.1))
    } else if subscriptionCount > 0 {
      let changes = TurnChanges(tree: tree, stretches: stretches)
      pending += changes.collect { !$0.subscriptions.isEmpty }
    }
    stretches.removeAll()
    tree.clearLog()
  }

  /// What the turn under way has changed so far, by store.
  package var changesSoFar: [StoreChange] {
    TurnChanges(tree: tree, stretches: stretches).collect { _ in true }.map(\.1)
  }

  /// Whether somebody would hear of the turn under way if it became final now.
  package var hasListenersDue: Bool {
    graph.hasDueEffects
      || TurnChanges(tree: tree, stretches: stretches)
        .collect { !$0.subscriptions.isEmpty }.isEmpty == false
  }

  private func runEffects() {
    guard graph.hasDueEffects else { return }
    // What made them due is final, or they would be due no more.
    graph.forgetLog()
    do {
      try graph.flush()
    } catch {
      report(StoreError(.endlessLoop, "\(error)", underlying: error))
    }
  }

  private func notify() {
    guard !pending.isEmpty else { return }
    let changes = pending
    pending = []
    for (store, change) in changes {
      for subscription in store.subscriptions where subscription.isActive {
        guard let selected = subscription.select(change) else { continue }
        if subscription.once { subscription.finish() }
        isolated("a subscriber", owner: store.id) { try subscription.callback(selected) }
      }
    }
  }
}
