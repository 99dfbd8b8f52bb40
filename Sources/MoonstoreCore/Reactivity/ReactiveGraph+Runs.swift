/// What surrounds a run: who observes, who owns, and how to read without observing.
extension ReactiveGraph {
  /// Who observed and owned before a run or a pause; the end of it puts that back.
  package struct Context: Sendable {
    let run: RunContext
  }

  /// How many observers' code is on the stack.
  package var runDepth: Int { runs.count }

  /// The observers whose code is on the stack, outermost first.
  package var runningPath: [GraphObserver] {
    var path: [GraphObserver] = []
    for height in 0..<runs.count {
      nodes[runs[height]].observer.borrow { path.append($0) }
    }
    return path
  }

  /// The labels from a running node to the innermost one and back to the first, for the report
  /// of a cycle.
  /// - Parameter node: The node that was asked for while it runs.
  /// - Returns: The labels of the path.
  @usableFromInline
  package func cyclePath(to node: NodeID) -> [String] {
    var path: [String] = []
    for height in 0..<runs.count where !path.isEmpty || runs[height] == node.rawValue {
      nodes[runs[height]].observer.borrow { path.append($0.label) }
    }
    if let first = path.first { path.append(first) }
    return path
  }

  /// Runs a closure whose reads are not recorded.
  ///
  /// Effects that it creates still belong to the running effect.
  /// - Parameter body: What to run.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func untracked<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outer = pauseTracking()
    defer { resumeTracking(outer) }
    return try body()
  }

  /// Runs a closure that is no part of what observes and owns now: its reads are not recorded, and effects
  /// that it creates belong to nothing.
  @inline(__always)
  package func outside<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outer = context.value
    context.value = RunContext()
    defer { context.value = outer }
    return try body()
  }

  /// Stops recording reads until `resumeTracking` gets what this returns.
  package func pauseTracking() -> Context {
    let outer = Context(run: context.value)
    context.value.observing = 0
    return outer
  }

  /// Goes on as before the matching `pauseTracking`.
  package func resumeTracking(_ outer: Context) {
    context.value = outer.run
  }

  @inline(__always)
  func begin(_ id: UInt32) -> Context {
    let outer = Context(run: context.value)
    let marks = nodes[id].marks
    nodes[id].marks = marks.subtracting(.settledByRun).union(.running)
    nodes[id].epoch &+= 1
    nodes[id].lastDependency = 0
    if marks.contains(.owning) { disposeChildren(of: id) }
    runs.push(id)
    context.value = RunContext(running: id)
    return outer
  }

  /// Ends a run and returns the marks that it ended with; a node that was freed meanwhile has to
  /// be reclaimed by the caller.
  @inline(__always)
  func end(_ id: UInt32, returningTo outer: Context) -> NodeMarks {
    context.value = outer.run
    _ = runs.pop()
    let marks = nodes[id].marks
    nodes[id].marks = marks.subtracting(.running)
    dropUnconfirmed(of: id)
    return marks
  }
}
