/// A store system as it was between two turns: all that is needed to go on from there.
///
/// The definitions of stores, their code and who listens are not in it: they come from scripts and Swift.
public struct SystemSnapshot: Sendable, Codable {
  /// The number of the last commit that is in it.
  public let commit: UInt64
  /// The state of each store, in the order of the registry.
  public let stores: [StoreImage]
  /// How many ids were given out, by prefix.
  public let ids: [String: Int]
  /// What the next random number is made of.
  public let random: UInt64
  /// How many messages were sent.
  public let messages: Int
  /// How many events were told.
  public let events: Int

  /// Makes a snapshot of its parts, such as a journal keeps them.
  package init(
    commit: UInt64,
    stores: [StoreImage],
    ids: [String: Int],
    random: UInt64,
    messages: Int,
    events: Int
  ) {
    self.commit = commit
    self.stores = stores
    self.ids = ids
    self.random = random
    self.messages = messages
    self.events = events
  }
}

extension StoreSystem {
  /// The system as it is now.
  ///
  /// - Throws: `busy` inside a turn, which is not final yet.
  public func snapshot() throws(StoreError) -> SystemSnapshot {
    try checkIsBetweenTurns("a snapshot is taken")
    return SystemSnapshot(
      commit: commitNumber,
      stores: registry.ids.compactMap { registry.find($0) }.map { StoreImage(of: $0, in: tree) },
      ids: idCounts,
      random: randomState,
      messages: bus.sequence,
      events: registry.eventSequence
    )
  }

  /// Becomes what a snapshot says: counters, and the state of the stores that are there.
  ///
  /// All who have read something of these look again. Stores that the snapshot does not have stay as they are.
  ///
  /// - Returns: The images of stores that are not there.
  /// - Throws: `busy` inside a turn; `unreadable` for a snapshot that is damaged, and then nothing has changed.
  @discardableResult
  public func restore(_ snapshot: SystemSnapshot) throws(StoreError) -> [StoreImage] {
    try checkIsBetweenTurns("a snapshot is restored")
    let missing = try restore(snapshot.stores)
    commitNumber = snapshot.commit
    idCounts = snapshot.ids
    randomState = snapshot.random
    bus.sequence = snapshot.messages
    registry.eventSequence = snapshot.events
    settleDueEffects()
    return missing
  }

  /// Does what a commit of another system, or of an earlier time of this one, did to the state and the counters.
  ///
  /// No code of stores runs but watchers and subscribers, which hear of the changes. What a commit says of stores that
  /// are not there is left out.
  ///
  /// - Throws: `busy` inside a turn; `invalidArgument` where the state is not what the commit says it was, and then
  ///   nothing has changed.
  public func apply(_ commit: CommitRecord) throws(StoreError) {
    try checkIsBetweenTurns("a commit is applied")
    let whole = Set(commit.stores.map(\.id))
    try turn {
      for change in commit.changes where !whole.contains(change.store) {
        guard registry.has(change.store) else { continue }
        for patch in change.patches { try apply(patch) }
        for patch in change.hidden { try apply(patch, isHidden: true) }
      }
    }
    try restore(commit.stores)
    commitNumber = commit.number
    idCounts.merge(commit.ids) { max($0, $1) }
    randomState = commit.random
    for message in commit.messages { bus.sequence = max(bus.sequence, message.sequence) }
    for event in commit.events {
      registry.eventSequence = max(registry.eventSequence, event.sequence)
    }
    settleDueEffects()
  }

  private func checkIsBetweenTurns(_ what: String) throws(StoreError) {
    guard !isInTurn, getterDepth == 0 else {
      throw StoreError(.busy, "a turn is under way: \(what) between turns")
    }
  }

  @discardableResult
  private func restore(_ images: [StoreImage]) throws(StoreError) -> [StoreImage] {
    var parts: [(store: LiveStore, root: StateNode, hidden: StateNode?)] = []
    var missing: [StoreImage] = []
    for image in images {
      guard let store = registry.find(image.id) else {
        missing.append(image)
        continue
      }
      let root = try StateReader.node(image.state, in: tree)
      let hidden = try image.hidden.map { (bytes) throws(StoreError) in
        try StateReader.node(bytes, in: tree)
      }
      parts.append((store, root, hidden))
    }
    graph.noteUnlogged()
    for (store, root, hidden) in parts {
      tree.refill(store.root, with: root)
      if let hidden, let own = store.hiddenRoots.first { tree.refill(own, with: hidden) }
    }
    return missing
  }
}
