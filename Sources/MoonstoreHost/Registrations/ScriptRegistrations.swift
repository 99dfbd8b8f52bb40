import MoonLua
import MoonstoreCore

/// What the scripts of a host have registered: what their disposers end, and the hooks and middleware around
/// actions.
///
/// A disposer holds a number, which means its registration until that is over for good: a turn that fails puts back
/// what was ended in it, and the disposer can end it again. So do `bus.unsubscribe` and `registry.off`, which
/// name what was registered.
final class ScriptRegistrations {
  /// Hooks of scripts around the actions of a store, by the store's id.
  let hooks: RegistrationTable<String, ScriptHook>
  /// Middleware of scripts around the actions of one store, inside that around all.
  let layers: RegistrationTable<String, ScriptHook>
  /// Middleware of scripts around the actions of all stores.
  let middleware: Registrations<ScriptLayer>
  /// What scripts have provided to each other, by key.
  let provided: RegistrationTable<String, Provided>
  /// Stores whose actions are called by a plan, which lists what surrounds them.
  private var planned: Set<String> = []
  private var entries: [Int: Entry] = [:]
  private var named: [Name: Numbers] = [:]
  private var count = 0

  /// What names a registration without its disposer.
  struct Name: Hashable {
    enum Library { case bus, registry }

    let library: Library
    let script: String
    let type: String
    /// The function, which the registration keeps.
    let function: UInt

    init(_ library: Library, _ script: String, _ type: String, _ function: LuaReference) {
      self.library = library
      self.script = script
      self.type = type
      self.function = function.identity
    }
  }

  private struct Entry {
    let subscription: Subscription
    let unit: ScriptUnit?
    let name: Name?
  }

  /// Registrations of one name, the first one first.
  private struct Numbers {
    var waiting = Heap<Int>()
    // Those that were taken out as they had ended, and come back if that is undone.
    var passedOver: Set<Int> = []
    var count = 0
  }

  init(in system: StoreSystem) {
    hooks = RegistrationTable(in: system)
    layers = RegistrationTable(in: system)
    middleware = Registrations(in: system)
    provided = RegistrationTable(in: system)
  }

  /// The actions of a store are called by a plan until something around them changes.
  func notePlan(of store: String) { planned.insert(store) }

  /// Whether a change of what surrounds a store concerns its actions: they are surrounded from now on or no more,
  /// or have a plan.
  func concernsActions(of store: String) -> Bool {
    let isKnown = planned.remove(store) != nil
    return isKnown || (hooks[store]?.count ?? 0) + (layers[store]?.count ?? 0) <= 1
  }

  /// Keeps a registration of a script; the number lets the script end it.
  func keep(_ subscription: Subscription, of unit: ScriptUnit?, as name: Name? = nil) -> Int {
    count += 1
    subscription.number = count
    subscription.observer = self
    entries[count] = Entry(subscription: subscription, unit: unit, name: name)
    unit?.owned[count] = subscription
    if let name {
      named[name, default: Numbers()].waiting.insert(count)
      named[name, default: Numbers()].count += 1
    }
    return count
  }

  /// Ends a registration; false when it has ended before.
  func end(_ number: Int) -> Bool {
    guard let subscription = entries[number]?.subscription, subscription.isActive else {
      return false
    }
    subscription.cancel()
    return true
  }

  /// Ends the first registration of a name; false when there is none.
  func end(_ name: Name) -> Bool {
    while let number = named[name]?.waiting.min {
      if end(number) { return true }
      named[name]?.waiting.popMin()
      if entries[number] != nil { named[name]?.passedOver.insert(number) }
    }
    return false
  }

  func removeAll() {
    for entry in entries.values { entry.subscription.observer = nil }
    entries = [:]
    named = [:]
    hooks.removeAll()
    layers.removeAll()
    provided.removeAll()
  }
}

extension ScriptRegistrations: SubscriptionObserver {
  func subscriptionChanged(_ subscription: Subscription) {
    let number = subscription.number
    guard let entry = entries[number] else { return }
    if subscription.isActive {
      // Its end was undone.
      if let name = entry.name, named[name]?.passedOver.remove(number) != nil {
        named[name]?.waiting.insert(number)
      }
      return
    }
    guard subscription.isGone else { return }
    entries[number] = nil
    entry.unit?.owned[number] = nil
    guard let name = entry.name else { return }
    named[name]?.passedOver.remove(number)
    named[name]?.count -= 1
    forgetGone(name)
  }

  /// Lets go of a name without registrations, and of numbers that mean nothing any more.
  private func forgetGone(_ name: Name) {
    guard let numbers = named[name] else { return }
    if numbers.count == 0 {
      named[name] = nil
    } else if numbers.waiting.count > 8, numbers.waiting.count > numbers.count * 2 {
      named[name]?.waiting.filter { entries[$0] != nil }
    }
  }
}

/// A hook or middleware that a script has put around the actions of a store.
final class ScriptHook {
  let function: LuaReference
  /// The rights of the handle that it was put there with.
  var grant: UInt16 { hold?.number ?? 0 }
  /// Keeps the grant; nil for the owner's.
  private let hold: GrantHold?

  init(_ function: LuaReference, hold: GrantHold?) {
    self.function = function
    self.hold = hold
  }
}

extension HostEngine {
  /// How a function of a script surrounds the actions of a store.
  enum Surrounding { case hook, middleware }

  /// Puts a function of a script around the actions of a store, behind those that are there; it ends with the
  /// store.
  func surround(
    _ store: LiveStore,
    with hook: ScriptHook,
    of script: String,
    as surrounding: Surrounding
  ) -> Subscription {
    switch surrounding {
    case .hook:
      registrations.hooks.add(hook, for: store.id, Ranks.Line(.hook, owner: script, store.id))
    case .middleware:
      registrations.layers.add(hook, for: store.id, Ranks.Line(.layer, owner: script, store.id))
    }
  }

  /// Keeps a registration of a script; the number lets the script end it.
  @discardableResult
  func keep(
    _ subscription: Subscription,
    for script: String,
    as name: ScriptRegistrations.Name? = nil
  ) -> Int {
    // What others register because the plugin has called them is theirs.
    if let extended, extended.scripts.contains(script) {
      extended.addition.registrations.append(subscription)
    }
    return registrations.keep(subscription, of: scripts[script], as: name)
  }
}
