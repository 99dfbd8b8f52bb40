import MoonValue

/// Turns the log of a turn into what subscribers hear: one change for each store, with patches in order.
struct TurnChanges {
  /// A stretch of the log that one `patch` or `reset` wrote.
  struct Stretch {
    let store: LiveStore
    let range: Range<Int>
    let kind: StoreChange.Kind
    let payload: Value?
  }

  let tree: StateTree
  let stretches: [Stretch]
  /// Whether the values that a setup function keeps to itself are among them, which only turn observers are told.
  var showsHidden = false

  /// The changes of the stores that `include` wants, in the order in which they were first written.
  func collect(_ include: (LiveStore) -> Bool) -> [(LiveStore, StoreChange)] {
    var found: [(position: Int, store: LiveStore, patch: StatePatch)] = []
    var hidden: [ObjectIdentifier: [StatePatch]] = [:]
    var withHidden: [LiveStore] = []
    tree.review { position, change in
      guard let node = change.node, let store = node.store, include(store) else { return }
      guard let patch = patch(for: change, of: node) else { return }
      if node.isInState { return found.append((position, store, patch)) }
      guard showsHidden else { return }
      let key = ObjectIdentifier(store)
      if hidden[key] == nil { withHidden.append(store) }
      hidden[key, default: []].append(patch)
    }
    var order: [LiveStore] = []
    var patches: [ObjectIdentifier: [StatePatch]] = [:]
    var outside: Set<ObjectIdentifier> = []
    for (position, store, patch) in found.reversed() {
      let key = ObjectIdentifier(store)
      if patches[key] == nil { order.append(store) }
      patches[key, default: []].append(patch)
      if !stretches.contains(where: { $0.store === store && $0.range.contains(position) }) {
        outside.insert(key)
      }
    }
    for store in withHidden.reversed() where patches[ObjectIdentifier(store)] == nil {
      order.append(store)
    }
    return order.map { store in
      let key = ObjectIdentifier(store)
      let own = stretches.filter { $0.store === store }
      let single = own.count == 1 && !outside.contains(key) ? own.first : nil
      var change = StoreChange(
        store: store.id,
        kind: single?.kind ?? .direct,
        payload: single?.payload,
        patches: patches[key] ?? [],
        turn: tree.turnNumber
      )
      change.hidden = (hidden[key] ?? []).reversed()
      return (store, change)
    }
  }

  /// The patch for a change, while the state is as it was just before it.
  private func patch(for change: Change, of node: StateNode) -> StatePatch? {
    guard let part = node.path else { return nil }
    switch change.operation {
    case .set, .add:
      let path = part.appending(node.component(at: change.position))
      if change.new.isEmpty {
        return StatePatch(.remove, at: path, old: change.old.value, new: nil)
      }
      // `nil` alone would be read as the value null.
      let old: Value? = change.old.isEmpty ? Value?.none : change.old.value
      return StatePatch(.set, at: path, old: old, new: change.new.value)
    case .insert:
      let path = part.appending(.index(change.position + 1))
      return StatePatch(.insert, at: path, old: nil, new: change.new.value)
    case .remove:
      let path = part.appending(.index(change.position + 1))
      return StatePatch(.remove, at: path, old: change.old.value, new: nil)
    case .reorder(let order):
      return StatePatch(.reorder(order: order.map { $0 + 1 }), at: part, old: nil, new: nil)
    case .form(let form, let kind):
      return StatePatch(.set, at: part, old: form.kind.emptyValue, new: kind.emptyValue)
    case .event: return nil
    }
  }
}
