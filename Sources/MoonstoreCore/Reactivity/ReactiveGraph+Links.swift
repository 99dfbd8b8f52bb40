/// Recording reads, and forgetting those that a newer run has not repeated.
///
/// A run moves a cursor over the links of the run before it. While it reads the same things in
/// the same order, each read confirms one link and allocates nothing.
extension ReactiveGraph {
  /// Whether an observer runs and its reads are recorded.
  @inlinable package var isTracking: Bool { context.value.observing != 0 }

  /// Records that the running observer, if any, has read the node.
  @inlinable
  @inline(__always)
  package func track(_ node: NodeID) {
    let subscriber = context.value.observing
    if subscriber != 0 { link(node.rawValue, to: subscriber) }
  }

  @inlinable
  @inline(__always)
  func link(_ dependency: UInt32, to subscriber: UInt32) {
    let cursor = nodes[subscriber].lastDependency
    let expected: UInt32
    if cursor != 0 {
      if links[cursor].dependency == dependency { return }
      expected = links[cursor].nextDependency
    } else {
      expected = nodes[subscriber].dependencies
    }
    if expected != 0, links[expected].dependency == dependency {
      links[expected].epoch = nodes[subscriber].epoch
      nodes[subscriber].lastDependency = expected
      return
    }
    insertLink(dependency, to: subscriber, after: cursor, before: expected)
  }

  @usableFromInline
  @inline(never)
  func insertLink(
    _ dependency: UInt32,
    to subscriber: UInt32,
    after cursor: UInt32,
    before expected: UInt32
  ) {
    guard !nodes[dependency].marks.contains(.freed) else { return }
    let epoch = nodes[subscriber].epoch
    let newest = nodes[dependency].lastSubscriber
    // Reads that alternate between a few things would otherwise add a link for each read.
    if newest != 0, links[newest].subscriber == subscriber, links[newest].epoch == epoch { return }
    let id = links.insert(
      LinkRecord(
        epoch: epoch,
        dependency: dependency,
        subscriber: subscriber,
        previousDependency: cursor,
        nextDependency: expected,
        previousSubscriber: newest,
        nextSubscriber: 0
      )
    )
    if expected != 0 { links[expected].previousDependency = id }
    if cursor != 0 {
      links[cursor].nextDependency = id
    } else {
      nodes[subscriber].dependencies = id
    }
    nodes[subscriber].lastDependency = id
    if newest != 0 {
      links[newest].nextSubscriber = id
    } else {
      nodes[dependency].subscribers = id
    }
    nodes[dependency].lastSubscriber = id
  }

  /// Forgets the links behind the cursor, which the run that just ended has not confirmed.
  @inline(__always)
  func dropUnconfirmed(of subscriber: UInt32) {
    let cursor = nodes[subscriber].lastDependency
    let first = cursor != 0 ? links[cursor].nextDependency : nodes[subscriber].dependencies
    guard first != 0 else { return }
    if cursor != 0 {
      links[cursor].nextDependency = 0
    } else {
      nodes[subscriber].dependencies = 0
    }
    drop(chain: first)
    adoptOrphans()
  }

  /// Forgets all that a node has read.
  func dropDependencies(of subscriber: UInt32) {
    detachDependencies(of: subscriber)
    adoptOrphans()
  }

  /// Takes a node out of the dependencies of all its subscribers.
  func dropSubscribers(of dependency: UInt32) {
    var link = nodes[dependency].subscribers
    nodes[dependency].subscribers = 0
    nodes[dependency].lastSubscriber = 0
    while link != 0 {
      let next = links[link].nextSubscriber
      cutFromDependencies(link)
      release(link: link)
      link = next
    }
  }

  private func detachDependencies(of subscriber: UInt32) {
    let first = nodes[subscriber].dependencies
    nodes[subscriber].dependencies = 0
    nodes[subscriber].lastDependency = 0
    drop(chain: first)
  }

  /// Unlinks a chain that its subscriber no longer reaches from the lists of the dependencies.
  @inline(never)
  private func drop(chain first: UInt32) {
    var link = first
    while link != 0 {
      let record = links[link]
      if record.previousSubscriber != 0 {
        links[record.previousSubscriber].nextSubscriber = record.nextSubscriber
      } else {
        nodes[record.dependency].subscribers = record.nextSubscriber
      }
      if record.nextSubscriber != 0 {
        links[record.nextSubscriber].previousSubscriber = record.previousSubscriber
      } else {
        nodes[record.dependency].lastSubscriber = record.previousSubscriber
      }
      if nodes[record.dependency].subscribers == 0 { orphans.push(record.dependency) }
      release(link: link)
      link = record.nextDependency
    }
  }

  private func cutFromDependencies(_ link: UInt32) {
    let record = links[link]
    if record.previousDependency != 0 {
      links[record.previousDependency].nextDependency = record.nextDependency
    } else {
      nodes[record.subscriber].dependencies = record.nextDependency
    }
    if record.nextDependency != 0 {
      links[record.nextDependency].previousDependency = record.previousDependency
    }
    if nodes[record.subscriber].lastDependency == link {
      nodes[record.subscriber].lastDependency = record.previousDependency
    }
  }

  /// Lets computeds that nobody observes any more unsubscribe, and so on upstream.
  ///
  /// They would otherwise be marked by writes that interest nobody. The next read evaluates them.
  @inline(never)
  func adoptOrphans() {
    guard orphans.count > 0, !isAdopting else { return }
    isAdopting = true
    defer { isAdopting = false }
    while orphans.count > 0 {
      let id = orphans.pop()
      let marks = nodes[id].marks
      if marks.contains(.abandoned), nodes[id].subscribers == 0 {
        free(NodeID(rawValue: id))
        continue
      }
      guard marks.contains(.computed), nodes[id].subscribers == 0,
        marks.isDisjoint(with: [.keptAlive, .running, .freed])
      else { continue }
      nodes[id].marks = marks.subtracting(.settledByRun).union(.stale)
      detachDependencies(of: id)
      if marks.contains(.owning) { disposeChildren(of: id) }
    }
  }
}
