import MoonLua
import MoonValue
import MoonstoreCore

/// Which events a listener, or a run that waits, wants to hear of.
final class EffectMatcher {
  enum Subject: Hashable {
    case message(String)
    case anyMessage
    /// An action of a store, or all of them.
    case action(store: String, name: String?)
    /// Changes of a store's state, at or below a path.
    case change(store: String, path: String?)
  }

  let subject: Subject
  /// The Lua function that an event must please as well.
  let predicate: LuaReference?
  /// The rights of the handle that names the store, if one does.
  var grant: UInt16? { grantHeld.map { $0?.number ?? 0 } }
  private let grantHeld: GrantHold??
  /// Whether events bring the state from before.
  var wantsOriginal = false
  /// For changes: what the store tells this one.
  var subscription: Subscription?
  /// What is to hear; it owns its matchers.
  fileprivate(set) weak var target: EffectTarget?

  init(_ subject: Subject, predicate: LuaReference?, hold: GrantHold?? = nil) {
    self.subject = subject
    self.predicate = predicate
    grantHeld = hold
  }

  /// The store whose actions or state it is about.
  var store: String? {
    switch subject {
    case .message, .anyMessage: nil
    case .action(let store, _), .change(let store, _): store
    }
  }
}

/// What hears of events: a listener, or a run that waits for one.
class EffectTarget {
  let number: Int
  let script: String
  /// What errors call it.
  let label: String
  let matchers: [EffectMatcher]
  /// That its matchers are asked about events; the last ones, if it has listened several times.
  var registrations: [Subscription] = []
  /// Whether it hears.
  var isActive: Bool { registrations.first?.isActive ?? false }

  init(
    number: Int,
    script: String,
    label: String,
    matchers: [EffectMatcher]
  ) {
    self.number = number
    self.script = script
    self.label = label
    self.matchers = matchers
    for matcher in matchers { matcher.target = self }
  }

  /// It stops to hear; undone with the turn.
  ///
  /// - Returns: Whether it heard.
  @discardableResult
  func end() -> Bool {
    let wasActive = isActive
    for registration in registrations { registration.cancel() }
    return wasActive
  }

  /// An event that it wants has happened.
  func meet(_ event: EffectEvent) {}
}

/// A run that waits for an event.
final class EffectTaker: EffectTarget {
  weak var awaited: Awaited?

  override func meet(_ event: EffectEvent) {
    awaited?.end { event.append(to: $0) }
  }
}
