public import MoonValue

extension StoreSystem {
  /// Makes a store from a definition.
  ///
  /// - Throws: `StoreError` when the definition cannot be used; nothing is registered then.
  @discardableResult
  public func define(_ definition: StoreDefinition) throws(StoreError) -> Store {
    try turn { try make(definition) }
  }

  /// Makes several stores, each after those that it depends on: all of them, or none.
  ///
  /// - Returns: The stores in the order of the definitions.
  /// - Throws: What keeps one from being made; `missingDependency` and `dependencyCycle` among others.
  @discardableResult
  public func define(_ definitions: [StoreDefinition]) throws(StoreError) -> [Store] {
    var known: [String: StoreDefinition] = [:]
    for definition in definitions where known.updateValue(definition, forKey: definition.id) != nil
    {
      throw StoreError(
        .duplicateStore,
        "the store '\(definition.id)' is defined twice",
        store: definition.id
      )
    }
    var resolver = DependencyOrder { [unowned self] id in
      known[id]?.dependencies ?? (registry.has(id) ? [] : nil)
    }
    let order = try resolver.order(of: definitions.map(\.id))
    try turn {
      for id in order { if let definition = known[id] { try define(definition) } }
    }
    return try definitions.map { (definition) throws(StoreError) in try store(definition.id) }
  }

  private func make(_ definition: StoreDefinition) throws(StoreError) -> Store {
    let initial: Value
    do {
      initial = try definition.state()
    } catch {
      throw StoreError(wrapping: error)
    }
    guard initial.mapValue != nil, let root = tree.slot(initial).node else {
      throw StoreError(
        .invalidDefinition,
        "the state of '\(definition.id)' must be a map",
        store: definition.id
      )
    }
    if root.kind == .undetermined { root.kind = .map }
    let live = LiveStore(definition, root: root, system: self)
    do throws(StoreError) {
      for name in definition.getters.keys.sorted() {
        guard let body = definition.getters[name] else { continue }
        try live.add(Getter(name, of: live, evaluate: evaluation(of: body, live)))
      }
      for name in definition.actions.keys.sorted() {
        guard let body = definition.actions[name] else { continue }
        try live.add(LiveStore.Action(name: name, code: .swift(body)))
      }
      try register(live)
    } catch {
      // Its getters are in the graph already.
      live.dispose()
      throw error
    }
    try install(definition.plugins.map { installed($0) }, on: live)
    return live.face
  }

  /// What evaluates a getter of Swift's.
  func evaluation(
    of body: @escaping StoreDefinition.GetterBody,
    _ live: LiveStore
  ) -> () throws -> StateSlot {
    { [unowned self, unowned live] in frozen(try body(live.face)) }
  }

  /// Registers a store with its subscriptions, or nothing of it.
  package func register(_ live: LiveStore) throws(StoreError) {
    try tree.checkDepth(ofState: live.root, of: live.id)
    try registry.register(live)
    live.isAnnounced = true
    scriptEngine?.registered(live)
    if live.definition.on.isEmpty, live.definition.answers.isEmpty { return }
    do throws(StoreError) {
      live.handlers += try subscribe(
        live,
        on: live.definition.on,
        answers: live.definition.answers
      )
    } catch {
      registry.remove(live)
      throw error
    }
  }

  func subscribe(
    _ live: LiveStore,
    on: [String: StoreDefinition.MessageBody],
    answers: [String: StoreDefinition.AnswerBody]
  ) throws(StoreError) -> [Subscription] {
    var subscriptions: [Subscription] = []
    for (type, body) in on.sorted(by: { $0.key < $1.key }) {
      let subscription = try bus.subscribe(type, owner: live.address) { [unowned live] message in
        try body(live.face, message)
        return .done(.null)
      }
      subscriptions.append(subscription)
    }
    for (type, body) in answers.sorted(by: { $0.key < $1.key }) {
      let subscription = try bus.answer(type, owner: live.address) {
        [unowned self, unowned live] message in
        let slot = tree.slot(try body(live.face, message))
        if case .node(let node) = slot { tree.freeze(node) }
        return .done(slot)
      }
      subscriptions.append(subscription)
    }
    return subscriptions
  }

  /// The store of an id.
  public func store(_ id: String) throws(StoreError) -> Store { try registry.store(id) }

  /// Groups calls into one commit: each delivers its messages, watchers and subscribers hear once at the
  /// end, and an error undoes all of them.
  ///
  /// Inside a turn it is a part of it that fails alone.
  public func transaction<R>(_ body: () throws -> R) throws(StoreError) -> R {
    guard !isInTurn else { return try turn { try body() } }
    return try turn(TurnOrigin(.transaction)) {
      isGroup = true
      defer { isGroup = false }
      return try body()
    }
  }

  /// Runs around every action of every store, inside those that are there.
  public func use(_ middleware: ActionMiddleware) -> Subscription {
    actionMiddleware.add(middleware, Ranks.Line(.actionMiddleware, owner: "swift"))
  }

  /// Sends a message.
  ///
  /// - Returns: Its id, or nil when middleware has dropped it.
  @discardableResult
  public func send(
    _ type: String,
    _ payload: Value = .null,
    from: String = "swift",
    to: String? = nil,
    priority: Message.Priority = .normal
  ) throws(StoreError) -> String? {
    try turn { try bus.send(type, frozen(payload), from: from, to: to, priority: priority)?.id }
  }

  /// Asks, and returns the answer.
  ///
  /// - Throws: `noResponder` at once when nobody answers; what the responder throws.
  public func request(
    _ type: String,
    _ payload: Value = .null,
    from: String = "swift",
    to: String? = nil
  ) throws(StoreError) -> Value {
    try turn {
      let request = try bus.request(type, frozen(payload), from: from, to: to)
      switch request.state {
      case .answered(let slot): return slot.value
      case .failed(let error): throw error
      case .open, .waiting:
        throw StoreError(.cannotWait, "the responder to '\(type)' waits for the outside")
      }
    }
  }

  /// Handles messages of a type, or of all types with `*`.
  public func subscribe(
    _ type: String,
    owner: String = "swift",
    _ body: @escaping (Message) throws -> Void
  ) throws(StoreError) -> Subscription {
    try bus.subscribe(type, owner: BusAddress(owner)) { message in
      try body(message)
      return .done(.null)
    }
  }

  /// Answers requests of a type.
  public func answer(
    _ type: String,
    owner: String = "swift",
    _ body: @escaping (Message) throws -> Value
  ) throws(StoreError) -> Subscription {
    try bus.answer(type, owner: BusAddress(owner)) { [unowned self] message in
      .done(frozen(try body(message)))
    }
  }

  /// Answers a request that a subscriber was given, now or later.
  ///
  /// - Returns: Whether it is the first answer, which counts.
  /// - Throws: `invalidArgument` for what is no request, `permissionDenied` for those who were not asked.
  @discardableResult
  public func respond(
    to message: Message,
    _ answer: Value,
    by responder: String = "swift"
  ) throws(StoreError) -> Bool {
    try bus.respond(to: message, by: responder, .success(frozen(answer)))
  }

  /// Data that nobody can change, for messages and answers.
  package func frozen(_ value: Value) -> StateSlot {
    let slot = tree.slot(value)
    if case .node(let node) = slot { tree.freeze(node) }
    return slot
  }
}

/// Runs the actions that are written in a script.
package protocol ScriptEngine: AnyObject {
  /// Calls an action by its place, as a turn or a part of the one under way; `arguments` appends what it takes.
  func call(
    _ store: LiveStore,
    _ place: Int,
    _ arguments: (any ArgumentList) throws(StoreError) -> Void
  ) throws(StoreError) -> Value
  /// The code of an action is new or another: those who hold the action reach it from now on.
  func update(action index: Int, of store: LiveStore) throws(StoreError)
  /// An action is taken back.
  func forget(action: LiveStore.Action, of store: LiveStore)
  /// There is middleware of Swift around the actions of a store, or of all stores, from now on, or none any more.
  func surroundingsChanged(of store: LiveStore?)
  /// A store permits something else to others from now on.
  func permissionsChanged(of store: LiveStore)
  /// A store was registered; its subscriptions do not stand yet.
  func registered(_ store: LiveStore)
  /// A registered store leaves, and can still come back.
  func left(_ store: LiveStore)
  /// A store that had left comes back, since that is undone.
  func returned(_ store: LiveStore)
  /// A store is gone for good.
  func forget(_ store: LiveStore)
  /// Asks a condition of a permission that is a script's function.
  func holds(condition: Int, _ request: Permission.Request) throws -> Bool
  /// Who else than a store has a name, such as a script.
  func holder(of name: String) -> String?
  /// A turn that ran over a limit has ended: what follows gets a budget of its own.
  func recovered()
  /// The error of a turn that has run over its time where no script runs.
  func overdueError() -> StoreError
}
