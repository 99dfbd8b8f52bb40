/// Whether a computed can be read.
@usableFromInline
package enum RefreshResult: Sendable {
  /// It is up to date.
  case ready
  /// Its own evaluation asked for it; `runningPath` shows the way.
  case cycle
}

/// The pull half: bringing one node up to date, what it depends on first.
extension ReactiveGraph {
  /// Brings a computed up to date, without recording a read.
  /// - Parameter computed: The computed.
  /// - Returns: Whether it can be read now.
  @inlinable
  @inline(__always)
  package func refresh(_ computed: NodeID) -> RefreshResult {
    if nodes[computed.rawValue].marks.isDisjoint(with: .unsettled) { return .ready }
    return refreshUnsettled(computed.rawValue)
  }

  /// Whether reading a computed takes no evaluation.
  func isSettled(_ computed: NodeID) -> Bool {
    nodes[computed.rawValue].marks.isDisjoint(with: .unsettled)
  }

  /// Brings a computed up to date and records the read, also of one that is running.
  ///
  /// The recorded read lets a reader that was refused because of a cycle look again once the
  /// cycle is broken.
  /// - Parameter computed: The computed.
  /// - Returns: Whether it can be read now.
  @inlinable
  @inline(__always)
  package func readComputed(_ computed: NodeID) -> RefreshResult {
    let result = refresh(computed)
    track(computed)
    return result
  }

  /// Verifies a source and records the read, if an observer runs.
  /// - Parameter source: The source.
  @inlinable
  @inline(__always)
  package func readSource(_ source: NodeID) {
    guard isTracking else { return }
    verify(source)
    track(source)
  }

  /// Whether a verified source was written since its observers looked.
  @inlinable
  package func awaitsVerification(_ source: NodeID) -> Bool {
    nodes[source.rawValue].marks.contains(.stale)
  }

  @usableFromInline
  @inline(never)
  func refreshUnsettled(_ id: UInt32) -> RefreshResult {
    let marks = nodes[id].marks
    if marks.contains(.running) { return .cycle }
    guard !marks.contains(.freed) else { return .ready }
    if marks.contains(.stale) {
      evaluate(id)
    } else {
      settle(id)
    }
    if runs.count == 0, queueHead != 0, batchDepth == 0 { flushUnlessHeld() }
    return .ready
  }

  /// Compares a verified source with what its observers last saw, if it was written since.
  ///
  /// Needed before an observer reads it: comparing later would miss that this observer has seen a
  /// value in between.
  /// - Parameter source: The source.
  @inlinable
  @inline(__always)
  package func verify(_ source: NodeID) {
    if nodes[source.rawValue].marks.contains(.stale) { verifyWritten(source.rawValue) }
  }

  @usableFromInline
  @inline(never)
  func verifyWritten(_ id: UInt32) {
    let paused = context.value.observing
    context.value.observing = 0
    nodes[id].marks = nodes[id].marks.subtracting(.stale).union(.running)
    let changed =
      nodes[id].marks.contains(.compared)
      ? compare(id) : nodes[id].observer.borrow { $0.recompute(in: self) } ?? true
    context.value.observing = paused
    nodes[id].marks.remove(.running)
    if changed { confirmChange(of: id) }
    if nodes[id].marks.contains(.freed) { reclaim(id) }
  }

  /// Whether a source has another value than its readers saw.
  private func compare(_ id: UInt32) -> Bool {
    nodes[id].marks.remove(.compared)
    let seen = nodes[id].seen
    nodes[id].seen = 0
    return values?.takeDifference(seen) ?? true
  }

  /// Finds out whether an effect or computed has to run, and runs it if it is a computed.
  ///
  /// Walks down to the lowest suspects and comes back up, running a computed only when one of its
  /// dependencies has changed. An effect that has to run is left marked as stale.
  func settle(_ root: UInt32) {
    checkDepth += 1
    let floor = trail.count
    var id = root
    var link = nodes[id].dependencies
    while true {
      // Down: go over the dependencies until it is certain that the node is stale, or that none
      // of them has changed.
      while link != 0 {
        let dependency = links[link].dependency
        let marks = nodes[dependency].marks
        if marks.isDisjoint(with: .unsettled) {
          link = links[link].nextDependency
        } else if marks.isDisjoint(with: [.stale, .running, .visited]) {
          nodes[dependency].marks = marks.union(.visited)
          trail.push(link)
          id = dependency
          link = nodes[id].dependencies
        } else {
          settleStale(dependency, of: id)
          // Foreign code that ran for the dependency may have settled or freed the node.
          if nodes[id].marks.intersection(.unsettled) != .suspect { break }
          link = links[link].nextDependency
        }
      }
      // Up: finish nodes until one has further dependencies to look at.
      while true {
        let marks = nodes[id].marks
        if !marks.contains(.stale) {
          nodes[id].marks = marks.subtracting(.settledByRun)
        } else if marks.intersection([.computed, .running]) == .computed {
          evaluate(id)
        }
        if trail.count == floor {
          endCheck()
          return
        }
        let origin = trail.pop()
        id = links[origin].subscriber
        if nodes[id].marks.intersection(.unsettled) == .suspect {
          link = links[origin].nextDependency
          break
        }
      }
    }
  }

  private func settleStale(_ dependency: UInt32, of id: UInt32) {
    let marks = nodes[dependency].marks
    if !marks.isDisjoint(with: [.running, .visited]) {
      // A loop of links: only running the node can tell whether it is still one.
      nodes[id].marks.formUnion(.stale)
    } else if marks.contains(.computed) {
      evaluate(dependency)
    } else {
      verifyWritten(dependency)
    }
  }

  private func endCheck() {
    checkDepth -= 1
    if checkDepth == 0, keptLinks.count + keptNodes.count > 0 { releaseKeptSlots() }
  }

  /// Evaluates a computed, recording what it reads.
  @inline(__always)
  private func evaluate(_ id: UInt32) {
    let outer = begin(id)
    let changed = nodes[id].observer.borrow { $0.recompute(in: self) } ?? false
    let marks = end(id, returningTo: outer)
    if changed { confirmChange(of: id) }
    if marks.contains(.freed) { reclaim(id) }
  }
}
