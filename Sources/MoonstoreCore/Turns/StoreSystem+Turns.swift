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
  /// All of it has to be the caller's own work, or that of what the caller has called: a savepoint is good in the turn
  /// that it was taken in, until the code that took it is suspended. If the caller has committed since, what it has
  /// done since the commit is undone.
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

  /// Whether no code is in the middle of something that the turn under way could undo: there is no turn, or it
  /// delivers and tells what was done.
  package var isStackQuiet: Bool { turnDepth == 0 || (isSettling && !isGroup) }

  /// Begins a turn, or joins the one under way.
  ///
  /// - Parameter origin: What begins it, for observers; asked for if there are some and no turn is under way.
  /// - Returns: Where it began, for its end.
  package func beginTurn(
    _ origin: @autoclosure () -> TurnOrigin = TurnOrigin(.swift)
  ) -> TurnMark {
    turnDepth += 1
    if turnDepth == 1 {
      if isObserved { observers.begin(origin()) }
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
    if isObserved { return try settle() }
    // Nothing to commit, deliver or tell: the common end of a turn that only read.
    if tree.log.isEmpty, isIdle { return }
    // Something was written, of which nobody hears: the common end of all others.
    if isIdle, !hasOverrun, subscriptionCount == 0 {
      try commit()
      // What ends with a turn may have left something to do.
      if tree.log.isEmpty, isIdle { return }
    }
    try settle()
  }

  /// Ends what `mark` began, badly: it has never been.
  ///
  /// - Parameters:
  ///   - mark: Where it began.
  ///   - error: Why, for observers; nil for a trial that is undone as was meant.
  package func failTurn(_ mark: TurnMark, _ error: StoreError?) {
    if mark.isOutermost { recover() }
    rollBack(to: mark.savepoint, whole: mark.isOutermost)
    if mark.isOutermost {
      if isObserved { observers.fail(error.map { .failed(TurnFailure($0)) } ?? .undone) }
      settleRest()
      if isObserved { observers.end() }
    }
    turnDepth -= 1
  }

  /// The turn that ran over a limit has ended; what follows has not.
  package func recover() {
    guard hasOverrun else { return }
    overrun = nil
    recoveries += 1
    scriptEngine?.recovered()
  }

  /// After a turn that failed: what it had committed before has its effects.
  private func settleRest() {
    guard !isEndless else {
      isSettling = true
      abandon()
      isSettling = false
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

  /// After a turn that does not settle: what waits in it goes, and what it had committed before has its effects.
  private func abandon() {
    func dropWaiting() {
      bus.queue.removeAll()
      registry.dropPending()
      bus.beginTurn()
      tree.clearLog()
      stretches = []
    }
    dropWaiting()
    do throws(StoreError) {
      try settleRounds()
    } catch {
      // Even that does not: what would run again and again is left out until something else changes.
      recover()
      undoAll()
      graph.dropDue()
      dropWaiting()
    }
  }

  /// Runs a piece of work as one turn.
  ///
  /// - Throws: What the work throws, after everything it did was undone.
  package func turn<R>(
    _ origin: @autoclosure () -> TurnOrigin = TurnOrigin(.swift),
    _ body: () throws -> R
  ) throws(StoreError) -> R {
    let mark = beginTurn(origin())
    let result: R
    do {
      result = try body()
    } catch {
      let error = StoreError(wrapping: error)
      failTurn(mark, error)
      throw error
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
      report(StoreError(wrapping: error).located(store: owner, member: what))
    }
  }

  /// Runs what became due outside of a turn, as a turn of its own.
  func settleDueEffects() {
    guard graph.canFlush, !isInTurn else { return }
    do {
      try turn {}
    } catch {
      report(error)
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
        repeat {
          if hasOverrun, let overrun { throw overrun }
          try spend()
        } while try bus.deliverNext()
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
      if isObserved { observers.end() }
    } catch {
      if isObserved {
        observers.fail(.failed(TurnFailure(error)))
        observers.end()
      }
      // What was final before the turn failed has its effects.
      runFollowUps()
      throw error
    }
    runFollowUps()
  }

  /// Settles a turn, or undoes all of it.
  ///
  /// Each round delivers what waits, and then seals what was done: watchers and subscribers hear of it, and what
  /// they write is the next round. Nothing is final before all watchers and subscribers are done, so that a turn which
  /// does not settle within `limits.loopLength` rounds is undone as a whole. Observers and the outside, such as
  /// streams, hear when it is final: turn observers, and what `noteUndo` gets as `finish`.
  func settleTurn() throws(StoreError) {
    let outer = isSettling
    isSettling = true
    defer { isSettling = outer }
    do throws(StoreError) {
      try settleRounds()
    } catch {
      recover()
      undoAll()
      abandon()
      throw error
    }
  }

  private func settleRounds() throws(StoreError) {
    var rounds = 0
    repeat {
      rounds += 1
      if rounds > limits.loopLength - LoopTrace.length { traceLoops() }
      guard rounds <= limits.loopLength else {
        throw loops.error(
          "watchers and subscribers make each other write",
          limits.loopLength,
          loops.members
        )
      }
      try deliverMessages()
      if pendingEvents == 0, !graph.hasDueEffects, subscriptionCount == 0 {
        // No watcher or subscriber hears of it.
        try commit()
      } else {
        seal()
        try runEffects()
        notify()
      }
      if isQuiet, tree.log.isEmpty, ready.isEmpty { try commit() }
      // What ends with a turn may have left something to do.
    } while !isQuiet || !tree.log.isEmpty || !ready.isEmpty || graph.canFlush
    if loops.isOn { endTracingLoops() }
  }

  @inline(never)
  private func traceLoops() {
    guard !loops.isOn else { return }
    loops.isOn = true
    graph.onRun = { [unowned self] observer in loops.note(observer.label) }
  }

  private func endTracingLoops() {
    loops = LoopTrace()
    graph.onRun = nil
  }

  /// Takes back all that the turn has done since its last commit.
  private func undoAll() {
    endTracingLoops()
    pending = []
    if isObserved { observers.dropStages(from: 0) }
    stretches = []
    tree.undoAll()
    // The first value that a watcher was told is what comes before it.
    for restore in told.reversed() { restore() }
    told = []
  }

  /// Notes what puts back what a watcher or subscriber was told while the turn settles, if it does not settle.
  package func noteTold(_ restore: @escaping () -> Void) {
    if isSettling { told.append(restore) }
  }

  /// Closes what the turn has done so far for those who hear of it.
  private func seal() {
    guard !tree.log.isEmpty else { return }
    stage()
    tree.seal()
  }

  /// Notes what subscribers are to hear, and what observers are to hear before it is final.
  private func stage() {
    let isTold = isObserved && observers.details.contains(.changes)
    if isTold || subscriptionCount > 0 {
      // Looking back at the turn steps through all of it, so that both get what one look finds.
      let changes = TurnChanges(tree: tree, stretches: stretches, showsHidden: isTold)
        .collect { isTold || $0.subscriptionCount > 0 }
      if isObserved { observers.stage(gist(changes.map(\.1))) }
      for (store, change) in changes
      where store.subscriptionCount > 0 && !change.patches.isEmpty {
        var shown = change
        shown.hidden = []
        pending.append((store, shown))
      }
    } else if isObserved {
      observers.stage(gist([]))
    }
    if !stretches.isEmpty { stretches.removeAll() }
  }

  /// Makes what the turn has done so far final.
  ///
  /// - Throws: The refusal of an observer; what the turn has done can still be undone then.
  package func commit() throws(StoreError) {
    guard !tree.log.isEmpty || tree.hasSealed else { return }
    if isObserved { return try commitObserved() }
    if !tree.log.isEmpty { stage() }
    finishCommit()
  }

  private func finishCommit() {
    if !told.isEmpty { told = [] }
    commitNumber &+= 1
    tree.clearLog()
  }

  private func commitObserved() throws(StoreError) {
    let before = (pending, stretches, observers.stageCount)
    if !tree.log.isEmpty { stage() }
    let commit: CommitRecord?
    do {
      commit = try observers.willCommit()
    } catch {
      (pending, stretches) = (before.0, before.1)
      observers.dropStages(from: before.2)
      throw error
    }
    finishCommit()
    if let commit { observers.didCommit(commit) }
  }

  /// What the turn under way has changed so far, by store.
  package var changesSoFar: [StoreChange] {
    TurnChanges(tree: tree, stretches: stretches).collect { _ in true }.map(\.1)
  }

  /// Whether somebody would hear of the turn under way if it became final now.
  package var hasListenersDue: Bool {
    graph.hasDueEffects
      || TurnChanges(tree: tree, stretches: stretches)
        .collect { $0.subscriptionCount > 0 }.isEmpty == false
  }

  private func runEffects() throws(StoreError) {
    guard graph.hasDueEffects else { return }
    // What made them due is sealed, or they would be due no more.
    graph.forgetLog()
    do {
      try graph.flush()
    } catch {
      throw loops.error("watchers make each other due", error.limit, error.labels)
    }
  }

  private func notify() {
    guard !pending.isEmpty else { return }
    let changes = pending
    pending = []
    for (store, change) in changes {
      for each in store.subscribers.all where each.isActive {
        guard let subscriber = each.member, let selected = subscriber.select(change, of: store)
        else {
          continue
        }
        if subscriber.once { each.cancel() }
        loops.note(subscriber.label)
        isolated("a subscriber", owner: store.id) { try subscriber.callback(selected) }
      }
    }
  }
}
