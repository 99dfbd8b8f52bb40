/// The stores of one host by id, with what they depend on.
public final class StoreRegistry {
  /// Something that happened to a store.
  public struct Event: Sendable {
    /// Counts the events of a host from 1, so that a reader sees gaps.
    public let sequence: Int
    /// `store:registered` or `store:unregistered`.
    public let type: String
    /// The store's id.
    public let store: String
    /// When, in seconds since 1970 on the host's clock.
    public let timestamp: Double
  }

  private unowned let system: StoreSystem
  private var stores: [String: LiveStore] = [:]
  private var order: [String] = []
  private var events: [Event] = []
  private var eventCount = 0
  private var listeners: [(id: Int, body: (Event) -> Void)] = []
  private var listenerCount = 0

  init(system: StoreSystem) { self.system = system }

  // MARK: Looking up

  /// The ids in order of registration.
  public var ids: [String] { order }
  /// How many stores there are.
  public var count: Int { order.count }
  /// Whether there is a store of this id.
  public func has(_ id: String) -> Bool { stores[id] != nil }

  /// The store of an id.
  ///
  /// - Throws: `StoreError` with the code `unknownStore`.
  public func store(_ id: String) throws(StoreError) -> Store { try live(id).face }

  package func find(_ id: String) -> LiveStore? { stores[id] }

  package func live(_ id: String) throws(StoreError) -> LiveStore {
    if let store = stores[id] { return store }
    throw StoreError(
      .unknownStore,
      "there is no store '\(id)'\(Suggestion.text(for: id, among: order))"
    )
  }

  /// What a store was registered with.
  public func definition(of id: String) throws(StoreError) -> StoreDefinition {
    try live(id).definition
  }

  // MARK: Dependencies

  /// All stores that a store depends on, directly or not, each after those it depends on itself.
  ///
  /// - Throws: `unknownStore`, `missingDependency`, `dependencyCycle`.
  public func resolveDependencies(_ id: String) throws(StoreError) -> [String] {
    let start = try live(id)
    var resolver = DependencyOrder { [stores] in stores[$0]?.definition.dependencies }
    return try resolver.order(of: [start.id]).dropLast()
  }

  /// The dependencies of a store, direct or not, that are not there; empty when all are.
  public func missingDependencies(_ id: String) throws(StoreError) -> [String] {
    var missing: [String] = []
    var seen: Set<String> = [id]
    var queue = try live(id).definition.dependencies
    while let next = queue.popLast() {
      guard seen.insert(next).inserted else { continue }
      if let store = stores[next] {
        queue += store.definition.dependencies
      } else {
        missing.append(next)
      }
    }
    return missing.sorted()
  }

  /// The stores that depend on this one directly.
  public func dependents(of id: String) -> [String] {
    order.filter { stores[$0]?.definition.dependencies.contains(id) == true }
  }

  // MARK: Coming and going

  package func register(_ store: LiveStore) throws(StoreError) {
    let id = store.id
    guard !id.isEmpty else {
      throw StoreError(.invalidDefinition, "a store needs an id, a text such as \"cart\"")
    }
    if stores[id] != nil {
      throw StoreError(.duplicateStore, "there is already a store '\(id)'", store: id)
    }
    for dependency in store.definition.dependencies where stores[dependency] == nil {
      if dependency == id {
        throw StoreError(
          .dependencyCycle,
          "the store '\(id)' depends on itself: \(id) -> \(id)",
          store: id
        )
      }
      let hint = Suggestion.text(for: dependency, among: order)
      throw StoreError(
        .missingDependency,
        "the store '\(id)' depends on '\(dependency)', which is not there\(hint)",
        store: id
      )
    }
    stores[id] = store
    order.append(id)
    system.tree.adopt(store.root, by: store)
    for root in store.hiddenRoots { system.tree.adopt(root, by: store) }
    if system.isInTurn {
      system.tree.note(Registered(Subscription { [unowned self] in remove(store) }))
    }
    emit("store:registered", id)
  }

  /// Takes a store out and ends all that belongs to it.
  ///
  /// - Parameters:
  ///   - id: The store's id.
  ///   - cascade: Whether the stores that depend on it go as well; otherwise they are an error.
  /// - Throws: `unknownStore`, or `hasDependents` with their list.
  public func unregister(_ id: String, cascade: Bool = false) throws(StoreError) {
    let store = try live(id)
    let dependents = dependents(of: id)
    guard cascade || dependents.isEmpty else {
      let list = dependents.joined(separator: ", ")
      throw StoreError(
        .hasDependents,
        "the store '\(id)' cannot go: \(list) \(dependents.count == 1 ? "depends" : "depend") on it",
        store: id
      )
    }
    var seen: Set<String> = []
    var leaving: [LiveStore] = []
    collect(store, &seen, &leaving)
    for store in leaving { remove(store) }
  }

  /// The stores that depend on this one, directly or not, and then this one.
  private func collect(_ store: LiveStore, _ seen: inout Set<String>, _ found: inout [LiveStore]) {
    guard seen.insert(store.id).inserted else { return }
    for id in dependents(of: store.id) {
      if let dependent = stores[id] { collect(dependent, &seen, &found) }
    }
    found.append(store)
  }

  /// Takes out a store that is there, with all that belongs to it.
  func remove(_ store: LiveStore) {
    guard stores[store.id] === store else { return }
    stores[store.id] = nil
    order.removeAll { $0 == store.id }
    store.dispose()
    emit("store:unregistered", store.id)
  }

  // MARK: Events

  private func emit(_ type: String, _ id: String) {
    eventCount += 1
    let event = Event(sequence: eventCount, type: type, store: id, timestamp: system.clock.now)
    events.append(event)
    if events.count > system.limits.eventHistory {
      events.removeFirst(events.count - system.limits.eventHistory)
    }
    // The list as it is now: a listener may remove itself or others.
    for listener in listeners where listeners.contains(where: { $0.id == listener.id }) {
      listener.body(event)
    }
  }

  /// The last events, oldest first.
  public func recentEvents(_ count: Int = 10) -> [Event] { Array(events.suffix(count)) }

  /// Hears of each store that comes or goes.
  public func onEvent(_ body: @escaping (Event) -> Void) -> Subscription {
    listenerCount += 1
    let id = listenerCount
    listeners.append((id, body))
    return system.registration { [unowned self] in
      let place = listeners.firstIndex { $0.id == id }
      listeners.removeAll { $0.id == id }
      return { [unowned self] in
        listeners.insert((id, body), at: min(place ?? 0, listeners.count))
      }
    }
  }

  package func disposeAll() {
    for id in order.reversed() {
      stores[id]?.dispose()
    }
    stores = [:]
    order = []
    listeners = []
  }
}

@available(*, unavailable)
extension StoreRegistry: Sendable {}
