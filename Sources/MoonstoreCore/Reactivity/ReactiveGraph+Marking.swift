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
    mark(from: first, as: isVerified ? .suspect : .stale)
    if batchDepth == 0, queueHead != 0 { flushUnlessHeld() }
  }

  /// Says that a source was written whose old value can be compared: readers are suspect, and look again only if
  /// the value differs when they are asked for.
  /// - Parameters:
  ///   - source: The source.
  ///   - keep: Keeps the value from before the write, and gives its number. Not called where readers have not looked
  ///     since an earlier write.
  @inline(__always)
  func markWritten(_ source: NodeID, _ keep: () -> UInt32) {
    let id = source.rawValue
    let first = nodes[id].subscribers
    guard first != 0 else { return }
    if !nodes[id].marks.contains(.stale) {
      nodes[id].seen = keep()
      nodes[id].marks.formUnion([.stale, .compared])
    }
    mark(from: first, as: .suspect)
    if batchDepth == 0, queueHead != 0 { flushUnlessHeld() }
  }

  /// Says that a computed would give another value although nothing that it has read has changed, since
  /// its code was replaced: it is evaluated anew, and its readers look again if that gives another value.
  package func invalidate(_ computed: NodeID) {
    let id = computed.rawValue
    guard id != 0, !nodes[id].marks.contains(.freed) else { return }
    nodes[id].marks.formUnion(.stale)
    let first = nodes[id].subscribers
    if first != 0 { mark(from: first, as: .suspect) }
    if batchDepth == 0, queueHead != 0 { flushUnlessHeld() }
  }

  /// Says that a computed is about to be freed: its readers look again, and do not find it.
  package func withdraw(_ computed: NodeID) {
    let id = computed.rawValue
    guard id != 0, nodes[id].subscribers != 0 else { return }
    mark(from: nodes[id].subscribers, as: .stale)
    if batchDepth == 0, queueHead != 0 { flushUnlessHeld() }
  }

  /// Marks subscribers, and theirs as suspect, depth first in the order of subscription.
  private func mark(from first: UInt32, as direct: NodeMarks) {
    let floor = trail.count
    var link = first
    var mark = direct
    // Whether the lowest place to come back to is among the direct subscribers.
    var leadsToDirect = false
    while true {
      let next = links[link].nextSubscriber
      let id = links[link].subscriber
      let marks = nodes[id].marks
      var subscribers: UInt32 = 0
      if !marks.isDisjoint(with: .unsettled) {
        if markAgain(link, as: mark) { subscribers = nodes[id].subscribers }
      } else if marks.contains(.effect) {
        announce(id, marks: marks.union(mark))
      } else {
        nodes[id].marks = marks.union(mark)
        subscribers = nodes[id].subscribers
      }
      if subscribers != 0 {
        if trail.count == floor { leadsToDirect = next != 0 && mark == direct }
        if next != 0 { trail.push(next) }
        link = subscribers
        mark = .suspect
      } else if next != 0 {
        link = next
      } else if trail.count > floor {
        link = trail.pop()
        if leadsToDirect, trail.count == floor { mark = direct }
      } else {
        return
      }
    }
  }

  /// Marks a subscriber that is marked already or runs, and tells whether its own subscribers may
  /// be unmarked.
  @inline(never)
  private func markAgain(_ link: UInt32, as mark: NodeMarks) -> Bool {
    let id = links[link].subscriber
    let marks = nodes[id].marks
    if marks.contains(.running) {
      // What the run has not read yet, it will read fresh.
      guard links[link].epoch == nodes[id].epoch, !marks.contains(.freed) else { return false }
      let marked = marks.union(mark).union(.restless)
      nodes[id].marks = marked
      if marks.contains(.effect) {
        announce(id, marks: marked)
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
