public import MoonValue

/// A store as Swift holds it inside its isolation domain.
///
/// It allows everything, unless `secured` has narrowed it.
///
/// Every call from outside is a turn of its own; inside an action it is a part of the action's turn.
public final class Store {
  package let live: LiveStore
  // The store alone does not keep its world.
  private let system: StoreSystem
  /// What it allows, by its number in the table of rights; 0 is everything.
  private let grant: UInt16
  // Keeps the grant from being given back.
  private let hold: GrantHold?

  package init(_ live: LiveStore, grant: UInt16) {
    self.live = live
    system = live.system
    self.grant = grant
    hold = grant == 0 ? nil : live.system.access.hold(grant)
  }

  /// The id.
  public var id: String { live.id }
  /// Whether the store was disposed; every other call throws then.
  public var isDisposed: Bool { live.isDisposed }

  private func check() throws(StoreError) {
    guard !live.isDisposed else {
      throw StoreError(.disposed, "the store '\(id)' was disposed", store: id)
    }
  }

  /// Throws unless it allows something.
  package func check(
    _ right: Rights,
    _ subject: @autoclosure () throws(StoreError) -> Access.Subject = .store
  ) throws(StoreError) {
    try check()
    guard grant != 0 else { return }
    try system.access.check(grant, Access(right, live, try subject()))
  }

  /// The same store with fewer rights: only what the list says, of what this one allows.
  ///
  /// - Parameters:
  ///   - permissions: Such as `read`, `call:addItem`, `write:settings`.
  ///   - principal: Who holds it, for errors and conditions; whoever holds a narrowed one stays its holder.
  /// - Returns: The narrowed store; no call of it gives more rights back.
  /// - Throws: `invalidDefinition` for what is no permission.
  public func secured(
    _ permissions: [Permission],
    for principal: Principal = Principal(.swift, "swift")
  ) throws(StoreError) -> Store {
    let set = try PermissionSet(permissions, of: id)
    return Store(live, grant: try system.access.narrow(grant, to: set, for: principal))
  }

  // MARK: Reading

  /// The value of a field of the state, or of a getter.
  ///
  /// - Throws: `StoreError` with the code `unknownField`, or what the getter throws.
  public func get(_ name: String) throws(StoreError) -> Value {
    try check(.read, .member(name))
    return try live.slot(named: name).value
  }

  /// The value of a field or getter as a Swift type.
  public func get<T: Decodable>(_ name: String, as type: T.Type) throws(StoreError) -> T {
    let value = try get(name)
    do {
      return try ValueDecoder().decode(type, from: value)
    } catch {
      throw StoreError(.notData, "\(id).\(name): \(error)", store: id, underlying: error)
    }
  }

  /// The whole state, copied.
  public var state: Value {
    get throws(StoreError) {
      try check(.state)
      system.tree.trackStructure(live.root)
      return live.root.trackedValue
    }
  }

  // MARK: Writing

  /// Puts a value at a path such as `items[3].quantity`.
  public func set(_ path: String, _ value: Value) throws(StoreError) {
    try check()
    let parsed = try live.path(path)
    try check(.write, .path(parsed.components))
    try change { try live.write(parsed, value) }
  }

  /// Merges a map into the state: maps merge, everything else is replaced.
  ///
  /// One notification.
  public func patch(_ changes: Value) throws(StoreError) {
    try check()
    guard let pairs = changes.mapValue else {
      throw StoreError(.invalidArgument, "patch takes a map or a function", store: id)
    }
    try live.checkPatch(of: pairs.keys, grant)
    guard let part = live.system.tree.slot(changes).node else { return }
    try change { try live.patch(with: part, payload: changes) }
  }

  /// Runs changes as one: one notification for all of them.
  public func patch(_ body: (Store) throws -> Void) throws(StoreError) {
    try check(.patch)
    try change { try live.stretch(.patchFunction, payload: nil) { try body(self) } }
  }

  /// Puts the state back to what the definition begins with; fields that were added go.
  public func reset() throws(StoreError) {
    try check(.reset)
    try change { try live.reset() }
  }

  private func change(_ body: () throws -> Void) throws(StoreError) {
    try system.forbidInGetter("write to '\(id)'")
    try system.turn { try body() }
  }

  // MARK: Acting

  /// Calls an action.
  ///
  /// - Throws: What the action throws, after everything it did was undone.
  @discardableResult
  public func call(_ action: String, _ arguments: Value...) throws(StoreError) -> Value {
    try call(action, arguments)
  }

  /// Calls an action with a list of arguments.
  @discardableResult
  public func call(_ action: String, _ arguments: [Value]) throws(StoreError) -> Value {
    try check(.call, .action(action))
    guard let place = live.place(ofAction: action) else { throw live.noAction(action) }
    return try perform(place) { (list) throws(StoreError) in
      for argument in arguments { list.append(argument) }
    }
  }

  /// Looks an action up once, to call it many times.
  ///
  /// - Parameter name: The action's name.
  /// - Returns: The action, which asks for the rights of this store at each call.
  /// - Throws: `unknownAction` with the name that was probably meant, `disposed` or `permissionDenied`.
  public func action(_ name: String) throws(StoreError) -> PreparedAction {
    try check(.call, .action(name))
    return try PreparedAction(name, of: self)
  }

  /// Calls the action at a place; `arguments` appends what it takes.
  func perform(
    _ place: Int,
    _ arguments: (any ArgumentList) throws(StoreError) -> Void
  ) throws(StoreError) -> Value {
    guard let body = live.body(ofAction: place) else {
      guard let engine = system.scriptEngine else {
        throw StoreError(.closed, "the host of '\(id)' was closed", store: id)
      }
      return try engine.call(live, place, arguments)
    }
    let action = live.actions[place].name
    try system.forbidInGetter("call the action '\(id):\(action)'")
    let list = CollectedArguments()
    try arguments(list)
    do {
      return try system.turn(
        TurnOrigin(.action, store: id, name: action, arguments: list.values)
      ) {
        try live.face.run(body, ActionCall(store: id, action: action, arguments: list.values))
      }
    } catch {
      throw error.located(store: id, member: action)
    }
  }

  private func run(_ body: StoreDefinition.ActionBody, _ call: ActionCall) throws -> Value {
    let onion = ActionOnion(live)
    var call = call
    do {
      try onion.before(&call)
      var result = try body(self, call.arguments)
      try onion.after(call, &result)
      return result
    } catch {
      onion.failed(call, StoreError(wrapping: error))
      throw error
    }
  }

  // MARK: Observing

  /// Hears once for each turn that has changed the state.
  ///
  /// - Parameters:
  ///   - path: Only changes at or below this path, such as `items[1]`.
  ///   - once: Whether to end after the first.
  ///   - callback: What hears; an error of it is reported, and undoes only what it wrote.
  /// - Returns: What ends it.
  /// - Throws: `disposed`, or `invalidArgument` for what is no path.
  public func subscribe(
    path: String? = nil,
    once: Bool = false,
    _ callback: @escaping (StoreChange) throws -> Void
  ) throws(StoreError) -> Subscription {
    try subscribe(path: path, once: once, label: "a subscriber of '\(id)' in Swift", callback)
  }

  /// The same; errors call the subscriber by its label.
  package func subscribe(
    path: String?,
    once: Bool,
    label: String,
    _ callback: @escaping (StoreChange) throws -> Void
  ) throws(StoreError) -> Subscription {
    var components: [StatePath.Component] = []
    try check()
    if let path { components = try live.path(path).components }
    try check(.subscribe, .path(components))
    let subscriber = StoreSubscriber(
      path: components,
      once: once,
      label: label,
      hold: hold,
      callback: callback
    )
    return live.subscribers.add(subscriber, Ranks.Line(.subscriber, owner: "swift", id))
  }

  /// Runs around each action of this store.
  public func onAction(_ parts: ActionMiddleware) throws(StoreError) -> Subscription {
    try check(.onAction)
    return live.addHook(parts)
  }

  /// Takes the store out of its registry.
  ///
  /// Its handles throw from now on.
  public func dispose() throws(StoreError) {
    if grant != 0 { try check(.dispose) }
    try system.registry.unregister(id)
  }
}

@available(*, unavailable)
extension Store: Sendable {}
