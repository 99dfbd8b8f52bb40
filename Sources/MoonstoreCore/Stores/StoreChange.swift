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

/// Hears of the changes of a store.
struct StoreSubscriber {
  /// Only changes at or below this path, without the store; empty for all.
  let path: [StatePath.Component]
  /// Whether it ends with the first change that it is told.
  let once: Bool
  /// What errors call it.
  let label: String
  let callback: (StoreChange) throws -> Void

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
