package import MoonValue

extension LiveStore {
  /// The slot of a field, or the result of a getter.
  package func slot(named name: String) throws(StoreError) -> StateSlot {
    let tree = system.tree
    let symbol = tree.symbols.symbol(of: name)
    let position =
      symbol == 0 ? root.position(of: .string(name)) : root.position(ofSymbol: symbol)
    if position >= 0, !root.slots[position].isEmpty {
      return tree.read(root, at: position).tracked
    }
    let member = symbol == 0 ? nil : self.member(symbol)
    if case .getter(let getter) = member { return try getter.read() }
    tree.trackStructure(root)
    if case .action = member {
      throw StoreError(
        .unknownField,
        "'\(name)' is an action of the store '\(id)', which is called, not read",
        store: id
      )
    }
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
    let slot = tree.slot(value)
    let position = node.position(of: last.key)
    if position >= 0 { tree.settle(slot, over: node.slots[position]) }
    try tree.assign(last.key, slot, in: node)
  }

  /// Throws when a key that the state is about to get is the name of a getter or an action, which a field would
  /// hide.
  func checkIsNoMember(_ key: Value.Key) throws(StoreError) {
    guard case .string(let name) = key, let member = member(named: name) else { return }
    let what =
      switch member {
      case .getter: "a getter"
      case .action: "an action"
      }
    throw StoreError(
      .readOnly,
      "'\(name)' is \(what) of '\(id)' and cannot be set",
      store: id,
      member: name
    )
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

  /// Merges a part that no reader has seen yet into the state: maps into maps; everything else is replaced.
  ///
  /// The payload is the same changes as a value, for a caller that has it.
  package func patch(with changes: StateNode, payload: Value? = nil) throws(StoreError) {
    do {
      try stretch(.patch, payload: payload ?? changes.value) { try merge(changes, into: root) }
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  private func merge(_ changes: StateNode, into node: StateNode) throws(StoreError) {
    let tree = system.tree
    if tree.origin(of: changes) === node { return }
    for position in changes.slots.indices where !changes.slots[position].isEmpty {
      let key = changes.key(at: position)
      let slot = changes.slots[position]
      let target = node.position(of: key)
      let old = target >= 0 ? node.slots[target] : .empty
      if let inner = slot.node, inner.kind == .map, inner.count > 0, let child = old.node,
        child.kind == .map
      {
        try merge(inner, into: child)
      } else {
        if let inner = slot.node, let part = old.node, tree.origin(of: inner) === part { continue }
        tree.settle(slot, over: old)
        try tree.assign(key, slot, in: node)
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

extension StateSlot {
  /// Notes everything inside as read, for a reader that gets a copy of all of it.
  var tracked: StateSlot {
    if case .node(let node) = self { node.noteRead() }
    return self
  }
}

extension StateNode {
  /// A copy as plain data, of which everything counts as read.
  package var trackedValue: Value {
    noteRead()
    return value
  }

  /// Notes everything inside as read.
  @inline(__always)
  package func noteRead() {
    if tree.graph.isTracking { track() }
  }

  @inline(never)
  private func track() {
    tree.trackStructure(self)
    for position in slots.indices {
      if case .node(let child) = tree.read(self, at: position) { child.track() }
    }
  }
}
