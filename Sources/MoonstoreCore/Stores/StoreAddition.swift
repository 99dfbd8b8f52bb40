import MoonValue

/// What a plugin, or `configure`, has given to a store besides its definition.
package final class StoreAddition {
  /// Nil for `configure`.
  package let plugin: InstalledPlugin?
  /// What the state begins with in addition.
  var state: ValueMap = [:]
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

  /// Notes what `configure` adds, which takes the place of what another added just before.
  ///
  /// It has all that the other had: a store that is configured again and again keeps one addition.
  func beginConfiguration() -> StoreAddition {
    let addition = StoreAddition(of: nil)
    guard let last = additions.last, last.plugin == nil else { return begin(addition) }
    addition.state = last.state
    addition.members = last.members
    additions[additions.count - 1] = addition
    system.tree.note(
      UndoStep { [self] in
        guard let index = additions.firstIndex(where: { $0 === addition }) else { return }
        additions[index] = last
      }
    )
    return addition
  }
}
