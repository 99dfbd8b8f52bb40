import MoonValue

/// What a plugin, or `configure`, has given to a store besides its definition.
package final class StoreAddition {
  /// Nil for `configure`.
  package let plugin: InstalledPlugin?
  /// What the state begins with in addition.
  var state: [Value.Key: Value] = [:]
  /// Puts the state back in a way of its own.
  var reset: StoreRevision.Reset?
  /// Getters and actions.
  var members: Set<String> = []
  /// What it handles and answers, and what else was registered while it was made.
  package var registrations: [Subscription] = []

  init(of plugin: InstalledPlugin?) { self.plugin = plugin }

  /// What it has registered ends, until that is undone.
  func leave() { for registration in registrations.reversed() { registration.cancel() } }
}

extension LiveStore {
  /// Notes an addition that is about to be made; it goes with the turn.
  func begin(_ addition: StoreAddition) -> StoreAddition {
    additions.append(addition)
    if system.isInTurn {
      system.tree.note(UndoStep { [self] in additions.removeAll { $0 === addition } })
    }
    return addition
  }
}
