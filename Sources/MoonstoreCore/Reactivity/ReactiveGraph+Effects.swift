/// Effects and scopes: what runs because of a change, and who disposes it.
///
/// An effect or scope belongs to the effect, computed or scope in whose run it was created, and
/// is disposed when that runs again or is itself disposed: the newest first, the inner before the
/// outer.
extension ReactiveGraph {
  /// Makes an effect and runs it for the first time.
  /// - Parameters:
  ///   - observer: Its body.
  ///   - schedulesItself: Whether the observer is told that the effect is due, instead of the
  ///     effect joining the graph's queue.
  ///   - node: Receives the id before the first run.
  /// - Returns: The new effect, which its first run may already have disposed.
  @discardableResult
  package func makeEffect(
    _ observer: GraphObserver,
    schedulesItself: Bool = false,
    assigning node: ((NodeID) -> Void)? = nil
  ) -> NodeID {
    let id = insertOwner(
      schedulesItself ? [.effect, .owner, .schedulesItself] : [.effect, .owner],
      observer
    )
    node?(NodeID(rawValue: id))
    execute(id)
    return NodeID(rawValue: id)
  }

  /// Makes a scope: an owner of effects and other scopes.
  /// - Parameter observer: Hears when it is disposed.
  /// - Returns: The new scope.
  package func makeScope(_ observer: GraphObserver) -> NodeID {
    NodeID(rawValue: insertOwner(.owner, observer))
  }

  /// Whether nothing owns the effect or scope, so that only its handle keeps it.
  package func isUnowned(_ node: NodeID) -> Bool { !nodes[node.rawValue].marks.contains(.owned) }

  /// Makes a scope the owner of what is created until `resumeTracking`; reads are not recorded.
  package func enter(_ scope: NodeID) -> Context {
    let outer = pauseTracking()
    context.value.owning = scope.rawValue
    return outer
  }

  /// What owns the effects and scopes that are created now.
  package func withOwner(_ body: (GraphObserver) -> Void) {
    let owning = context.value.owning
    if owning != 0 { nodes[owning].observer.borrow(body) }
  }

  /// Runs an announced effect if something that it reads has changed.
  /// - Parameter effect: An effect whose observer was told that it is due.
  /// - Returns: Whether it ran.
  @discardableResult
  package func runEffect(_ effect: NodeID) -> Bool {
    let id = effect.rawValue
    guard isStaleEffect(id) else { return false }
    execute(id)
    return true
  }

  /// Makes an effect due.
  func schedule(_ effect: NodeID) {
    let id = effect.rawValue
    let marks = nodes[id].marks
    guard marks.contains(.effect), !marks.contains(.freed) else { return }
    announce(id, marks: marks.union(.stale))
    // It is due whatever is undone.
    noteUnlogged()
  }

  /// No effect is due any more; each stays subscribed, and reacts to the next change.
  package func dropDue() {
    while let id = dequeue() {
      nodes[id].marks.subtract(.settledByRun.union(.announced))
    }
  }

  func isStaleEffect(_ id: UInt32) -> Bool {
    let marks = nodes[id].marks
    guard marks.contains(.effect), !marks.contains(.running) else { return false }
    nodes[id].marks = marks.subtracting(.announced)
    if marks.intersection(.outdated) == .suspect { settle(id) }
    return nodes[id].marks.contains(.stale)
  }

  func execute(_ id: UInt32) {
    if undoNotes.position != nil { noteRun(id) }
    let outer = begin(id)
    do {
      try nodes[id].observer.borrow { try $0.run(in: self) }
    } catch {
      nodes[id].observer.borrow { report(error, of: $0) }
    }
    if end(id, returningTo: outer).contains(.freed) { reclaim(id) }
    if !isFlushing, queueHead != 0, batchDepth == 0 { flushUnlessHeld() }
  }

  /// Queues an effect once until it runs.
  @inline(__always)
  func announce(_ id: UInt32, marks: NodeMarks) {
    if marks.isDisjoint(with: [.announced, .queued, .schedulesItself]) {
      nodes[id].marks = marks.union([.announced, .queued])
      if undoNotes.position != nil { noteDue(id) }
      append(id)
    } else {
      announceAgain(id, marks: marks)
    }
  }

  @inline(never)
  private func announceAgain(_ id: UInt32, marks: NodeMarks) {
    nodes[id].marks = marks.union(.announced)
    guard !marks.contains(.announced) else { return }
    noteDue(id)
    if marks.contains(.schedulesItself) {
      nodes[id].observer.borrow { $0.scheduled(NodeID(rawValue: id), in: self) }
    } else {
      enqueue(NodeID(rawValue: id))
    }
  }
}
