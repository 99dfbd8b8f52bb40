import MoonLua
import MoonValue
import MoonstoreCore

extension EffectHub {
  /// Whether something could come to want an event before its turn has come.
  private var isExpectant: Bool { waitingEvents > 0 || system.hasFollowUps }

  func observe(_ message: Message) -> Bool {
    guard !messages.isEmpty || isExpectant else { return false }
    let isWanted =
      isWanted(message, by: messages[message.type]) || isWanted(message, by: messages["*"])
    if isWanted || isExpectant { post(EffectEvent(message)) }
    return isWanted
  }

  /// The store or script that a target acts as, to which messages can be addressed.
  ///
  /// Not before it is needed: a script listens before it defines its store.
  private func owner(_ target: EffectTarget) -> String { engine.sender(target.script) }

  private func isWanted(_ message: Message, by matchers: Registrations<EffectMatcher>?) -> Bool {
    guard let matchers, !matchers.isEmpty else { return false }
    guard let to = message.to else { return true }
    return matchers.all.contains {
      $0.isActive && $0.member?.target.map(owner)?.hasSameBytes(as: to) == true
    }
  }

  /// An action has succeeded.
  func noteAction(_ name: String, of store: String, _ record: Value) {
    let isWanted =
      actions.has(.action(store: store, name: name))
      || actions.has(.action(store: store, name: nil))
    guard isWanted || isExpectant else { return }
    post(EffectEvent(record, what: "action '\(store):\(name)'"), action: (store, name))
  }

  func note(
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
          tell(matcher, of: event)
        } else if let action {
          let named = actions[.action(store: action.store, name: action.name)]
          tell(named, actions[.action(store: action.store, name: nil)], of: event)
        } else if case .message(let message) = event.content {
          tell(messages[message.type], messages["*"], of: event, to: message.to)
        }
      }
    )
  }

  private func tell(
    _ one: Registrations<EffectMatcher>?,
    _ other: Registrations<EffectMatcher>?,
    of event: EffectEvent,
    to receiver: String? = nil
  ) {
    let both =
      if let one, let other { one.merged(with: other) } else { (one ?? other)?.all ?? [] }
    // One that asked twice hears once.
    var told: Set<ObjectIdentifier> = []
    // One that ended meanwhile hears no more.
    for each in both where each.isActive {
      guard let matcher = each.member, let target = matcher.target else { continue }
      if let receiver, !owner(target).hasSameBytes(as: receiver) { continue }
      if target.matchers.count > 1, told.contains(ObjectIdentifier(target)) { continue }
      guard tell(matcher, of: event), target.matchers.count > 1 else { continue }
      told.insert(ObjectIdentifier(target))
    }
  }

  /// What a matcher may hear of an event now; nil for nothing.
  private func seen(_ event: EffectEvent, by matcher: EffectMatcher) -> EffectEvent? {
    guard let id = matcher.store, let store = system.registry.find(id) else { return event }
    let access = system.access
    let grant = self.grant(matcher, id)
    let readsAll = access.allows(grant, Access(.read, store, .store))
    if matcher.wantsOriginal, !readsAll { return nil }
    guard case .action = matcher.subject else { return event }
    guard access.allows(grant, Access(.onAction, store, .store)) else { return nil }
    return readsAll ? event : event.withoutValues
  }

  @discardableResult
  private func tell(_ matcher: EffectMatcher, of event: EffectEvent) -> Bool {
    guard let target = matcher.target, target.isActive, let event = seen(event, by: matcher),
      pleases(event, matcher, of: target)
    else {
      return false
    }
    system.noteFollowing(target.label)
    target.meet(event)
    return true
  }

  private func pleases(
    _ event: EffectEvent,
    _ matcher: EffectMatcher,
    of target: EffectTarget
  ) -> Bool {
    guard let predicate = matcher.predicate else { return true }
    do {
      return try engine.isTrue(predicate, as: "the predicate of ", of: target.label) {
        event.append(to: engine.machine)
      }
    } catch {
      // What one predicate does wrong concerns no other.
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
  /// Asks a function that may only read, as getters do; errors call it by its role.
  func isTrue(
    _ function: LuaReference,
    as role: String,
    of subject: String,
    _ arguments: () -> Void
  ) throws -> Bool {
    system.getterDepth += 1
    defer { system.getterDepth -= 1 }
    let base = machine.tokenCount
    arguments()
    do {
      let at = try limited(budgets.getter) {
        try withoutDriving(as: role, of: subject) { try machine.callData(function, base: base) }
      }
      defer { machine.truncateTokens(to: at) }
      guard machine.tokenCount > at else { return false }
      let token = try machine.token(at: at)
      return token.kind != .nil && token.kind != .no
    } catch {
      throw StoreError(wrapping: error)
    }
  }
}
