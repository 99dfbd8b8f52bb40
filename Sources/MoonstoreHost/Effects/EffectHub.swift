import MoonLua
import MoonValue
import MoonstoreCore

/// Brings events to those who listen: messages, actions that succeeded, and changes of state.
///
/// Takes what the bus, the hooks of actions and the stores tell it within a turn, and passes it on when
/// that turn is final, one event after another, each in a turn of its own.
final class EffectHub {
  unowned let engine: HostEngine
  var system: StoreSystem { engine.system }
  /// What hears of messages, by type; `*` for all types.
  let messages: RegistrationTable<String, EffectMatcher>
  /// What hears of actions.
  let actions: RegistrationTable<EffectMatcher.Subject, EffectMatcher>
  /// What wants to hear of a store's actions or changes, to connect it when the store is there.
  private let interest: RegistrationTable<String, EffectMatcher>
  /// How many want to hear of the actions of each store, and to know the state from before.
  private var actionInterest: [String: (count: Int, originals: Int)] = [:]
  private(set) var listeners: [Int: EffectListener] = [:]
  /// The same, by script.
  private var scriptListeners = NameTable<[Int: EffectListener]>()
  private var targetCount = 0
  /// Events that were noted and not yet passed on.
  var waitingEvents = 0
  /// The Lua function that hears of the actions of a store.
  private var actionHook: LuaReference?
  /// Sees each message that is delivered.
  private var watch: Subscription?
  /// That it does, by store.
  private var hooks: [String: Subscription] = [:]

  init(engine: HostEngine) {
    self.engine = engine
    messages = RegistrationTable(in: engine.system)
    actions = RegistrationTable(in: engine.system)
    interest = RegistrationTable(in: engine.system)
    interest.onChange = { [unowned self] store, each in
      guard let matcher = each.member else { return }
      interestChanged(in: store, matcher, isActive: each.isActive)
    }
    for table in [messages, interest] {
      table.onGone = { [unowned self] in forget($1.member) }
    }
  }

  func nextNumber() -> Int {
    targetCount += 1
    return targetCount
  }

  // MARK: Coming and going

  /// The script API for effects is in use from now on.
  func open(actionHook: LuaReference) {
    self.actionHook = actionHook
    watch = system.bus.watch(owner: "effects") { [unowned self] in observe($0) }
  }

  func close() {
    for listener in listeners.values { listener.stopTimers() }
    listeners = [:]
    scriptListeners = [:]
    for table in [messages, interest] { table.removeAll() }
    actions.removeAll()
    hooks = [:]
    actionHook = nil
    watch?.cancel()
    watch = nil
  }

  /// Lets a target hear; undone with the turn.
  func add(_ target: EffectTarget) throws {
    for matcher in target.matchers { try checkRights(matcher) }
    let before = target.registrations
    target.registrations = target.matchers.flatMap { register($0, for: target.script) }
    system.noteUndo { target.registrations = before }
  }

  private func register(_ matcher: EffectMatcher, for script: String) -> [Subscription] {
    let line = Ranks.Line(.effect, owner: script)
    switch matcher.subject {
    case .message(let type): return [messages.add(matcher, for: type, line)]
    case .anyMessage: return [messages.add(matcher, for: "*", line)]
    case .change(let store, _):
      let registration = interest.add(matcher, for: store, line)
      connect(matcher, store)
      return [registration]
    case .action(let store, _):
      let registration = actions.add(matcher, for: matcher.subject, line)
      let noted = interest.add(matcher, for: store, Ranks.Line(.effect, owner: script, "interest"))
      connect(matcher, store)
      return [registration, noted]
    }
  }

  /// Lets a listener hear.
  func listen(_ listener: EffectListener) throws {
    guard !listener.isActive else { return }
    try add(listener)
    listeners[listener.number] = listener
    scriptListeners[listener.script, default: [:]][listener.number] = listener
  }

  /// The listeners of a script, in order.
  func listeners(of script: String) -> [EffectListener] {
    (scriptListeners[script] ?? [:]).values.sorted { $0.number < $1.number }
  }

  private func forget(_ matcher: EffectMatcher?) {
    if let listener = matcher?.target as? EffectListener { forgetIfDone(listener) }
  }

  func forgetIfDone(_ listener: EffectListener) {
    guard listener.isDone, listeners.removeValue(forKey: listener.number) != nil else { return }
    scriptListeners[listener.script]?[listener.number] = nil
    if scriptListeners[listener.script]?.isEmpty == true { scriptListeners[listener.script] = nil }
  }

  /// A script ends: so do its listeners, with the effects that they have begun; undone with the turn.
  func end(_ script: String) {
    for listener in listeners(of: script) {
      listener.end()
      system.afterTurn("ending \(listener.label)", .soon) { [unowned self] in
        listener.stopTimers()
        listener.cancelRunning()
        forgetIfDone(listener)
      }
    }
  }

  /// Whether something wants to know what the state was before an action of a store.
  func wantsOriginal(ofActionsOf store: String) -> Bool {
    (actionInterest[store]?.originals ?? 0) > 0
  }

  // MARK: Stores

  // While a turn is undone, what was connected or ended comes back or ends by itself.
  private func interestChanged(in store: String, _ matcher: EffectMatcher, isActive: Bool) {
    guard case .action = matcher.subject else {
      if !isActive { matcher.subscription?.cancel() }
      return
    }
    let change = isActive ? 1 : -1
    var interested = actionInterest[store] ?? (count: 0, originals: 0)
    interested.count += change
    if matcher.wantsOriginal { interested.originals += change }
    actionInterest[store] = interested
    guard interested.count == 0 else { return }
    actionInterest[store] = nil
    guard let hook = hooks.removeValue(forKey: store) else { return }
    hook.cancel()
    if !hook.isGone { system.noteUndo { [unowned self] in hooks[store] = hook } }
  }

  /// A store is there that something may want to hear of.
  func connect(_ store: LiveStore) {
    guard let interested = interest[store.id] else { return }
    for each in interested.all where each.isActive {
      guard let matcher = each.member else { continue }
      do {
        try checkRights(matcher)
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
      guard let actionHook, hooks[id]?.isActive != true else { return }
      let before = hooks[id]
      // One for all effects of the store, in the place of the first of them.
      let hook = ScriptHook(actionHook, hold: nil)
      hooks[id] = engine.surround(store, with: hook, of: "effects", as: .hook)
      system.noteUndo { [unowned self] in hooks[id] = before }
    case .change(_, let path):
      // Not that of an earlier store of this id, which may come back.
      let earlier = matcher.subscription
      system.noteUndo { matcher.subscription = earlier }
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

  func grant(_ matcher: EffectMatcher, _ store: String) -> UInt16 {
    matcher.grant ?? engine.grant(of: matcher.target?.script ?? "", on: store)
  }

  /// What hears of a store's actions or state must be allowed to.
  func checkRights(_ matcher: EffectMatcher) throws {
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
}
