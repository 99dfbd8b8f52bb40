package import MoonValue

extension StateTree {
  /// A slot with a copy of plain data.
  package func slot(_ value: Value) -> StateSlot {
    switch value {
    case .null: return .null
    case .bool(let bool): return .bool(bool)
    case .integer(let integer): return .integer(integer)
    case .number(let number): return .number(number)
    case .string(let string): return .string(string)
    case .bytes(let bytes): return .bytes(bytes)
    case .array(let elements):
      let node = StateNode(.array, tree: self)
      for element in elements { appendFresh(slot(element), to: node) }
      return .node(node)
    case .map(let pairs):
      let node = StateNode(.map, tree: self)
      for (key, value) in pairs { addFresh(key, slot(value), to: node) }
      return .node(node)
    case .empty: return .node(StateNode(.undetermined, tree: self))
    }
  }

  /// Fills a node that nobody has seen yet: nothing to log, nobody to tell.
  package func appendFresh(_ slot: StateSlot, to node: StateNode) {
    node.slots.append(slot)
    noteGrowth(StateNode.elementSize)
    own(slot, in: node)
  }

  /// The same for a field of a map.
  package func addFresh(_ key: Value.Key, _ slot: StateSlot, to node: StateNode) {
    if node.kind == .undetermined { node.kind = .map }
    let known = node.position(of: key)
    let position = known >= 0 ? known : makePosition(for: key, in: node)
    node.put(slot, at: position)
    noteGrowth(StateNode.elementSize)
    own(slot, in: node)
  }

  private func own(_ slot: StateSlot, in node: StateNode) {
    guard case .node(let child) = slot, !node.isFrozen else { return }
    unsafe child.parent = node
    child.hint = node.slots.count - 1
  }

  /// A copy of a part, for another place: assigning one part of state to another copies it.
  package func copy(_ node: StateNode, frozen: Bool = false) -> StateNode {
    let copy = StateNode(node.kind, tree: self)
    copy.isFrozen = frozen
    if node.kind == .map, node.slots.contains(where: \.isEmpty) {
      // The places of fields that were removed are not copied.
      for position in node.slots.indices where !node.slots[position].isEmpty {
        var new = node.slots[position]
        if case .node(let child) = new { new = .node(self.copy(child, frozen: frozen)) }
        addFresh(node.key(at: position), new, to: copy)
      }
      return copy
    }
    copy.shape = node.shape
    copy.table = node.table
    copy.slots.reserveCapacity(node.slots.count)
    noteGrowth(node.slots.count * StateNode.elementSize)
    for slot in node.slots {
      var new = slot
      if case .node(let child) = slot { new = .node(self.copy(child, frozen: frozen)) }
      copy.slots.append(new)
      own(new, in: copy)
    }
    return copy
  }

  /// A read-only part that leads to no store's state: the part itself if it is one, otherwise a copy.
  ///
  /// The result of a getter is read-only, and may yet hold live parts.
  package func selfContained(_ node: StateNode) -> StateNode {
    isSelfContained(node) ? node : copy(node, frozen: true)
  }

  private func isSelfContained(_ node: StateNode) -> Bool {
    guard node.isFrozen else { return false }
    for case .node(let child) in node.slots where !isSelfContained(child) { return false }
    return true
  }

  /// A read-only copy of a part, all of which counts as read.
  package func trackedCopy(of node: StateNode) -> StateNode {
    node.noteRead()
    return copy(node, frozen: true)
  }

  /// Makes a node read-only, with its parts.
  package func freeze(_ node: StateNode) {
    guard !node.isFrozen else { return }
    node.isFrozen = true
    for case .node(let child) in node.slots where unsafe child.parent === node { freeze(child) }
  }
}
