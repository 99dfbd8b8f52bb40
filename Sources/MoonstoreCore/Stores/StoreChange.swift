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

  /// Ends it; again is harmless.
  package func cancel() {
    guard isActive else { return }
    isActive = false
    store?.subscriptions.removeAll { $0 === self }
  }

  /// The part of a change that it asked for.
  func select(_ change: StoreChange) -> StoreChange? {
    if path.isEmpty { return change }
    let patches = change.patches.filter { patch in
      let components = patch.path.components.dropFirst()
      return zip(components, path).allSatisfy(==)
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
