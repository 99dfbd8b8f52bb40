public import MoonValue

/// What one turn changed in one store.
public struct StoreChange: Sendable {
  /// How the state was changed.
  public enum Kind: String, Sendable {
    /// By plain writes, or in several ways.
    case direct
    /// By one `patch` with a table.
    case patch
    /// By one `patch` with a function.
    case patchFunction = "patch function"
    /// By one `reset`.
    case reset
  }

  /// The store's id.
  public let store: String
  /// How.
  public let kind: Kind
  /// What `patch` was given.
  public let payload: Value?
  /// The changes in order, each with its inverse.
  public let patches: [StatePatch]
  /// The number of the turn, counted from 1 in each host.
  public let turn: UInt32
}

/// Someone who hears of the changes of a store.
package final class StoreSubscription {
  let callback: (StoreChange) throws -> Void
  let once: Bool
  /// Only changes at or below this path, without the store; empty for all.
  let path: [StatePath.Component]
  package private(set) var isActive = true
  /// What whoever subscribed ends it with, if they still have it.
  weak var handle: Subscription?
  private weak var store: LiveStore?

  init(
    store: LiveStore,
    path: [StatePath.Component],
    once: Bool,
    callback: @escaping (StoreChange) throws -> Void
  ) {
    self.store = store
    self.path = path
    self.once = once
    self.callback = callback
  }

  /// Ends it for good.
  func finish() {
    if let handle { handle.finish() } else { _ = remove() }
  }

  /// Takes it from its store, and gives what puts it back.
  func remove() -> () -> Void {
    guard isActive, let store else { return {} }
    isActive = false
    let place = store.subscriptions.firstIndex { $0 === self }
    if let place { store.subscriptions.remove(at: place) }
    store.system.subscriptionCount -= 1
    return { [self] in
      guard !store.isDisposed else { return }
      isActive = true
      store.subscriptions.insert(self, at: min(place ?? 0, store.subscriptions.count))
      store.system.subscriptionCount += 1
    }
  }

  /// The part of a change that it asked for.
  func select(_ change: StoreChange) -> StoreChange? {
    if path.isEmpty { return change }
    let patches = change.patches.filter { patch in
      // In text, an element and the field of an integer key look the same.
      let components = patch.path.components.dropFirst()
      return zip(components, path).allSatisfy { $0.key == $1.key }
    }
    if patches.isEmpty { return nil }
    return StoreChange(
      store: change.store,
      kind: change.kind,
      payload: change.payload,
      patches: patches,
      turn: change.turn
    )
  }
}
