import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The global `watch`.
  func addWatchFunctions(_ natives: Natives) throws {
    natives.add("watch", as: .watch, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let source = try watchSource(&arguments)
      let callback = try arguments.function()
      let options = try arguments.options()
      let watcher = Watcher(
        engine: self,
        store: setup?.store,
        source: source,
        callback: callback,
        once: options.flag("once")
      )
      let immediate = options.flag("immediate")
      // One that was ended in a turn that fails watches on.
      let subscription = system.registration(
        leave: { watcher.end() },
        comeBack: { watcher.resume() }
      )
      watcher.subscription = subscription
      if let setup {
        // The refs have their places in the state only when the setup function has returned.
        setup.watchers.append {
          if subscription.isActive { try watcher.begin(immediate: immediate) }
        }
        setup.registrations.append(subscription)
      } else {
        do {
          try watcher.begin(immediate: immediate)
        } catch {
          subscription.cancel()
          throw error
        }
      }
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
  }

  private func watchSource(_ arguments: inout Arguments) throws -> () throws -> StateSlot {
    if let object = arguments.object(ObjectKind.cell) {
      let cell = object.instance(as: Cell.self)
      return { [unowned self] in
        switch cell.content {
        case .field(let node, let position): system.tree.read(node, at: position)
        case .computed(let getter): try getter.read()
        }
      }
    }
    let function = try arguments.function(orElse: "a ref, a computed or a function")
    return { [unowned self] in
      let base = try limited(budgets.getter) {
        try system.acting(as: "the source of a watch") {
          try machine.callGetter(function, handle: nil)
        }
      }
      defer { machine.truncateTokens(to: base) }
      var token = try machine.token(at: base)
      return try StateConversion(system: system).slot(&token, for: .result)
    }
  }
}

/// Calls a script when what it watches has another value after a turn.
///
/// Its source is evaluated by an effect of the graph, so that what it reads is known; what the source makes
/// belongs to that evaluation, and ends with the next one. The callback runs outside of the graph: it reads
/// untracked, and what it makes belongs to its script, as what actions make does.
final class Watcher {
  private unowned let engine: HostEngine
  private let store: LiveStore?
  private let source: () throws -> StateSlot
  private let callback: LuaReference
  private let once: Bool
  /// The value that the callback was told last, or that the watcher began with; nil before the source has
  /// given one.
  private var last: StateSlot?
  private var effect: Effect?
  private var isResuming = false
  /// What the script ends it with; it learns here that the watcher has ended with what it belonged to.
  weak var subscription: Subscription?

  init(
    engine: HostEngine,
    store: LiveStore?,
    source: @escaping () throws -> StateSlot,
    callback: LuaReference,
    once: Bool
  ) {
    self.engine = engine
    self.store = store
    self.source = source
    self.callback = callback
    self.once = once
  }

  /// Looks at the source, and watches from now on.
  private func begin() {
    let label = "the watcher at \(LuaFunction(callback).place)"
    effect = Effect(in: engine.system.graph, label: label) { [weak self] in
      try self?.look()
    } onEnd: { [weak self] in
      self?.ended()
    }
  }

  /// Watches on after a turn that failed had ended it: as if it had never stopped, so that it is told what is
  /// another value than the last one when the turn settles.
  func resume() {
    isResuming = true
    begin()
    isResuming = false
    effect?.schedule()
  }

  /// The same; `immediate` calls the callback with the first value.
  ///
  /// That call is a part of the turn under way, or for a driver a turn of its own, whose effects show on
  /// its next line.
  func begin(immediate: Bool) throws {
    begin()
    guard immediate, let value = last else { return }
    try engine.change { tell(value, .empty) }
  }

  private func look() throws {
    let value = try source()
    // The turn is undone further, so that this value may be none.
    if isResuming { return }
    guard let old = last else {
      last = value
      return
    }
    guard !value.isSame(as: old) else { return }
    last = value
    // A turn that does not settle has told nothing.
    engine.system.noteTold { [self] in last = old }
    tell(value, old)
  }

  private func tell(_ value: StateSlot, _ old: StateSlot) {
    let system = engine.system
    let owner = store?.id ?? "watch"
    // Ended like a registration, so that a turn that fails puts it back.
    if once { subscription?.cancel() }
    system.graph.outside {
      system.isolated("a watcher", owner: owner) {
        let state = try engine.start(callback, store: owner, member: "a watcher") {
          engine.machine.append(value)
          engine.machine.append(old)
        }
        if case .done(let run) = state { run.release() }
      }
    }
  }

  /// The source that it was made in is evaluated anew, or its maker has ended.
  private func ended() {
    guard effect != nil else { return }
    effect = nil
    subscription?.finish()
  }

  func end() {
    let effect = effect
    self.effect = nil
    effect?.dispose()
  }
}

extension LuaFunction {
  /// Where it was defined, for errors.
  var place: String { definition.map { "\($0.script):\($0.line)" } ?? "an unknown place" }
}
