package import MoonValue

/// Assignment as scripts and Swift callers do it: what an array allows, what an empty part becomes, and what stays as it
/// is.
extension StateTree {
  /// Puts a value under a key, as `node[key] = value` does: checks what an array allows, decides what an
  /// empty part is, and copies nothing.
  package func assign(_ key: Value.Key, _ slot: StateSlot, in node: StateNode) throws(StoreError) {
    try checkWritable(node)
    try checkDepth(slot, in: node)
    if node.kind == .undetermined {
      if slot.isEmpty { return }
      decide(key == .integer(1) ? .array : .map, for: node)
    }
    if node.kind == .array { return try assignElement(key, slot, in: node) }
    let position = node.position(of: key)
    let isThere = position >= 0 && !node.slots[position].isEmpty
    if !isThere {
      // Assigning nil to the name of a member is refused as well, rather than passed over.
      if let store = node.store, store.root === node { try store.checkIsNoMember(key) }
      if slot.isEmpty { return }
    }
    if position >= 0 {
      write(slot, to: node, at: position)
    } else {
      add(key, slot, to: node)
    }
  }

  private func assignElement(_ key: Value.Key, _ slot: StateSlot, in node: StateNode)
    throws(StoreError)
  {
    let count = node.slots.count
    guard case .integer(let index) = key else {
      throw StoreError(
        .notData,
        "\(describe(node)): an array has no field '\(key)'; use a map for fields"
      )
    }
    if index >= 1, index <= Int64(count) {
      guard slot.isEmpty else { return write(slot, to: node, at: Int(index) - 1) }
      guard index == Int64(count) else {
        throw StoreError(
          .notData,
          "\(describe(node))[\(index)]: removing it would leave a hole; use table.remove"
        )
      }
      return remove(from: node, at: count - 1)
    }
    if slot.isEmpty { return }
    guard index == Int64(count) + 1 else {
      throw StoreError(
        .notData,
        "\(describe(node))[\(index)]: an array has no holes, its next index is \(count + 1); "
          + "use map() for other whole numbers"
      )
    }
    insert(slot, into: node, at: count)
  }

  /// Throws unless the node stands in a store's state.
  package func checkWritable(_ node: StateNode) throws(StoreError) {
    if node.hasStore { return }
    if node.isFrozen {
      throw StoreError(.readOnly, "this is read-only: content of messages and results of getters")
    }
    throw StoreError(
      .detached,
      "this part is no longer part of the state: it was removed or replaced; read it again"
    )
  }

  /// The path of a node for messages.
  package func describe(_ node: StateNode) -> String {
    node.path.map { "\($0)" } ?? (node.kind == .array ? "array" : "map")
  }

  /// Makes a new value what it is at the place of another: Lua's `{}` over a list is a list, and over a map a map.
  ///
  /// Called before the value is placed, with parts that no reader has seen yet.
  package func settle(_ slot: StateSlot, over old: StateSlot) {
    guard case .node(let new) = slot, case .node(let old) = old, !new.hasStore else { return }
    settle(new, over: old)
  }

  private func settle(_ new: StateNode, over old: StateNode) {
    if new.kind == .undetermined {
      new.form = StateNode.Form(kind: old.kind, shape: old.kind == .array ? nil : emptyShape)
      return
    }
    guard new.kind == .map, old.kind == .map else { return }
    for position in new.slots.indices {
      guard case .node(let inner) = new.slots[position] else { continue }
      let before = old.position(of: new.key(at: position))
      if before >= 0, case .node(let oldInner) = old.slots[before] { settle(inner, over: oldInner) }
    }
  }
}
