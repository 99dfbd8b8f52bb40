/// Making nodes and giving them back.
extension ReactiveGraph {
  /// Makes something that can be read and written, whose value lives elsewhere.
  /// - Parameter observer: If given, it is asked at check time whether the source really changed.
  /// - Returns: The new source.
  @usableFromInline
  package func makeSource(_ observer: GraphObserver? = nil) -> NodeID {
    var record = NodeRecord.blank
    if let observer {
      record.marks = .verified
      record.observer = StoredReference(retaining: observer)
    }
    return NodeID(rawValue: nodes.insert(record))
  }

  /// Makes a value that is derived from others; it is evaluated when it is first refreshed.
  /// - Parameters:
  ///   - observer: What evaluates it and keeps the value.
  ///   - keepAlive: Whether it stays subscribed, and so cached, after its last observer is gone.
  /// - Returns: The new computed.
  @usableFromInline
  package func makeComputed(_ observer: GraphObserver, keepAlive: Bool = false) -> NodeID {
    let kind: NodeMarks = keepAlive ? [.computed, .stale, .keptAlive] : [.computed, .stale]
    return NodeID(
      rawValue: nodes.insert(
        NodeRecord(marks: kind, observer: StoredReference(retaining: observer))
      )
    )
  }

  /// Whether the node's code is on the stack.
  package func isRunning(_ node: NodeID) -> Bool {
    nodes[node.rawValue].marks.contains(.running)
  }

  /// Whether anything has the node among its dependencies.
  @usableFromInline
  package func hasSubscribers(_ node: NodeID) -> Bool {
    nodes[node.rawValue].subscribers != 0
  }

  /// Unlinks a node, disposes what it owns, lets its observer go and gives its slot back.
  ///
  /// A node that is running is unlinked now and given back when its run ends. Effects and scopes
  /// that it owns go first, the newest first.
  /// - Parameter node: The node; its id must not be used afterwards.
  @usableFromInline
  package func free(_ node: NodeID) {
    let id = node.rawValue
    guard id != 0, !nodes[id].marks.contains(.freed) else { return }
    let marks = nodes[id].marks
    if marks.contains(.compared) {
      values?.drop(nodes[id].seen)
      nodes[id].seen = 0
    }
    // Only what decides about the slot remains, so that no walk takes the node for a live one.
    nodes[id].marks = marks.intersection(.keptWhenFreed).union(.freed)
    if marks.contains(.owning) { disposeChildren(of: id) }
    if marks.contains(.owner) {
      if marks.contains(.owned) { detachFromOwner(id) }
      let paused = context.value.observing
      context.value.observing = 0
      nodes[id].observer.borrow { $0.disposed(in: self) }
      context.value.observing = paused
    } else {
      dropSubscribers(of: id)
    }
    if !marks.contains(.running) { reclaim(id) }
  }

  /// Frees a computed as soon as it has no subscribers.
  /// - Parameter computed: The computed; its id must not be used afterwards.
  @usableFromInline
  package func abandon(_ computed: NodeID) {
    let id = computed.rawValue
    if nodes[id].subscribers == 0 {
      free(computed)
    } else {
      nodes[id].marks.insert(.abandoned)
    }
  }

  /// Ends the life of a freed node that is not running.
  @inline(never)
  func reclaim(_ id: UInt32) {
    if nodes[id].marks.contains(.owning) { disposeChildren(of: id) }
    dropOwnership(of: id)
    dropDependencies(of: id)
    if let observer = nodes[id].observer.take() { graveyard.append(observer) }
    nodes[id].observer = .none
    if !nodes[id].marks.contains(.queued) { release(node: id) }
    letObserversGo()
  }

  func release(node id: UInt32) {
    guard checkDepth > 0 else {
      nodes.remove(id)
      return
    }
    keptNodes.push(id)
  }

  func release(link id: UInt32) {
    guard checkDepth > 0 else {
      links.remove(id)
      return
    }
    keptLinks.push(id)
  }

  func releaseKeptSlots() {
    while keptLinks.count > 0 { links.remove(keptLinks.pop()) }
    while keptNodes.count > 0 { nodes.remove(keptNodes.pop()) }
  }

  /// Lets freed observers go one by one, with no other reference to them on the stack: what they
  /// hold may free further nodes, which then only join the queue.
  private func letObserversGo() {
    guard !isBurying else { return }
    isBurying = true
    while let next = graveyard.popLast() { next.released() }
    isBurying = false
  }
}
