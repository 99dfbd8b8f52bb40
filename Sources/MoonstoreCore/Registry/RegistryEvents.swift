import MoonValue

/// The events of a registry: what happened, who hears of it, and what is still to be told.
///
/// Takes events from the registry, and gives them to listeners when the stack is quiet, as messages are. What
/// a turn has told goes with the turn; only refusals stay, since whoever watches for them must see them most
/// of all when they make a turn fail.
final class RegistryEvents {
  // The world owns its registry, which owns its events.
  private unowned(unsafe) let world: StoreSystem
  private var system: StoreSystem { unsafe world }
  private var history: [RegistryEvent] = []
  private var count = 0
  private(set) var droppedCount = 0
  private var listeners: [RegistryListener] = []
  private var pending: ContiguousArray<Pending> = []
  private var current: Pending?

  /// An event that is to be told, and what has caused it.
  ///
  /// It stands in the log of its turn twice: as emitted, without which it never happened, and as told, without
  /// which listeners hear of it again.
  fileprivate final class Pending: UndoableEvent {
    let event: RegistryEvent
    let depth: Int
    let survives: Bool
    private let dropped: ArraySlice<RegistryEvent>
    private unowned let events: RegistryEvents
    private var isTold = false

    init(
      _ event: RegistryEvent,
      depth: Int,
      survives: Bool,
      dropped: ArraySlice<RegistryEvent>,
      by events: RegistryEvents
    ) {
      self.event = event
      self.depth = depth
      self.survives = survives
      self.dropped = dropped
      self.events = events
    }

    func noteTold(in tree: StateTree) {
      isTold = true
      tree.note(self)
    }

    func undo() {
      // What was told last is undone first.
      guard isTold else { return events.takeBack(self, dropped: dropped) }
      isTold = false
      events.tellAgain(self)
    }
  }

  init(system: StoreSystem) { unsafe world = system }

  // MARK: Telling

  func emit(
    _ type: String,
    source: String,
    target: String?,
    payload: RegistryEvent.Content,
    survives: Bool
  ) throws(StoreError) {
    let depth = (current?.depth ?? 0) + 1
    guard survives || depth <= system.limits.messageDepth else {
      throw StoreError(
        .endlessLoop,
        "registry events cause each other without end (\(system.limits.messageDepth) deep), "
          + "the last one '\(type)'"
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
    history.append(event)
    var dropped: ArraySlice<RegistryEvent> = []
    if history.count > system.limits.eventHistory {
      // Half of them go at once, so that dropping costs nothing by the piece.
      dropped = history.prefix(history.count - max(1, system.limits.eventHistory / 2))
      history.removeFirst(dropped.count)
      droppedCount += dropped.count
    }
    let told = Pending(event, depth: depth, survives: survives, dropped: dropped, by: self)
    pending.append(told)
    system.pendingEvents = pending.count
    if system.isInTurn, !survives { system.tree.note(told) }
  }

  fileprivate func takeBack(_ told: Pending, dropped: ArraySlice<RegistryEvent>) {
    if let place = history.lastIndex(where: { $0.sequence == told.event.sequence }) {
      history.remove(at: place)
    }
    history.insert(contentsOf: dropped, at: 0)
    droppedCount -= dropped.count
    if count == told.event.sequence { count -= 1 }
    pending.removeAll { $0 === told }
    system.pendingEvents = pending.count
  }

  // MARK: Hearing

  func listen(
    _ type: String,
    owner: String,
    _ body: @escaping (RegistryEvent) throws -> Void
  ) -> Subscription {
    let listener = RegistryListener(type: type, owner: owner, body: body)
    let line = "event \(owner) \(type)"
    listener.rank = system.ranks.next(in: line)
    listeners.insert(listener, by: \.rank)
    return system.registration { [unowned self] in
      listener.isActive = false
      listeners.removeAll { $0 === listener }
      system.ranks.giveUp(listener.rank, in: line)
      return { [unowned self] in
        listener.isActive = true
        listeners.insert(listener, by: \.rank)
      }
    }
  }

  /// Tells the next event; false when there is none.
  func deliverNext() throws -> Bool {
    guard !pending.isEmpty else { return false }
    try system.bus.countDelivery { "the registry event '\(pending[0].event.type)'" }
    let told = pending.removeFirst()
    system.pendingEvents = pending.count
    if !told.survives { told.noteTold(in: system.tree) }
    let outer = current
    current = told
    defer { current = outer }
    // The list as it is now; one that is ended meanwhile is passed over.
    for listener in listeners where listener.isActive {
      guard listener.type == told.event.type || listener.type == "*" else { continue }
      system.isolated("hearing of '\(told.event.type)'", owner: listener.owner) {
        try listener.body(told.event)
      }
    }
    return true
  }

  fileprivate func tellAgain(_ told: Pending) {
    pending.insert(told, at: 0)
    system.pendingEvents = pending.count
  }

  /// Forgets what a turn that ended in a loop had still to tell.
  func dropPending() {
    pending.removeAll { !$0.survives }
    system.pendingEvents = pending.count
  }

  func removeListeners() { listeners = [] }

  // MARK: Looking back

  /// Oldest first.
  func recent(_ count: Int) -> [RegistryEvent] { Array(history.suffix(max(0, count))) }

  /// Who listens to what, in order.
  var subscribed: [(type: String, owner: String)] { listeners.map { ($0.type, $0.owner) } }
}
