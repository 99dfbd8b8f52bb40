import MoonLua
import MoonValue
import MoonstoreCore

/// Brings events to those who listen: messages, actions that succeeded, and changes of state.
///
/// Takes what the bus, the hooks of actions and the stores tell it within a turn, and passes it on when
/// that turn is final, one event after another, each in a turn of its own.
final class EffectHub {
  private unowned let engine: HostEngine
  private var system: StoreSystem { engine.system }
  /// Everybody who hears, by what they want to hear of, in order.
  private var index: [EffectMatcher.Subject: [EffectMatcher]] = [:]
  /// Those who hear of each store's actions and changes, to connect them when the store is there.
  private var interest: [String: [EffectMatcher]] = [:]
  private(set) var listeners: [Int: EffectListener] = [:]
  private var targetCount = 0
  /// Events that were noted and not yet passed on.
  private var waitingEvents = 0
  /// The Lua function that hears of the actions of a store.
  private var actionHook: LuaReference?
  private var hooks: [String: ScriptHook] = [:]

  init(engine: HostEngine) { self.engine = engine }

  func nextNumber() -> Int {
    targetCount += 1
    return targetCount
  }

  // MARK: Coming and going

  /// The script API for effects is in use from now on.
  func open(actionHook: LuaReference) {
    self.actionHook = actionHook
    system.bus.observer = { [unowned self] in observe($0) }
  }

  func close() {
    for listener in listeners.values {
      listener.stopTimers()
      // What ends a listener holds it, so one that was not ended would never go.
      listener.subscription = nil
      for matcher in listener.matchers { matcher.subscription = nil }
    }
    listeners = [:]
    index = [:]
    interest = [:]
    hooks = [:]
    actionHook = nil
    system.bus.observer = nil
  }

  /// Lets somebody hear; undone with the turn.
  func add(_ target: EffectTarget) throws -> Subscription {
    for matcher in target.matchers { try checkRights(matcher) }
    let line = "effect \(target.script)"
    target.rank = system.ranks.next(in: line)
    connect(target)
    return system.registration { [unowned self] in
      system.ranks.giveUp(target.rank, in: line)
      // What the stores tell comes back by itself if the turn is undone.
      let told = disconnect(target)
      return { [unowned self] in connect(target, told) }
    }
  }

  /// Lets a listener hear.
  func listen(_ listener: EffectListener) throws {
    guard listener.subscription == nil else { return }
    let subscription = try add(listener)
    listener.subscription = subscription
    system.noteUndo { listener.subscription = nil }
  }

  /// Ends a listener; its effects that run go on.
  @discardableResult
  func remove(_ listener: EffectListener) -> Bool {
    guard let subscription = listener.subscription else { return false }
    listener.subscription = nil
    subscription.cancel()
    system.noteUndo { listener.subscription = subscription }
    return true
  }

  private func connect(_ target: EffectTarget, _ told: [Subscription?] = []) {
    target.isActive = true
    for (matcher, subscription) in zip(target.matchers, told) {
      matcher.subscription = subscription
    }
    if let listener = target as? EffectListener { listeners[listener.number] = listener }
    for matcher in target.matchers {
      insert(matcher, into: &index[matcher.subject, default: []])
      if let store = matcher.store {
        insert(matcher, into: &interest[store, default: []])
        connect(matcher, store)
      }
    }
  }

  private func disconnect(_ target: EffectTarget) -> [Subscription?] {
    target.isActive = false
    let told = target.matchers.map(\.subscription)
    for matcher in target.matchers {
      index[matcher.subject]?.removeAll { $0 === matcher }
      if index[matcher.subject]?.isEmpty == true { index[matcher.subject] = nil }
      guard let store = matcher.store else { continue }
      interest[store]?.removeAll { $0 === matcher }
      if interest[store]?.isEmpty == true { interest[store] = nil }
      matcher.subscription?.cancel()
      matcher.subscription = nil
      unhookIfUnused(store)
    }
    if let listener = target as? EffectListener { forgetIfDone(listener) }
    return told
  }

  func forgetIfDone(_ listener: EffectListener) {
    if listener.isDone { listeners[listener.number] = nil }
  }

  private func insert(_ matcher: EffectMatcher, into list: inout [EffectMatcher]) {
    list.insert(matcher) { $0.target?.rank ?? 0 }
  }

  /// A script ends: so do its listeners, with the effects that they have begun; undone with the turn.
  func end(_ script: String) {
    for listener in listeners.values.sorted(by: { $0.number < $1.number })
    where listener.script == script {
      remove(listener)
      system.afterTurn("ending \(listener.label)", .soon) { [unowned self] in
        listener.stopTimers()
        listener.cancelRunning()
        forgetIfDone(listener)
      }
    }
  }

  /// Whether somebody wants to know what the state was before an action of a store.
  func wantsOriginal(ofActionsOf store: String) -> Bool {
    interest[store]?.contains {
      if case .action = $0.subject { $0.wantsOriginal } else { false }
    } ?? false
  }

  // MARK: Stores

  /// A store is there that somebody may listen to.
  func connect(_ store: LiveStore) {
    guard let matchers = interest[store.id] else { return }
    for matcher in matchers {
      do {
        try checkRights(matcher)
        // That of an earlier store of this id, which may come back.
        let earlier = matcher.subscription
        system.noteUndo { matcher.subscription = earlier }
        matcher.subscription = nil
        connect(matcher, store.id)
      } catch {
        var failure = StoreError(wrapping: error)
        failure.member = matcher.target?.label
        system.report(failure)
      }
    }
  }

  private func connect(_ matcher: EffectMatcher, _ id: String) {
    guard let store = system.registry.find(id) else { return }
    switch matcher.subject {
    case .action:
      guard let actionHook else { return }
      let hook = hooks[id] ?? ScriptHook(actionHook, grant: 0)
      hooks[id] = hook
      guard engine.scriptHooks[id]?.contains(where: { $0 === hook }) != true else { return }
      engine.scriptHooks[id, default: []].append(hook)
      engine.refreshHooks(of: store)
    case .change(_, let path):
      guard matcher.subscription == nil else { return }
      // The state from before takes all of the change.
      let told = matcher.wantsOriginal ? nil : path
      let seen = Store(store, grant: grant(matcher, id))
      matcher.subscription = try? seen.subscribe(path: told) {
        [unowned self, unowned matcher, unowned store] change in
        try note(change, of: store, for: matcher)
      }
    case .message, .anyMessage: break
    }
  }

  private func unhookIfUnused(_ id: String) {
    let isUsed = interest[id]?.contains { if case .action = $0.subject { true } else { false } }
    guard isUsed != true, let hook = hooks.removeValue(forKey: id) else { return }
    engine.scriptHooks[id]?.removeAll { $0 === hook }
    if engine.scriptHooks[id]?.isEmpty == true { engine.scriptHooks[id] = nil }
    if let store = system.registry.find(id) { engine.refreshHooks(of: store) }
  }

  private func grant(_ matcher: EffectMatcher, _ store: String) -> UInt16 {
    matcher.grant ?? engine.grant(of: matcher.target?.script ?? "", on: store)
  }

  /// Whoever listens to a store's actions or state must be allowed to.
  private func checkRights(_ matcher: EffectMatcher) throws {
    guard let id = matcher.store, let store = system.registry.find(id) else { return }
    let grant = grant(matcher, id)
    switch matcher.subject {
    case .change(_, let path):
      let components = try path.map { try store.path($0).components } ?? []
      try system.access.check(grant, Access(.subscribe, store, .path(components)))
    case .action: try system.access.check(grant, Access(.onAction, store, .store))
    case .message, .anyMessage: return
    }
    if matcher.wantsOriginal { try system.access.check(grant, Access(.read, store, .store)) }
  }

  // MARK: Events

  /// Whether somebody could come to want an event before its turn has come.
  private var isExpectant: Bool { waitingEvents > 0 || system.hasFollowUps }

  private func observe(_ message: Message) -> Bool {
    guard !index.isEmpty || isExpectant else { return false }
    let isWanted =
      isWanted(message, by: index[.message(message.type)])
      || isWanted(message, by: index[.anyMessage])
    if isWanted || isExpectant { post(EffectEvent(message)) }
    return isWanted
  }

  /// The store or script that somebody acts as, to which messages can be addressed.
  ///
  /// Not before it is needed: a script listens before it defines its store.
  private func owner(_ target: EffectTarget) -> String { engine.sender(target.script) }

  private func isWanted(_ message: Message, by matchers: [EffectMatcher]?) -> Bool {
    guard let matchers else { return false }
    guard let to = message.to else { return true }
    return matchers.contains { $0.target.map(owner) == to }
  }

  /// An action has succeeded.
  func noteAction(_ name: String, of store: String, _ record: Value) {
    let isWanted =
      index[.action(store: store, name: name)] != nil
      || index[.action(store: store, name: nil)] != nil
    guard isWanted || isExpectant else { return }
    post(EffectEvent(record, what: "action '\(store):\(name)'"), action: (store, name))
  }

  private func note(
    _ change: StoreChange,
    of store: LiveStore,
    for matcher: EffectMatcher
  ) throws {
    var record = change.record.mapValue ?? [:]
    record["kind"] = "change"
    record["store"] = .string(store.id)
    if matcher.wantsOriginal {
      guard case .change(_, let path) = matcher.subject,
        try path.map({ try change.concerns(store.path($0)) }) ?? true
      else { return }
      record["original"] = original(of: store, before: change)
    }
    let event = EffectEvent(.map(record), what: "change of '\(store.id)'")
    post(event, for: matcher)
  }

  /// The state as it was before a change that has just been committed.
  private func original(of store: LiveStore, before change: StoreChange) -> Value {
    var state = Value.map([.string(store.id): store.root.value])
    for patch in change.patches.reversed() { try? state.apply(patch.inverse) }
    return state[store.id] ?? .null
  }

  private func post(
    _ event: EffectEvent,
    action: (store: String, name: String)? = nil,
    for matcher: EffectMatcher? = nil
  ) {
    waitingEvents += 1
    system.afterTurn(
      event.what,
      .inOrder,
      onUndo: { [unowned self] in waitingEvents -= 1 },
      { [unowned self] in
        waitingEvents -= 1
        if let matcher {
          tell([matcher], of: event)
        } else if let action {
          let named = index[.action(store: action.store, name: action.name)]
          tell(both(named, index[.action(store: action.store, name: nil)]), of: event)
        } else if case .message(let message) = event.content {
          tell(both(index[.message(message.type)], index[.anyMessage]), of: event, to: message.to)
        }
      }
    )
  }

  /// Two lists in the order of registration.
  private func both(_ one: [EffectMatcher]?, _ other: [EffectMatcher]?) -> [EffectMatcher]? {
    guard let one else { return other }
    guard let other else { return one }
    return (one + other).sorted { ($0.target?.rank ?? 0) < ($1.target?.rank ?? 0) }
  }

  private func tell(_ matchers: [EffectMatcher]?, of event: EffectEvent, to receiver: String? = nil)
  {
    guard let matchers else { return }
    var last: EffectTarget?
    for matcher in matchers {
      // One that ended meanwhile hears no more, and one that asked twice hears once.
      guard let target = matcher.target, target.isActive, target !== last else { continue }
      if let receiver, owner(target) != receiver { continue }
      guard pleases(event, matcher, of: target) else { continue }
      last = target
      target.meet(event)
    }
  }

  private func pleases(
    _ event: EffectEvent,
    _ matcher: EffectMatcher,
    of target: EffectTarget
  ) -> Bool {
    guard let predicate = matcher.predicate else { return true }
    do {
      return try engine.isTrue(predicate) { event.append(to: engine.machine) }
    } catch {
      // What one predicate does wrong concerns nobody else.
      var failure = StoreError(wrapping: error)
      failure.store = failure.store ?? owner(target)
      failure.member = failure.member ?? "the predicate of \(target.label)"
      system.report(failure)
      return false
    }
  }
}

extension StoreChange {
  /// Whether something at or below a path, without the store, was changed.
  fileprivate func concerns(_ path: StatePath) -> Bool {
    patches.contains { patch in
      zip(patch.path.components.dropFirst(), path.components).allSatisfy { $0.key == $1.key }
    }
  }
}

extension HostEngine {
  /// Asks a function that may only read, as getters do.
  func isTrue(_ function: LuaReference, _ arguments: () -> Void) throws -> Bool {
    system.getterDepth += 1
    defer { system.getterDepth -= 1 }
    let base = machine.tokenCount
    arguments()
    do {
      let at = try limited(budgets.getter) {
        try withoutDriving { try machine.callData(function, base: base) }
      }
      defer { machine.truncateTokens(to: at) }
      guard machine.tokenCount > at else { return false }
      let token = try machine.token(at: at)
      return token.kind != .nil && token.kind != .no
    } catch let error as LuaError {
      throw StoreError(lua: error)
    }
  }
}
