package import MoonValue

/// The way from a path, or from a change that was told, back to the state of live stores.
extension StoreSystem {
  /// What stands at a path that begins with a store; nil where nothing does.
  ///
  /// - Parameters:
  ///   - path: The path, whose first step is the store's id.
  ///   - isHidden: Whether it leads through the values that a setup function keeps to itself.
  /// - Returns: The slot.
  package func slot(at path: StatePath, isHidden: Bool = false) -> StateSlot? {
    guard case .field(.string(let id)) = path.components.first, let store = registry.find(id),
      let root = isHidden ? store.hiddenRoots.first : store.root
    else { return nil }
    var slot = StateSlot.node(root)
    for component in path.components.dropFirst() {
      guard let node = slot.node else { return nil }
      let position = node.position(of: component.key)
      guard position >= 0, !node.slots[position].isEmpty else { return nil }
      slot = node.slots[position]
    }
    return slot
  }

  /// Makes a change in the state of a store, as a part of the turn under way.
  ///
  /// - Throws: `invalidArgument` where the path leads nowhere, or where something else stands there than the change
  ///   says.
  package func apply(_ patch: StatePatch, isHidden: Bool = false) throws(StoreError) {
    if let old = patch.old {
      guard let slot = slot(at: patch.path, isHidden: isHidden), slot.matches(old) else {
        throw misfit(patch.path)
      }
    }
    if case .reorder(let order) = patch.operation {
      guard let node = slot(at: patch.path, isHidden: isHidden)?.node, node.kind == .array,
        Set(order) == Set(1..<(node.slots.count + 1))
      else { throw misfit(patch.path) }
      return tree.reorder(node, order.map { $0 - 1 })
    }
    let container = StatePath(patch.path.components.dropLast())
    guard let last = patch.path.components.last,
      let node = slot(at: container, isHidden: isHidden)?.node
    else {
      throw misfit(container)
    }
    switch patch.operation {
    case .set:
      let new = tree.slot(patch.new ?? .null)
      // An empty part that is declared anew stays the same part for those who hold it.
      if let part = new.node, part.count == 0,
        let own = slot(at: patch.path, isHidden: isHidden)?.node, own.count == 0
      {
        return tree.decide(part.kind, for: own)
      }
      try tree.assign(last.key, new, in: node)
    case .remove where node.kind == .array:
      guard let position = last.position, position <= node.slots.count else {
        throw misfit(patch.path)
      }
      tree.remove(from: node, at: position - 1)
    case .remove: try tree.assign(last.key, .empty, in: node)
    case .insert:
      guard let position = last.position, position <= node.slots.count + 1, node.kind != .map else {
        throw misfit(patch.path)
      }
      let new = tree.slot(patch.new ?? .null)
      try tree.checkDepth(new, in: node)
      if node.kind == .undetermined { tree.decide(.array, for: node) }
      tree.insert(new, into: node, at: position - 1)
    case .reorder: break
    }
  }

  private func misfit(_ path: StatePath) -> StoreError {
    StoreError(.invalidArgument, "'\(path)' is not what the change says it was")
  }
}
