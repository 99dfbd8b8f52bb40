public import MoonValue

/// The stores of one host by id, with what they depend on.
public final class StoreRegistry {
  /// What becomes of the stores that depend on one that goes.
  public enum Dependents: Sendable {
    /// There may be none: otherwise the store stays, and the error lists them.
    case refuse
    /// They go as well, before it.
    case cascade
    /// They stay, and miss it: `missingDependencies` names it from then on.
    case leave
  }

  // The system owns its registry, which a program can keep beyond it.
  private let presence: WorldPresence
  private var system: StoreSystem { presence.system(of: "StoreRegistry") }
  // Not checked for overlapping access, which making a store would pay for dozens of times: each part is changed in one
  // step, and a store that is let go of does not come back here.
  @exclusivity(unchecked) private var records = Records()
  private var stores: [String: LiveStore] {
    get { unsafe records.stores }
    _modify { yield unsafe &records.stores }
  }
  private var order: [String] {
    get { unsafe records.order }
    _modify { yield unsafe &records.order }
  }
  /// Another one whenever a store comes or goes.
  package var generation: Int { unsafe records.generation }
  // Where an id stands in `order`, unless stores have left since: then a little earlier.
  private var places: [String: Int] {
    get { unsafe records.places }
    _modify { yield unsafe &records.places }
  }
  /// Who depends on an id directly, whether or not there is such a store.
  private var dependents: [String: Set<String>] {
    get { unsafe records.dependents }
    _modify { yield unsafe &records.dependents }
  }
  private let events: RegistryEvents

  init(system: StoreSystem) {
    presence = system.presence
    events = RegistryEvents(system: system)
  }

  // MARK: Looking up

  /// The ids in order of registration.
  public var ids: [String] {
    trackPresence()
    return order
  }

  /// How many stores there are.
  public var count: Int { ids.count }

  /// Whether there is a store of this id.
  public func has(_ id: String) -> Bool {
    trackPresence()
    return stores[id] != nil
  }

  /// The store of an id.
  ///
  /// - Throws: `StoreError` with the code `unknownStore`.
  public func store(_ id: String) throws(StoreError) -> Store { try live(id).face }

  package func find(_ id: String) -> LiveStore? { stores[id] }

  package func live(_ id: String) throws(StoreError) -> LiveStore {
    if let store = stores[id] { return store }
    trackPresence()
    throw StoreError(
      .unknownStore,
      "there is no store '\(id)'\(Suggestion.text(for: id, among: order))"
    )
  }

  /// What a store was registered with.
  public func definition(of id: String) throws(StoreError) -> StoreDefinition {
    trackPresence()
    return try live(id).definition
  }

  /// What a store was registered with, as data.
  public func record(of id: String) throws(StoreError) -> StoreRecord {
    trackPresence()
    return StoreRecord(try live(id), dependents: dependents(of: id))
  }

  /// Getters and watchers that ask which stores there are, and what is known of them, follow it.
  package func trackPresence() {
    unsafe records.content.track(in: system.graph)
  }

  /// A store has come or gone, or is registered with something else.
  func noteChange() {
    unsafe records.generation += 1
    unsafe records.content.change(in: system.graph)
  }

  // MARK: Dependencies

  /// All stores that a store depends on, directly or not, each after those it depends on itself.
  ///
  /// - Throws: `unknownStore`, `missingDependency`, `dependencyCycle`.
  public func resolveDependencies(_ id: String) throws(StoreError) -> [String] {
    trackPresence()
    let start = try live(id)
    var resolver = DependencyOrder { [stores] in stores[$0]?.definition.dependencies }
    return try resolver.order(of: [start.id]).dropLast()
  }

  /// The dependencies of a store, direct or not, that are not there; empty when all are.
  public func missingDependencies(_ id: String) throws(StoreError) -> [String] {
    trackPresence()
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
  ///
  /// In order of registration.
  public func dependents(of id: String) -> [String] {
    trackPresence()
    guard let dependents = dependents[id] else { return [] }
    return dependents.sorted { (places[$0] ?? 0, $0) < (places[$1] ?? 0, $1) }
  }

  /// Says anew what a store depends on; undone with the turn.
  ///
  /// - Throws: `unknownStore`, `missingDependency`, `dependencyCycle`; nothing has changed then.
  package func setDependencies(_ dependencies: [String], of id: String) throws(StoreError) {
    let store = try live(id)
    let old = store.definition.dependencies
    try check(dependencies: dependencies, of: id)
    note(dependencies, of: store, insteadOf: old)
    system.noteUndo { [unowned self] in note(old, of: store, insteadOf: dependencies) }
  }

  /// Throws unless a store can depend on these: all are there, and none depends on it.
  func check(dependencies: [String], of id: String) throws(StoreError) {
    try checkPresence(of: dependencies, for: id)
    var resolver = DependencyOrder { [stores] other in
      other == id ? dependencies : stores[other]?.definition.dependencies ?? []
    }
    _ = try resolver.order(of: [id])
  }

  /// The error for a dependency that is not there.
  package func missing(_ dependency: String, for subject: String, store: String?) -> StoreError {
    StoreError(
      .missingDependency,
      "\(subject) depends on '\(dependency)', which is not there"
        + Suggestion.text(for: dependency, among: order),
      store: store
    )
  }

  private func note(_ new: [String], of store: LiveStore, insteadOf old: [String]) {
    store.definition.dependencies = new
    for id in old { dependents[id]?.remove(store.id) }
    for id in new { dependents[id, default: []].insert(store.id) }
    for id in old where dependents[id]?.isEmpty == true { dependents[id] = nil }
    noteChange()
  }

  private func checkPresence(of dependencies: [String], for id: String) throws(StoreError) {
    for dependency in dependencies where stores[dependency] == nil {
      guard dependency == id else {
        throw missing(dependency, for: "the store '\(id)'", store: id)
      }
      throw StoreError(
        .dependencyCycle,
        "the store '\(id)' depends on itself: \(id) -> \(id)",
        store: id
      )
    }
  }

  // MARK: Permissions

  /// Whether somebody may do something with a store, such as `read`, `call:addItem` or `write:items`.
  ///
  /// - Returns: Also false for a store that is not there.
  /// - Throws: `invalidDefinition` for what is no permission.
  public func checkPermission(
    _ permission: String,
    on id: String,
    for principal: Principal
  ) throws(StoreError) -> Bool {
    guard let store = stores[id] else {
      trackPresence()
      return false
    }
    let access = try PermissionSet.request(permission, of: store)
    return system.access.answers(try system.access.number(for: principal), access)
  }

  // MARK: Coming and going

  package func register(_ store: LiveStore) throws(StoreError) {
    let id = store.id
    try StoreID.check(id)
    if let holder = system.holder(of: id) {
      throw StoreError(
        .invalidDefinition,
        "the id '\(id)' is \(holder): messages are from and to a name, so that no two can share one; choose another id",
        store: id
      )
    }
    if stores[id] != nil {
      throw StoreError(.duplicateStore, "there is already a store '\(id)'", store: id)
    }
    if let listed = store.definition.permissions {
      store.permissions = try PermissionSet(listed, of: id)
    }
    try checkPresence(of: store.definition.dependencies, for: id)
    try checkCircle(from: store)
    put(store, at: order.count)
    system.tree.adopt(store.root, by: store)
    for root in store.hiddenRoots { system.tree.adopt(root, by: store) }
    if system.isInTurn { system.tree.note(Put(store, in: self)) }
    try emit(
      "store:registered",
      target: id,
      payload: .record(StoreRecord(store, dependents: dependents(of: id)))
    )
  }

  /// A store that comes back under an id which others depend on can close a circle.
  private func checkCircle(from store: LiveStore) throws(StoreError) {
    guard dependents[store.id] != nil else { return }
    var resolver = DependencyOrder { [stores] id in
      id == store.id ? store.definition.dependencies : stores[id]?.definition.dependencies ?? []
    }
    _ = try resolver.order(of: [store.id])
  }

  fileprivate func put(_ store: LiveStore, at place: Int) {
    stores[store.id] = store
    order.insert(store.id, at: min(place, order.count))
    places[store.id] = place
    note(store.definition.dependencies, of: store, insteadOf: [])
    noteChange()
  }

  /// Takes a store out and ends all that belongs to it.
  ///
  /// A turn that fails puts it back as it was.
  ///
  /// - Parameters:
  ///   - id: The store's id.
  ///   - policy: What becomes of the stores that depend on it.
  /// - Returns: The ids of the stores that have gone, in the order in which they went.
  /// - Throws: `unknownStore`, or `hasDependents` with their list.
  @discardableResult
  public func unregister(
    _ id: String,
    dependents policy: Dependents = .refuse
  ) throws(StoreError) -> [String] {
    let store = try live(id)
    if policy == .refuse { try checkDependents(of: id) }
    let leaving = policy == .cascade ? collected(from: store) : [store]
    try system.turn { for store in leaving { remove(store) } }
    return leaving.map(\.id)
  }

  /// Throws when stores depend on one, and lists them.
  package func checkDependents(of id: String) throws(StoreError) {
    let dependents = dependents(of: try live(id).id)
    guard !dependents.isEmpty else { return }
    let list = dependents.joined(separator: ", ")
    throw StoreError(
      .hasDependents,
      "the store '\(id)' cannot go: \(list) \(dependents.count == 1 ? "depends" : "depend") on it",
      store: id
    )
  }

  /// The stores that would go with one, and then that one.
  package func cascade(from id: String) throws(StoreError) -> [String] {
    collected(from: try live(id)).map(\.id)
  }

  private func collected(from store: LiveStore) -> [LiveStore] {
    var seen: Set<String> = []
    var found: [LiveStore] = []
    collect(store, &seen, &found)
    return found
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
    var place = min(places.removeValue(forKey: store.id) ?? 0, order.count - 1)
    while place > 0, order[place] != store.id { place -= 1 }
    stores[store.id] = nil
    order.remove(at: place)
    for id in store.definition.dependencies {
      dependents[id]?.remove(store.id)
      if dependents[id]?.isEmpty == true { dependents[id] = nil }
    }
    noteChange()
    store.leave()
    guard system.isInTurn, !system.tree.isUndoing else { return store.dispose() }
    system.tree.note(Removed(store, from: self, at: place))
    do {
      try emit("store:unregistered", target: store.id, payload: .storeID)
    } catch {
      system.report(error)
    }
  }

  // MARK: Events

  var eventSequence: Int {
    get { events.count }
    set { events.count = newValue }
  }

  private func emit(
    _ type: String,
    target: String,
    payload: RegistryEvent.Content
  ) throws(StoreError) {
    try events.emit(type, source: "registry", target: target, payload: payload, survives: false)
  }

  /// Tells all who listen that something has happened.
  ///
  /// - Parameters:
  ///   - type: Such as `shop:opened`; `store:`, `permission:` and `script:` are the host's own.
  ///   - payload: What there is to say; nil for nothing.
  ///   - source: Who says it.
  ///   - target: The store that it is about.
  /// - Throws: `invalidArgument` for the registry's own types, `endlessLoop`.
  public func emit(
    _ type: String,
    _ payload: Value? = nil,
    source: String = "swift",
    target: String? = nil
  ) throws(StoreError) {
    guard !type.isEmpty, type != "*",
      !["store:", "permission:", "script:"].contains(where: { type.hasPrefix($0) })
    else {
      throw StoreError(
        .invalidArgument,
        "the type of an event is a text such as 'shop:opened', not '\(type)'; "
          + "'store:', 'permission:' and 'script:' events are the host's own"
      )
    }
    try system.forbidInGetter("tell the event '\(type)'", isRegistration: true)
    try tell(type, source: source, target: target, payload: payload)
  }

  /// Tells of something that the host has done, as a turn of its own.
  package func announce(_ type: String, source: String, payload: Value) {
    do throws(StoreError) {
      try tell(type, source: source, target: nil, payload: payload)
    } catch {
      system.report(error)
    }
  }

  private func tell(
    _ type: String,
    source: String,
    target: String?,
    payload: Value?
  ) throws(StoreError) {
    try system.turn {
      try events.emit(
        type,
        source: source,
        target: target,
        payload: payload.map(RegistryEvent.Content.value) ?? .nothing,
        survives: false
      )
    }
  }

  /// Tells that something was refused, whatever becomes of the turn in which it was.
  package func emitRefusal(_ type: String, source: String, target: String, payload: Value) {
    do {
      try events.emit(
        type,
        source: source,
        target: target,
        payload: .value(payload),
        survives: true
      )
      if !system.isInTurn { try system.turn {} }
    } catch {
      system.report(error)
    }
  }

  /// The last events, oldest first.
  public func recentEvents(_ count: Int = 10) -> [RegistryEvent] { events.recent(count) }
  /// How many events the history no longer holds: past its bound, half of them go.
  public var droppedEventCount: Int { events.droppedCount }

  /// Hears of the events of a type, or of all with `*`.
  ///
  /// - Returns: What ends it, once; a listener that is ended while an event is told is passed over.
  public func onEvent(
    _ type: String = "*",
    owner: String = "swift",
    _ body: @escaping (RegistryEvent) throws -> Void
  ) -> Subscription {
    onEvent(type, owner: BusAddress(owner), place: nil, body)
  }

  /// The same for a listener whose code stands at a place, which errors tell.
  package func onEvent(
    _ type: String,
    owner: BusAddress,
    place: (() -> String?)?,
    _ body: @escaping (RegistryEvent) throws -> Void
  ) -> Subscription {
    events.listen(type, owner: owner, place: place, body)
  }

  func deliverNext() throws -> Bool { try events.deliverNext() }
  func dropPending() { events.dropPending() }

  package func disposeAll() {
    for id in order.reversed() {
      stores[id]?.dispose()
    }
    stores = [:]
    order = []
    places = [:]
    events.removeListeners()
  }
}

/// What a registry knows of its stores.
private struct Records {
  var stores: [String: LiveStore] = [:]
  var order: [String] = []
  var generation = 0
  var places: [String: Int] = [:]
  var dependents: [String: Set<String>] = [:]
  /// Which stores there are, and what they were registered with.
  var content = FollowedFact()
}

@available(*, unavailable)
extension StoreRegistry: Sendable {}

/// A store was registered: without the turn it is not there.
private final class Put: UndoableEvent {
  private let store: LiveStore
  private unowned let registry: StoreRegistry

  init(_ store: LiveStore, in registry: StoreRegistry) {
    self.store = store
    self.registry = registry
  }
  func undo() { registry.remove(store) }
  func tell(_ gist: inout TurnGist, _ details: TurnDetails) {
    if details.contains(.stores) { gist.stores.append((store, isGone: false)) }
  }
}

/// A store was taken out: without the turn it is still there.
private final class Removed: UndoableEvent {
  private let store: LiveStore
  private let place: Int
  private unowned let registry: StoreRegistry

  init(_ store: LiveStore, from registry: StoreRegistry, at place: Int) {
    self.store = store
    self.registry = registry
    self.place = place
  }

  var endsSomething: Bool { true }
  func undo() {
    store.comeBack()
    registry.put(store, at: place)
  }
  func commit() { store.dispose() }
  func tell(_ gist: inout TurnGist, _ details: TurnDetails) {
    if details.contains(.stores) { gist.stores.append((store, isGone: true)) }
  }
}
