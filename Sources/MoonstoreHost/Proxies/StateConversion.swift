import MoonLua
import MoonValue
import MoonstoreCore

/// Moves values between Lua's tokens and the state tree, in one step each way.
struct StateConversion {
  let system: StoreSystem
  var tree: StateTree { system.tree }

  enum Purpose {
    /// For a place in a store's state: parts of other places are copied.
    case state
    /// For a message or an answer: copied and frozen.
    case message
    /// For the result of a getter: frozen, but live parts stay live.
    case result
  }

  /// The slot for the value that begins at a token; goes behind it.
  func slot(_ token: inout LuaToken, for purpose: Purpose) throws -> StateSlot {
    switch token.kind {
    case .nil:
      token.advance()
      return .empty
    case .null:
      token.advance()
      return .null
    case .no, .yes:
      defer { token.advance() }
      return .bool(token.kind == .yes)
    case .integer:
      defer { token.advance() }
      return .integer(token.integer)
    case .number:
      defer { token.advance() }
      return .number(token.number)
    case .string:
      defer { token.advance() }
      return token.string.map(StateSlot.string) ?? .bytes(token.bytes)
    case .object:
      defer { token.advance() }
      return try slot(token.object, for: purpose)
    case .reference:
      throw StoreError(.notData, "a function cannot be data")
    case .empty:
      token.advance()
      return .node(make(.undetermined, purpose))
    case .array:
      let count = token.count
      token.advance()
      let node = make(.array, purpose)
      for _ in 0..<count { tree.appendFresh(try slot(&token, for: purpose), to: node) }
      return .node(node)
    case .map:
      let count = token.count
      token.advance()
      return .node(try map(count, &token, purpose))
    }
  }

  private func make(_ kind: StateNode.Kind, _ purpose: Purpose) -> StateNode {
    let node = StateNode(kind, tree: tree)
    if purpose != .state { tree.freeze(node) }
    return node
  }

  private func map(_ count: Int, _ token: inout LuaToken, _ purpose: Purpose) throws -> StateNode {
    let node = make(count == 0 ? .undetermined : .map, purpose)
    var fields = ContiguousArray<UInt32>()
    var slots = ContiguousArray<StateSlot>()
    // Empty as long as every key is a known name.
    var keys: [Value.Key] = []
    if count <= Shape.maximumFields { fields.reserveCapacity(count) }
    slots.reserveCapacity(count)
    for index in 0..<count {
      let symbol =
        keys.isEmpty && index < Shape.maximumFields && token.kind == .string
        ? token.string.map(tree.symbols.symbol(of:)) ?? 0 : 0
      if symbol != 0 {
        fields.append(symbol)
        token.advance()
      } else {
        if keys.isEmpty { keys = fields.map { .string(tree.symbols.name(of: $0)) } }
        keys.append(token.takeKey())
      }
      slots.append(try slot(&token, for: purpose))
    }
    if keys.isEmpty {
      if tree.fill(node, fields, slots) { return node }
      keys = fields.map { .string(tree.symbols.name(of: $0)) }
    }
    // Lua's order of keys differs from run to run; the order of fields must not.
    let order = count > 1 ? keys.indices.sorted { keys[$0] < keys[$1] } : Array(keys.indices)
    for index in order { tree.addFresh(keys[index], slots[index], to: node) }
    return node
  }

  /// Whoever copies a part reads all of it.
  private func checkRead(_ node: StateNode, _ grant: UInt16) throws {
    guard grant != 0, let store = node.store else { return }
    if system.access.allows(grant, .read, on: store) { return }
    try system.access.check(grant, Access(.read, store, .part(node)))
  }

  private func slot(_ object: LuaObject, for purpose: Purpose) throws -> StateSlot {
    switch object.kind {
    case ObjectKind.part:
      let node = object.instance(as: StateNode.self)
      try checkRead(node, object.grant)
      switch purpose {
      case .result:
        // Whoever reads the result has the rights of the getter's store, which others' parts are not for.
        let isOthers = object.grant != 0 && node.store != nil
        return .node(isOthers ? tree.trackedCopy(of: node) : node)
      case .state: return .node(tree.copy(node))
      case .message: return .node(tree.selfContained(node))
      }
    case ObjectKind.error:
      return .string(object.instance(as: CarriedError.self).text)
    case ObjectKind.cell:
      guard case .field(let node, let position) = object.instance(as: Cell.self).content else {
        throw StoreError(.notData, "a computed cannot be data; use its value")
      }
      try checkRead(node, object.grant)
      let slot = tree.read(node, at: position)
      if case .node(let child) = slot, purpose != .result {
        return .node(tree.copy(child, frozen: purpose == .message))
      }
      return slot
    case ObjectKind.message:
      throw StoreError(.notData, "a message cannot be data; use its payload")
    default:
      throw StoreError(.notData, "a store cannot be data; use its id, or store.state(...)")
    }
  }

  /// A copy as plain data, for what leaves the host.
  func value(_ token: inout LuaToken) throws -> Value {
    try token.takeValue { (object) throws -> Value in
      switch object.kind {
      case ObjectKind.part:
        let node = object.instance(as: StateNode.self)
        try checkRead(node, object.grant)
        return node.value
      case ObjectKind.error: return .string(object.instance(as: CarriedError.self).text)
      case ObjectKind.message: return object.instance(as: Message.self).record
      case ObjectKind.store:
        guard let store = object.instance(as: StoreEntry.self).live else { return .null }
        try system.access.check(object.grant, Access(.state, store, .store))
        return store.root.value
      case ObjectKind.cell:
        switch object.instance(as: Cell.self).content {
        case .field(let node, let position):
          try checkRead(node, object.grant)
          return node.slots[position].value
        case .computed(let getter): return try getter.read().value
        }
      default: return .null
      }
    }
  }
}

extension Message {
  /// The message as data, for people and programs that look at it.
  var record: Value {
    [
      "id": .string(id), "type": .string(type), "from": .string(from),
      "to": to.map(Value.string) ?? .null, "payload": payload,
      "priority": .string(priority.rawValue), "timestamp": .number(timestamp),
      "handled": .bool(isHandled),
    ]
  }
}

extension LuaMachine {
  /// Appends a slot: parts cross as proxies.
  func append(_ slot: StateSlot, grant: UInt16 = 0) {
    switch slot {
    case .empty: appendNil()
    case .null: appendNull()
    case .bool(let bool): append(bool)
    case .integer(let integer): append(integer)
    case .number(let number): append(number)
    case .string(let string): append(string)
    case .bytes(let bytes): append(bytes: bytes)
    case .node(let node):
      append(LuaObject(kind: ObjectKind.part, grant: grant, instance: node))
    case .opaque(let object):
      if let reference = object as? LuaReference {
        append(reference: reference.number)
      } else {
        appendNil()
      }
    }
  }
}

extension LuaResult {
  /// Hands out a slot: parts cross as proxies with the rights of whoever reads.
  @inline(__always)
  func set(_ slot: StateSlot, grant: UInt16) {
    switch slot {
    case .empty: break
    case .null: setNull()
    case .bool(let bool): set(bool)
    case .integer(let integer): set(integer)
    case .number(let number): set(number)
    case .string(let string): set(string)
    case .bytes(let bytes): set(bytes)
    case .node(let node): set(LuaObject(kind: ObjectKind.part, grant: grant, instance: node))
    case .opaque(let object):
      if let reference = object as? LuaReference { set(reference: reference.number) }
    }
  }

  func set(_ key: Value.Key) {
    switch key {
    case .string(let string): set(string)
    case .bytes(let bytes): set(bytes)
    case .integer(let integer): set(integer)
    }
  }
}
