package import MoonValue

extension LiveStore {
  /// The slot of a field, or the result of a getter.
  package func slot(named name: String) throws(StoreError) -> StateSlot {
    let tree = system.tree
    let symbol = tree.symbols.symbol(of: name)
    let position =
      symbol == 0 ? root.position(of: .string(name)) : root.position(ofSymbol: symbol)
    if position >= 0, !root.slots[position].isEmpty {
      return tree.read(root, at: position).tracked(in: tree)
    }
    if symbol != 0, case .getter(let getter) = member(symbol) { return try getter.read() }
    tree.trackStructure(root)
    throw StoreError(
      .unknownField,
      "the store '\(id)' has no field or getter '\(name)'\(suggestion(for: name))",
      store: id
    )
  }

  package func path(_ text: String) throws(StoreError) -> StatePath {
    do {
      return try StatePath(parsing: text)
    } catch {
      throw StoreError(.invalidArgument, "\(error)", store: id, underlying: error)
    }
  }

  /// Puts a value at a path below the state.
  package func write(_ path: StatePath, _ value: Value) throws(StoreError) {
    let tree = system.tree
    if let first = path.components.first { try checkIsField(first.key) }
    var node = root
    for component in path.components.dropLast() {
      let position = node.position(of: component.key)
      guard position >= 0, let next = node.slots[position].node else {
        throw StoreError(
          .unknownField,
          "\(id).\(path): there is no part at '\(component.key)'",
          store: id
        )
      }
      node = next
    }
    guard let last = path.components.last else {
      throw StoreError(.invalidArgument, "a path names a field", store: id)
    }
    try tree.assign(last.key, tree.slot(value), in: node)
  }

  /// Throws when a key of the state is the name of a getter or an action.
  private func checkIsField(_ key: Value.Key) throws(StoreError) {
    guard case .string(let name) = key, !hasField(name) else { return }
    switch member(named: name) {
    case .getter:
      throw StoreError(
        .readOnly,
        "'\(name)' is a getter of '\(id)': it follows from the state",
        store: id
      )
    case .action: throw StoreError(.readOnly, "'\(name)' is an action of '\(id)'", store: id)
    case nil: return
    }
  }

  /// Throws unless a holder may patch fields: all of them, or each of those that it names.
  package func checkPatch(
    of keys: some Sequence<Value.Key>,
    _ grant: UInt16
  ) throws(StoreError) {
    guard grant != 0 else { return }
    let access = system.access
    if access.allows(grant, Access(.patch, self, .store)) { return }
    for key in keys {
      let field = Access.Subject.path([.field(key)])
      guard access.allows(grant, Access(.patch, self, field)) else {
        throw access.refusal(grant, Access(.patch, self, field))
      }
    }
  }

  /// Merges maps into maps; everything else is replaced.
  package func merge(_ pairs: [Value.Key: Value], into node: StateNode) throws(StoreError) {
    for key in pairs.keys.sorted() {
      guard let value = pairs[key] else { continue }
      if node === root { try checkIsField(key) }
      let position = node.position(of: key)
      if position >= 0, let child = node.slots[position].node, child.kind == .map,
        let inner = value.mapValue, !inner.isEmpty
      {
        try merge(inner, into: child)
      } else {
        try system.tree.assign(key, system.tree.slot(value), in: node)
      }
    }
  }

  /// Notes that what `body` writes is one patch or reset.
  package func stretch<R>(
    _ kind: StoreChange.Kind,
    payload: Value?,
    _ body: () throws -> R
  ) rethrows -> R {
    let start = system.tree.log.count
    let turn = system.tree.turnNumber
    let result = try body()
    if turn == system.tree.turnNumber { noteStretch(kind, from: start, payload: payload) }
    return result
  }

  /// Notes that what was written since the log had `start` changes is one patch.
  package func noteStretch(_ kind: StoreChange.Kind, from start: Int, payload: Value? = nil) {
    let range = start..<max(start, system.tree.log.count)
    guard !range.isEmpty else { return }
    // One inside of another is a part of it.
    system.stretches.removeAll { $0.store === self && range.contains($0.range.lowerBound) }
    system.stretches.append(
      TurnChanges.Stretch(
        store: self,
        range: range,
        kind: kind,
        payload: payload
      )
    )
  }

  package func reset() throws {
    try stretch(.reset, payload: nil) {
      var reset: () throws -> Void = { [self] in try putBack() }
      for outer in additions.compactMap(\.reset) {
        reset = { [inner = reset] in try outer(inner) }
      }
      try reset()
    }
  }

  /// What the state begins with: the definition's, and over it what was added.
  package func initialState() throws -> Value {
    additions.reduce(try definition.state()) { state, addition in
      addition.state.isEmpty ? state : state.merged(with: .map(addition.state))
    }
  }

  /// Puts the state back to what it begins with; fields that were added go.
  private func putBack() throws {
    let initial = try initialState()
    guard let pairs = initial.mapValue else {
      throw StoreError(.invalidDefinition, "the state of '\(id)' must be a map", store: id)
    }
    for position in root.slots.indices where !root.slots[position].isEmpty {
      if pairs[root.key(at: position)] == nil {
        system.tree.write(.empty, to: root, at: position)
      }
    }
    for key in pairs.keys.sorted() {
      guard let value = pairs[key] else { continue }
      let position = root.position(of: key)
      if position >= 0, root.slots[position].value == value, !root.slots[position].isEmpty {
        continue
      }
      try system.tree.assign(key, system.tree.slot(value), in: root)
    }
  }
}

extension StateTree {
  /// Puts a value under a key, as `node[key] = value` does: checks what an array allows, decides what an
  /// empty part is, and copies nothing.
  package func assign(_ key: Value.Key, _ slot: StateSlot, in node: StateNode) throws(StoreError) {
    try checkWritable(node)
    if node.kind == .undetermined {
      if slot.isEmpty { return }
      decide(key == .integer(1) ? .array : .map, for: node)
    }
    if node.kind == .array { return try assignElement(key, slot, in: node) }
    let position = node.position(of: key)
    if position >= 0 {
      write(slot, to: node, at: position)
    } else if !slot.isEmpty {
      add(key, slot, to: node)
    }
  }

  private func assignElement(_ key: Value.Key, _ slot: StateSlot, in node: StateNode)
    throws(StoreError)
  {
    let count = node.slots.count
    guard case .integer(let index) = key else {
      if count == 0, !slot.isEmpty {
        decide(.map, for: node)
        return add(key, slot, to: node)
      }
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
}

extension StateSlot {
  /// Notes everything inside as read, for a reader that gets a copy of all of it.
  func tracked(in tree: StateTree) -> StateSlot {
    guard tree.graph.isTracking, case .node(let node) = self else { return self }
    node.track()
    return self
  }
}

extension StateNode {
  /// A copy as plain data, of which everything counts as read.
  var trackedValue: Value {
    if tree.graph.isTracking { track() }
    return value
  }

  fileprivate func track() {
    tree.trackStructure(self)
    for position in slots.indices {
      if case .node(let child) = tree.read(self, at: position) { child.track() }
    }
  }
}
