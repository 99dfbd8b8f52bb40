import MoonLua
import MoonValue
import MoonstoreCore

/// Moves values between Lua's tokens and the state tree, in one step each way.
///
/// It is the one way in which parts, stores and refs become data for scripts and for the outside: whatever it copies
/// counts as read, so that getters and watchers follow it.
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
  ///
  /// Errors begin with the place where the value is to stand.
  func slot(
    _ token: inout LuaToken,
    for purpose: Purpose,
    at place: @autoclosure () -> String = ""
  ) throws -> StateSlot {
    do {
      return try slot(&token, for: purpose, below: 0)
    } catch let fault as NotData {
      throw fault.error(at: place(), isState: purpose == .state)
    }
  }

  /// The same for a value that has `level` tables around it.
  private func slot(
    _ token: inout LuaToken,
    for purpose: Purpose,
    below level: Int
  ) throws -> StateSlot {
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
      return text(token).map(StateSlot.string) ?? .bytes(token.bytes)
    case .object:
      defer { token.advance() }
      return try slot(token.object, for: purpose, below: level)
    case .reference: throw NotData("a function cannot be data")
    case .empty:
      token.advance()
      return .node(make(.undetermined, purpose))
    case .array:
      let count = token.count
      token.advance()
      let node = make(.array, purpose)
      for index in 0..<count {
        try tree.meter.spend()
        do {
          tree.appendFresh(try slot(&token, for: purpose, below: level + 1), to: node)
        } catch let fault as NotData {
          throw fault.inside(.index(index + 1))
        }
      }
      return .node(node)
    case .map:
      let count = token.count
      token.advance()
      return .node(try map(count, &token, purpose, level))
    }
  }

  private func text(_ token: LuaToken) -> String? {
    let length = token.count
    if length >= StateTree.longText {
      // The bytes are Lua's while the token is, and are copied if they are kept.
      return unsafe token.string { unsafe tree.text(of: $0, make: $1) }
    }
    if length > 15 { tree.noteGrowth(length) }
    return token.string
  }

  private func make(_ kind: StateNode.Kind, _ purpose: Purpose) -> StateNode {
    let node = StateNode(kind, tree: tree)
    if purpose != .state { tree.freeze(node) }
    return node
  }

  private func map(
    _ count: Int,
    _ token: inout LuaToken,
    _ purpose: Purpose,
    _ level: Int
  ) throws -> StateNode {
    let node = make(.map, purpose)
    var fields = ContiguousArray<UInt32>()
    var slots = ContiguousArray<StateSlot>()
    // Empty as long as every key is a known name.
    var keys: [Value.Key] = []
    if count <= Shape.maximumFields { fields.reserveCapacity(count) }
    slots.reserveCapacity(count)
    try tree.meter.spend(count)
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
      do {
        slots.append(try slot(&token, for: purpose, below: level + 1))
      } catch let fault as NotData {
        throw fault.inside(
          .field(symbol != 0 ? .string(tree.symbols.name(of: symbol)) : keys[keys.count - 1])
        )
      }
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

  /// A part inside of a table: both together are no deeper than state may be.
  private func checkDepth(_ node: StateNode, below level: Int) throws(NotData) {
    guard level > 0, tree.exceedsDepth(node, below: level) else { return }
    throw NotData("data cannot be nested more than \(tree.maximumDepth) levels deep")
  }

  /// Whoever copies a part reads all of it.
  private func checkRead(_ node: StateNode, _ grant: UInt16) throws {
    if grant != 0 { try system.access.checkAll(of: node, grant) }
  }

  private func slot(
    _ object: LuaObject,
    for purpose: Purpose,
    below level: Int
  ) throws -> StateSlot {
    switch object.kind {
    case ObjectKind.part:
      let node = object.instance(as: StateNode.self)
      try checkRead(node, object.grant)
      try checkDepth(node, below: level)
      switch purpose {
      case .result:
        // The result is read with the rights of the getter's store, which others' parts are not for.
        guard object.grant != 0 else { return .node(node) }
        let whole = tree.selfContained(node)
        return .node(whole === node ? node : tree.trackedCopy(of: node))
      case .state:
        node.noteRead()
        return .node(tree.notedCopy(of: node))
      case .message:
        node.noteRead()
        return .node(tree.selfContained(node))
      }
    case ObjectKind.error:
      return .string(object.instance(as: CarriedError.self).text)
    case ObjectKind.cell:
      guard case .field(let node, let position) = object.instance(as: Cell.self).content else {
        throw NotData("a computed cannot be data; use its value")
      }
      try checkRead(node, object.grant)
      let slot = tree.read(node, at: position)
      if case .node(let child) = slot {
        try checkDepth(child, below: level)
        if purpose == .result, object.grant == 0 { return slot }
        child.noteRead()
        return .node(purpose == .state ? tree.notedCopy(of: child) : tree.copy(child, frozen: true))
      }
      return slot
    case ObjectKind.message:
      throw NotData("a message cannot be data; use its payload")
    default:
      throw NotData("a store cannot be data; use its id, or store.state(...)")
    }
  }

  /// A copy as plain data, for what leaves the host.
  func value(_ token: inout LuaToken) throws -> Value {
    try token.takeValue { (object) throws -> Value in
      switch object.kind {
      case ObjectKind.part:
        let node = object.instance(as: StateNode.self)
        try checkRead(node, object.grant)
        return node.trackedValue
      case ObjectKind.error: return .string(object.instance(as: CarriedError.self).text)
      case ObjectKind.message: return Value(encoding: object.instance(as: Message.self).record)
      case ObjectKind.store:
        let entry = object.instance(as: StoreEntry.self)
        guard let store = entry.live else {
          entry.trackPresence()
          return .null
        }
        try system.access.check(object.grant, Access(.state, store, .store))
        return store.root.trackedValue
      case ObjectKind.cell:
        switch object.instance(as: Cell.self).content {
        case .field(let node, let position):
          try checkRead(node, object.grant)
          let slot = tree.read(node, at: position)
          return slot.node?.trackedValue ?? slot.value
        case .computed(let getter):
          if object.grant != 0, let store = getter.store {
            try system.access.check(object.grant, Access(.read, store, .member(getter.name)))
          }
          let slot = try getter.read()
          if let node = slot.node { try checkRead(node, object.grant) }
          return slot.node?.trackedValue ?? slot.value
        }
      default: return .null
      }
    }
  }
}

/// A part of a value cannot be data: why, and the way to it.
private struct NotData: Error {
  private let reason: String
  private var path: [StatePath.Component] = []

  init(_ reason: String) { self.reason = reason }

  /// The same, as seen from what holds the part.
  func inside(_ component: StatePath.Component) -> NotData {
    var fault = self
    fault.path.insert(component, at: 0)
    return fault
  }

  func error(at place: String, isState: Bool) -> StoreError {
    let reason = isState ? reason.replacing("cannot be data", with: "cannot be state") : reason
    let inner = StatePath(path).description
    let isJoined = place.isEmpty || place.hasSuffix(" ") || inner.isEmpty || inner.hasPrefix("[")
    let whole = isJoined ? place + inner : "\(place).\(inner)"
    if whole.isEmpty { return StoreError(.notData, reason) }
    return StoreError(.notData, whole.hasSuffix(" ") ? whole + reason : "\(whole): \(reason)")
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
        append(reference)
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
      if let reference = object as? LuaReference { set(reference) }
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
