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

  /// The changes of the stores that `include` wants, in the order in which they were first written.
  func collect(_ include: (LiveStore) -> Bool) -> [(LiveStore, StoreChange)] {
    var order: [LiveStore] = []
    var patches: [ObjectIdentifier: [StatePatch]] = [:]
    var outside: Set<ObjectIdentifier> = []
    for (position, change) in tree.log.enumerated() {
      guard let node = change.node, let store = unsafe node.store, include(store) else { continue }
      // A part made in this turn is whole in the patch that put it in its place.
      if node.birth == tree.turnNumber && node !== store.root { continue }
      guard let patch = patch(for: change, of: node) else { continue }
      let key = ObjectIdentifier(store)
      if patches[key] == nil { order.append(store) }
      patches[key, default: []].append(patch)
      if !stretches.contains(where: { $0.store === store && $0.range.contains(position) }) {
        outside.insert(key)
      }
    }
    return order.map { store in
      let key = ObjectIdentifier(store)
      let own = stretches.filter { $0.store === store }
      let single = own.count == 1 && !outside.contains(key) ? own.first : nil
      let change = StoreChange(
        store: store.id,
        kind: single?.kind ?? .direct,
        payload: single?.payload,
        patches: patches[key] ?? [],
        turn: tree.turnNumber
      )
      return (store, change)
    }
  }

  private func patch(for change: Change, of node: StateNode) -> StatePatch? {
    guard let parent = node.path else { return nil }
    let path = parent.appending(node.component(at: change.position))
    switch change.operation {
    case .set:
      if change.new.isEmpty {
        return StatePatch(.remove, at: path, old: change.old.value, new: nil)
      }
      let old = change.old.isEmpty ? nil : change.old.value
      return StatePatch(.set, at: path, old: old, new: change.new.value)
    case .insert: return StatePatch(.insert, at: path, old: nil, new: change.new.value)
    case .remove: return StatePatch(.remove, at: path, old: change.old.value, new: nil)
    case .reorder(let order):
      return StatePatch(.reorder(order: order.map { $0 + 1 }), at: parent, old: nil, new: nil)
    case .kind, .event: return nil
    }
  }
}
