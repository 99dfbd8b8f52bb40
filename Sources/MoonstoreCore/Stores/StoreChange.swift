public import MoonValue

/// What one turn changed in one store.
public struct StoreChange: Sendable, Codable {
  /// How the state was changed.
  public enum Kind: String, Sendable, Codable {
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
  /// Changes of the values that a setup function keeps to itself, whose paths count them from 1: `cart[2].total`.
  ///
  /// Only turn observers are told.
  public var hidden: [StatePatch] = []
}

/// Hears of the changes of a store.
struct StoreSubscriber {
  /// Only changes at or below this path, without the store; empty for all.
  let path: [StatePath.Component]
  /// Whether it ends with the first change that it is told.
  let once: Bool
  /// What errors call it.
  let label: String
  /// The rights with which it hears; nil for all.
  let hold: GrantHold?
  let callback: (StoreChange) throws -> Void

  /// The part of a change that it asked for, and may hear of now.
  func select(_ change: StoreChange, of store: LiveStore) -> StoreChange? {
    guard let hold else { return part(of: change) }
    let access = store.system.access
    guard access.allows(hold.number, Access(.subscribe, store, .path(path))) else { return nil }
    let selected = part(of: change)
    if path.isEmpty || access.allows(hold.number, Access(.read, store, .store)) { return selected }
    return selected?.cut(to: path)
  }

  private func part(of change: StoreChange) -> StoreChange? {
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

extension StoreChange {
  /// The change as one hears of it who may know only what stands at or below a path, without the store.
  fileprivate func cut(to path: [StatePath.Component]) -> StoreChange? {
    let patches = patches.compactMap { $0.cut(to: path, of: store) }
    if patches.isEmpty { return nil }
    return StoreChange(
      store: store,
      kind: kind,
      payload: payload?.cut(to: path[...]),
      patches: patches,
      turn: turn
    )
  }
}

extension StatePatch {
  fileprivate func cut(to path: [StatePath.Component], of store: String) -> StatePatch? {
    let depth = self.path.components.count - 1
    guard depth < path.count else { return self }
    let place = StatePath([.field(.string(store))] + path)
    let rest = path[depth...]
    let (old, new) = (old?.at(rest), new?.at(rest))
    switch operation {
    // Elements have moved, and what stands there now is for the subscriber to look up.
    case .reorder: return StatePatch(.set, at: place, old: nil, new: nil)
    case .set, .insert, .remove:
      if old == new { return nil }
      return StatePatch(new == nil ? .remove : .set, at: place, old: old, new: new)
    }
  }
}

extension Value {
  /// What stands at a path below a value; nil where nothing does.
  fileprivate func at(_ path: ArraySlice<StatePath.Component>) -> Value? {
    var value = self
    for component in path {
      switch (value, component.key) {
      case (.map(let pairs), let key):
        guard let next = pairs[key] else { return nil }
        value = next
      case (.array(let elements), .integer(let index)):
        guard index >= 1, index <= Int64(elements.count) else { return nil }
        value = elements[Int(index) - 1]
      default: return nil
      }
    }
    return value
  }

  /// The maps that lead to a path and what stands there, without all that stands beside it.
  fileprivate func cut(to path: ArraySlice<StatePath.Component>) -> Value? {
    guard let first = path.first else { return self }
    guard case .map(let pairs) = self, let inner = pairs[first.key]?.cut(to: path.dropFirst())
    else { return nil }
    return .map([first.key: inner])
  }
}
