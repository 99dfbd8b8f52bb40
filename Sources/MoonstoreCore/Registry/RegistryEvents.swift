import MoonValue

/// The events of a registry: what happened, who hears of it, and what is still to be told.
///
/// Takes events from the registry, and gives them to listeners when the stack is quiet, as messages are. What
/// a turn has told goes with the turn; only refusals stay, since whoever watches for them must see them most
/// of all when they make a turn fail.
final class RegistryEvents {
  // The system owns its registry, which owns its events, and which a program can keep beyond it.
  private let presence: WorldPresence
  private var system: StoreSystem { presence.system(of: "StoreRegistry") }
  // Oldest first; those whose turn was undone are passed over, and go when they are the last.
  private var history = Deque<Pending>()
  private var withdrawnCount = 0
  // Refusals are kept apart: a script or session that is refused again and again pushes out no other event.
  private var refusals = Deque<RegistryEvent>()
  private var fact = FollowedFact()
  /// How many were told over the life of the data, which numbers the next one.
  var count = 0
  private var dropped = 0
  /// How many the history no longer holds.
  var droppedCount: Int {
    track()
    return dropped
  }
  private let listeners: RegistrationTable<String, RegistryListener>
  // To be told; those whose turn was undone are passed over.
  private var pending: Deque<Pending> {
    get { unsafe ownPending }
    _modify { yield unsafe &ownPending }
  }
  // Not checked for overlapping access, which each turn would pay for: an event is put or taken in one step.
  @exclusivity(unchecked) private var ownPending = Deque<Pending>()
  private var current: Pending?
  /// Who has heard of the last events that others have caused, for the error of a loop.
  private var trail: [String] = []

  /// An event that is to be told, and what has caused it.
  ///
  /// It stands in the log of its turn twice: as emitted, without which it never happened, and as told, without
  /// which listeners hear of it again.
  fileprivate final class Pending: UndoableEvent {
    let event: RegistryEvent
    let depth: Int
    let survives: Bool
    /// What had to leave the history for it, until its turn is final.
    fileprivate var dropped: [Pending] = []
    fileprivate var isWithdrawn = false
    private unowned let events: RegistryEvents
    private var isTold = false
    /// Whether turn observers were told that it was emitted.
    private var isRecorded = false

    init(
      _ event: RegistryEvent,
      depth: Int,
      survives: Bool,
      by events: RegistryEvents
    ) {
      self.event = event
      self.depth = depth
      self.survives = survives
      self.events = events
    }

    func noteTold(in tree: StateTree) {
      isTold = true
      tree.note(self)
    }

    func undo() {
      // What was told last is undone first.
      guard isTold else { return events.takeBack(self) }
      isTold = false
      events.tellAgain(self)
    }

    func tell(_ gist: inout TurnGist, _ details: TurnDetails) {
      guard !isRecorded, details.contains(.events) else { return }
      isRecorded = true
      gist.events.append(event.record)
    }

    var endsSomething: Bool { !dropped.isEmpty }
    func commit() { dropped = [] }
  }

  init(system: StoreSystem) {
    presence = system.presence
    listeners = RegistrationTable(in: system)
  }

  // MARK: Telling

  func emit(
    _ type: String,
    source: String,
    target: String?,
    payload: RegistryEvent.Content,
    survives: Bool
  ) throws(StoreError) {
    let depth = (current?.depth ?? 0) + 1
    guard survives || depth <= system.limits.loopLength else {
      throw system.fail(
        system.loops.error("registry events cause each other", system.limits.loopLength, trail)
      )
    }
    count += 1
    let event = RegistryEvent(
      sequence: count,
      type: type,
      source: source,
      target: target,
      content: payload,
      timestamp: system.clock.now
    )
    if depth == 1 { trail = [] }
    let told = Pending(event, depth: depth, survives: survives, by: self)
    if survives { keepRefusal(event) } else { history.append(told) }
    noteChange()
    let isUndoable = system.isInTurn && !survives
    let dropped = dropTooMany()
    if isUndoable { told.dropped = dropped }
    pending.append(told)
    system.pendingEvents += 1
    if isUndoable { system.tree.note(told) }
  }

  /// Past the bound of the history half of it goes, so that dropping costs nothing by the piece.
  private func dropTooMany() -> [Pending] {
    guard history.count - withdrawnCount > system.limits.eventHistory else { return [] }
    removeWithdrawn()
    var dropped: [Pending] = []
    while history.count > max(1, system.limits.eventHistory / 2), let oldest = history.popFirst() {
      dropped.append(oldest)
    }
    self.dropped += dropped.count
    return dropped
  }

  private func removeWithdrawn() {
    guard withdrawnCount > 0 else { return }
    history.keep { !$0.isWithdrawn }
    withdrawnCount = 0
  }

  fileprivate func takeBack(_ told: Pending) {
    told.isWithdrawn = true
    withdrawnCount += 1
    // Turns are undone from their end, so it is the last one, or only refusals came after it.
    while let last = history.last, last.isWithdrawn {
      _ = history.popLast()
      withdrawnCount -= 1
    }
    if withdrawnCount > history.count / 2 { removeWithdrawn() }
    for older in told.dropped.reversed() { history.prepend(older) }
    dropped -= told.dropped.count
    told.dropped = []
    if count == told.event.sequence { count -= 1 }
    system.pendingEvents -= 1
    if pending.last === told { _ = pending.popLast() }
    noteChange()
  }

  // MARK: Hearing

  func listen(
    _ type: String,
    owner: BusAddress,
    place: (() -> String?)?,
    _ body: @escaping (RegistryEvent) throws -> Void
  ) -> Subscription {
    listeners.add(
      RegistryListener(owner: owner, place: place, body: body),
      for: type,
      Ranks.Line(.listener, owner: owner.id, type)
    )
  }

  /// Those who hear of a type, in order of rank.
  private func listeners(
    of type: String
  ) -> ContiguousArray<Registration<RegistryListener>> {
    guard type != "*", let ofAll = listeners["*"] else { return listeners[type]?.all ?? [] }
    guard let ofType = listeners[type] else { return ofAll.all }
    return ofType.merged(with: ofAll)
  }

  /// Tells the next event; false when there is none.
  func deliverNext() throws -> Bool {
    guard system.pendingEvents > 0 else {
      if !pending.isEmpty { pending.removeAll() }
      return false
    }
    guard let told = pending.popFirst() else { return false }
    if told.isWithdrawn { return true }
    system.pendingEvents -= 1
    do {
      try system.bus.countDelivery { "the registry event '\(told.event.type)'" }
    } catch {
      tellAgain(told)
      throw error
    }
    if !told.survives { told.noteTold(in: system.tree) }
    let outer = current
    current = told
    defer { current = outer }
    // The list as it is now; one that is ended meanwhile is passed over.
    for each in listeners(of: told.event.type) where each.isActive {
      guard let listener = each.member else { continue }
      noteHearing(listener, told)
      system.isolated("hearing of '\(told.event.type)'", owner: listener.owner.name) {
        try listener.body(told.event)
      }
    }
    return true
  }

  private func noteHearing(_ listener: RegistryListener, _ told: Pending) {
    // Most events cause no others.
    guard system.loops.isOn || told.depth > system.limits.loopLength - LoopTrace.length else {
      return
    }
    let label = listener.owner.label(of: told.event.type, at: listener.place)
    system.loops.note(label)
    if told.depth == 1 { trail = [] }
    trail.append(label)
    if trail.count > LoopTrace.length { trail.removeFirst() }
  }

  fileprivate func tellAgain(_ told: Pending) {
    pending.prepend(told)
    system.pendingEvents += 1
  }

  /// Forgets what a turn that ended in a loop had still to tell.
  func dropPending() {
    pending.keep { $0.survives && !$0.isWithdrawn }
    system.pendingEvents = pending.count
  }

  func removeListeners() { listeners.removeAll() }

  // MARK: Looking back

  /// Getters and watchers that read what has happened follow it, as long as the system is there.
  private func track() {
    if let graph = presence.system?.graph { fact.track(in: graph) }
  }

  /// The history has changed: those who follow it look again.
  private func noteChange() { fact.change(in: system.graph) }

  /// Oldest first.
  func recent(_ count: Int) -> [RegistryEvent] {
    track()
    removeWithdrawn()
    let events = history.newest(count).reversed().map(\.event)
    if refusals.isEmpty { return events }
    // Both are in order.
    let both = (events + refusals.newest(count).reversed()).sorted { $0.sequence < $1.sequence }
    return both.suffix(max(0, count))
  }

  /// Refusals have half as much room as all other events.
  private func keepRefusal(_ event: RegistryEvent) {
    refusals.append(event)
    if refusals.count > max(1, system.limits.eventHistory / 2), refusals.popFirst() != nil {
      dropped += 1
    }
  }
}
