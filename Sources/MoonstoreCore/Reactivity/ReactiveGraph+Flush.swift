/// Running due effects: at the end of a write, of the outermost batch, or when the host says so.
extension ReactiveGraph {
  /// Groups writes: effects run once, when the outermost batch ends.
  ///
  /// Reads inside see what was written. The batch also ends, and effects run, if `body` throws.
  /// - Parameter body: What to run.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func batch<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    beginBatch()
    defer { endBatch() }
    return try body()
  }

  /// Begins a batch; each needs its `endBatch`.
  package func beginBatch() { batchDepth += 1 }

  /// Ends a batch; the outermost one runs due effects unless they are held.
  package func endBatch() {
    precondition(batchDepth > 0, "endBatch without beginBatch")
    batchDepth -= 1
    if batchDepth == 0, queueHead != 0 { flushUnlessHeld() }
  }

  /// Whether effects wait in the graph's queue.
  package var hasDueEffects: Bool { queueHead != 0 }

  /// Whether effects wait that `flush` would run now.
  package var canFlush: Bool { queueHead != 0 && !isFlushing && runs.count == 0 }

  /// Runs due effects, and those that they make due, until none is left.
  ///
  /// An effect that would run more often than `effectRunLimit` is left out; all others still run.
  /// Called while effects run, it does nothing, since they run anyway.
  /// - Throws: ``EffectLoopError`` if an effect was left out.
  public func flush() throws(EffectLoopError) {
    guard !isFlushing, runs.count == 0 else { return }
    isFlushing = true
    flushSerial &+= 1
    while let id = dequeue() { runInFlush(id) }
    isFlushing = false
    guard isWatchingLoops else { return }
    isWatchingLoops = false
    if let error = loops.takeError() { throw error }
  }

  /// A flush that nobody asked for reports a loop instead of throwing it.
  func flushUnlessHeld() {
    guard !isHolding, !isFlushing, runs.count == 0 else { return }
    do throws(EffectLoopError) {
      try flush()
    } catch {
      report(EffectFailure(label: error.labels.first ?? "", error: error))
    }
  }

  /// Puts an effect at the end of the graph's queue.
  package func enqueue(_ node: NodeID) {
    let id = node.rawValue
    let marks = nodes[id].marks
    guard marks.contains(.effect), !marks.contains(.queued) else { return }
    nodes[id].marks = marks.union(.queued)
    append(id)
  }

  @inline(__always)
  func append(_ id: UInt32) {
    nodes[id].nextInQueue = 0
    if queueTail != 0 {
      nodes[queueTail].nextInQueue = id
    } else {
      queueHead = id
    }
    queueTail = id
  }

  func dequeue() -> UInt32? {
    while queueHead != 0 {
      let id = queueHead
      queueHead = nodes[id].nextInQueue
      if queueHead == 0 { queueTail = 0 }
      nodes[id].nextInQueue = 0
      nodes[id].marks.remove(.queued)
      let marks = nodes[id].marks
      if !marks.contains(.freed) { return id }
      if !marks.contains(.running) { release(node: id) }
    }
    return nil
  }

  private func runInFlush(_ id: UInt32) {
    if nodes[id].marks.contains(.owned) { settleOwners(of: id) }
    guard isStaleEffect(id) else { return }
    let ownership = nodes[id].ownership
    if ownerships[ownership].flushSerial != flushSerial {
      ownerships[ownership].flushSerial = flushSerial
      ownerships[ownership].runsInFlush = 0
    }
    ownerships[ownership].runsInFlush &+= 1
    let count = Int(ownerships[ownership].runsInFlush)
    if isWatchingLoops || count >= runLimit {
      guard mayRunAgain(id, count: count) else { return }
    }
    if let onRun { nodes[id].observer.borrow(onRun) }
    execute(id)
  }

  @inline(never)
  private func mayRunAgain(_ id: UInt32, count: Int) -> Bool {
    isWatchingLoops = true
    guard count <= runLimit else {
      // It stays subscribed, so that it can react to the next change.
      nodes[id].marks.subtract(.settledByRun)
      loops.close(limit: runLimit)
      return false
    }
    nodes[id].observer.borrow { loops.note(id, label: $0.label) }
    return true
  }

  /// Lets owners go first, the outermost first: their run may dispose this effect, which must
  /// not run once more with what its owner no longer holds.
  @inline(never)
  private func settleOwners(of id: UInt32) {
    while let owner = outermostDueOwner(of: id) {
      if nodes[owner].marks.contains(.computed) {
        _ = refresh(NodeID(rawValue: owner))
      } else {
        runInFlush(owner)
      }
      guard nodes[id].marks.contains(.effect) else { return }
    }
  }

  private func outermostDueOwner(of id: UInt32) -> UInt32? {
    var due: UInt32?
    var owner = owner(of: id)
    while owner != 0 {
      let marks = nodes[owner].marks
      let isDueKind = marks.contains(.computed) || marks.contains(.queued)
      if isDueKind, !marks.contains(.running), !marks.isDisjoint(with: .outdated) { due = owner }
      owner = self.owner(of: owner)
    }
    return due
  }
}
