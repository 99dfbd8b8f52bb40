import MoonLua
import MoonValue
import MoonstoreCore

/// Which events somebody wants to hear of.
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
  let grant: UInt16?
  /// Whether events bring the state from before.
  var wantsOriginal = false
  /// For changes: what the store tells this one.
  var subscription: Subscription?
  /// Whoever is to hear; it owns its matchers.
  fileprivate(set) weak var target: EffectTarget?

  init(_ subject: Subject, predicate: LuaReference?, grant: UInt16? = nil) {
    self.subject = subject
    self.predicate = predicate
    self.grant = grant
  }

  /// The store whose actions or state it is about.
  var store: String? {
    switch subject {
    case .message, .anyMessage: nil
    case .action(let store, _), .change(let store, _): store
    }
  }
}

/// Somebody who hears of events: a listener, or a run that waits for one.
class EffectTarget {
  /// Counts them, so that each hears in the order in which they came.
  let number: Int
  /// Its place among the others.
  var rank = 0
  let script: String
  /// What errors call it.
  let label: String
  let matchers: [EffectMatcher]
  var isActive = false

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
