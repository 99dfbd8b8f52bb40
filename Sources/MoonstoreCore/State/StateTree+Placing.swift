import MoonValue

/// Where parts stand: puts slots into nodes and keeps what parts know of their place. Nothing here is logged,
/// and no reader is told.
extension StateTree {
  func place(_ slot: StateSlot, in node: StateNode, at position: Int) {
    if case .node(let child) = node.slots[position] { detach(child) }
    node.put(slot, at: position)
    if case .node(let child) = slot { attach(child, to: node, at: position) }
  }

  func putIn(_ slot: StateSlot, _ node: StateNode, _ position: Int) {
    node.slots.insert(slot, at: position)
    if case .node(let child) = slot { attach(child, to: node, at: position) }
  }

  func takeOut(_ node: StateNode, _ position: Int) {
    if case .node(let child) = node.slots[position] { detach(child) }
    node.slots.remove(at: position)
  }

  func arrange(_ node: StateNode, _ order: [Int]) {
    let slots = node.slots
    for (new, old) in order.enumerated() { node.slots[new] = slots[old] }
  }

  func makePosition(for key: Value.Key, in node: StateNode) -> Int {
    if let shape = node.shape {
      if case .string(let name) = key {
        let symbol = shape.hasRoom ? symbols.intern(name) : symbols.symbol(of: name)
        if symbol != 0, let next = shape.adding(symbol) {
          node.shape = next
          node.slots.append(.empty)
          return node.slots.count - 1
        }
      }
      node.table = KeyTable(
        ContiguousArray(node.slots.indices.map(node.key(at:))),
        holes: node.slots.count - node.count
      )
      node.shape = nil
    }
    node.table?.append(key)
    node.slots.append(.empty)
    return node.slots.count - 1
  }

  /// Takes back the newest position of a map, so that the order of later fields shows no trace of it.
  func dropPosition(of node: StateNode) {
    node.slots.removeLast()
    if let shape = node.shape {
      node.shape = shape.parent
    } else {
      node.table?.removeLast()
    }
  }

  // MARK: Belonging

  private func attach(_ child: StateNode, to node: StateNode, at position: Int) {
    // A frozen part refers to live ones without owning them.
    guard !node.isFrozen else { return }
    unsafe child.parent = node
    child.hint = position
    setStore(node.store, of: child)
  }

  private func detach(_ child: StateNode) {
    unsafe child.parent = nil
    setStore(nil, of: child)
  }

  private func setStore(_ store: LiveStore?, of node: StateNode) {
    guard node.store !== store else { return }
    if store == nil { node.former = node.store?.presence }
    node.store = store
    for case .node(let child) in node.slots { setStore(store, of: child) }
  }

  /// Makes a node the root of a store's state, or of nobody's.
  package func adopt(_ node: StateNode, by store: LiveStore?) {
    setStore(store, of: node)
    if store != nil { settleBirth(of: node) }
  }

  /// Takes a store's state out of it, or puts it back, as a part of a turn: whoever has read it is told.
  package func move(_ node: StateNode, to store: LiveStore?) {
    setStore(store, of: node)
    markAllChanged(node)
  }

  /// All who have read something of a part look again.
  func markAllChanged(_ node: StateNode) {
    for cell in node.cells where cell != .none { graph.markChanged(cell) }
    if node.structure != .none { graph.markChanged(node.structure) }
    for case .node(let child) in node.slots { markAllChanged(child) }
  }

  /// What a store begins with was there before the turn: no change of the turn has brought it.
  private func settleBirth(of node: StateNode) {
    node.birth = 0
    for case .node(let child) in node.slots { settleBirth(of: child) }
  }
}

extension StateNode {
  /// Puts a slot into a place that there is; the table's count of empty places follows.
  @inline(__always)
  func put(_ slot: StateSlot, at position: Int) {
    if hasTable, slots[position].isEmpty != slot.isEmpty {
      table?.note(position, isEmpty: slot.isEmpty)
    }
    slots[position] = slot
  }
}

extension StateTree {
  /// Puts what stands in one part, which no reader has seen yet, into another, in place of all that stood there.
  ///
  /// Between turns only: it is not logged. All who have read something of the part look again.
  func refill(_ node: StateNode, with new: StateNode) {
    markAllChanged(node)
    for case .node(let child) in node.slots { detach(child) }
    for cell in node.cells where cell != .none { graph.free(cell) }
    node.cells = []
    node.kind = new.kind
    node.shape = new.shape
    node.table = new.table
    node.slots = new.slots
    new.slots = []
    for (position, slot) in node.slots.enumerated() {
      guard case .node(let child) = slot else { continue }
      attach(child, to: node, at: position)
      settleBirth(of: child)
    }
  }
}
