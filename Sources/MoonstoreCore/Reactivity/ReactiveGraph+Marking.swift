/// The push half: a write marks what follows from it and runs nothing but due effects.
extension ReactiveGraph {
  /// Says that a source was written.
  ///
  /// Readers of a plain source are stale at once; those of a verified source are suspect until
  /// the source was asked. Outside a batch, due effects run before this returns.
  /// - Parameter source: The source.
  @usableFromInline
  package func markChanged(_ source: NodeID) {
    let id = source.rawValue
    let first = nodes[id].subscribers
    guard first != 0 else { return }
    let isVerified = nodes[id].marks.contains(.verified)
    if isVerified { nodes[id].marks.insert(.stale) }
    mark(subscribersFrom: first, as: isVerified ? .suspect : .stale)
    if batchDepth == 0, queueHead != 0 { flushUnlessHeld() }
  }

  func mark(subscribersFrom first: UInt32, as direct: NodeMarks) {
    var link = first
    while link != 0 {
      let next = links[link].nextSubscriber
      if mark(subscriberOf: link, as: direct) {
        let subscribers = nodes[links[link].subscriber].subscribers
        if subscribers != 0 { suspectAll(from: subscribers) }
      }
      link = next
    }
  }

  private func suspectAll(from first: UInt32) {
    let floor = trail.count
    var link = first
    while true {
      let next = links[link].nextSubscriber
      if mark(subscriberOf: link, as: .suspect) {
        let subscribers = nodes[links[link].subscriber].subscribers
        if subscribers != 0 {
          if next != 0 { trail.push(next) }
          link = subscribers
          continue
        }
      }
      if next != 0 {
        link = next
      } else if trail.count > floor {
        link = trail.pop()
      } else {
        return
      }
    }
  }

  /// Marks one subscriber and tells whether its own subscribers have to be marked too.
  @inline(__always)
  private func mark(subscriberOf link: UInt32, as mark: NodeMarks) -> Bool {
    let id = links[link].subscriber
    let marks = nodes[id].marks
    if marks.isDisjoint(with: .unsettled) {
      nodes[id].marks = marks.union(mark)
      if marks.contains(.effect) {
        announce(id)
        return false
      }
      return true
    }
    return markAgain(id, marks: marks, as: mark, wasReadInRun: links[link].epoch)
  }

  private func markAgain(
    _ id: UInt32,
    marks: NodeMarks,
    as mark: NodeMarks,
    wasReadInRun epoch: UInt32
  ) -> Bool {
    if marks.contains(.running) {
      // What the run has not read yet, it will read fresh.
      guard epoch == nodes[id].epoch, !marks.contains(.freed) else { return false }
      nodes[id].marks = marks.union(mark).union(.restless)
      if marks.contains(.effect) {
        announce(id)
        return false
      }
      return marks.isDisjoint(with: .outdated) || marks.contains(.restless)
    }
    nodes[id].marks = marks.union(mark).subtracting(.restless)
    return marks.contains(.restless)
  }

  /// Makes the suspicion of a node's subscribers a certainty.
  @inline(__always)
  func confirmChange(of id: UInt32) {
    var link = nodes[id].subscribers
    while link != 0 {
      let subscriber = links[link].subscriber
      let marks = nodes[subscriber].marks
      if marks.contains(.suspect) {
        nodes[subscriber].marks = marks.subtracting(.suspect).union(.stale)
      }
      link = links[link].nextSubscriber
    }
  }
}
