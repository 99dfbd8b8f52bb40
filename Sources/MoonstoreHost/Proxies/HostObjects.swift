import MoonLua
import MoonValue
import MoonstoreCore

/// What scripts do with stores, parts of state, refs and messages.
///
/// Takes accesses from the bridge, checks rights, reads and writes the state tree.
final class HostObjects: LuaObjectDelegate {
  // The engine owns its objects.
  private unowned(unsafe) let owner: HostEngine
  var engine: HostEngine { unsafe owner }
  let tree: StateTree
  let system: StoreSystem

  init(engine: HostEngine) {
    unsafe owner = engine
    system = engine.system
    tree = engine.system.tree
  }

  // MARK: Reading

  func index(_ object: LuaObject, _ key: LuaKey, _ result: LuaResult) throws {
    switch object.kind {
    case ObjectKind.part:
      let node = object.instance(as: StateNode.self)
      let position = try position(of: key, in: node)
      let slot = tree.read(node, at: position)
      if object.grant != 0 { try checkRead(key, in: node, slot, object.grant) }
      result.set(slot, grant: object.grant)
    case ObjectKind.store:
      let store = try object.instance(as: StoreEntry.self).store()
      try member(of: store, key, result, grant: object.grant)
    case ObjectKind.cell: try cell(object, key, result)
    case ObjectKind.message: message(object, key, result)
    case ObjectKind.error:
      if let name = key.string, let method = engine.errorMethods[name] {
        result.set(method)
      }
    default: break
    }
  }

  /// The position of a key in a part, or -1.
  @inline(__always)
  private func position(of key: LuaKey, in node: StateNode) throws -> Int {
    if key.isInteger {
      if node.kind == .array {
        let index = key.integer
        return index >= 1 && index <= Int64(node.slots.count) ? Int(index) - 1 : -1
      }
      return node.position(of: .integer(key.integer))
    }
    guard node.kind == .map else { return -1 }
    if node.hasShape {
      let symbol = symbol(of: key)
      return symbol == 0 ? -1 : node.position(ofSymbol: symbol)
    }
    return node.position(of: self.key(key))
  }

  @inline(__always)
  private func symbol(of key: LuaKey) -> UInt32 {
    let known = key.symbol
    if known != 0 { return known }
    guard let name = key.string else { return 0 }
    let symbol = tree.symbols.symbol(of: name)
    key.symbol = symbol
    return symbol
  }

  private func key(_ key: LuaKey) -> Value.Key {
    if key.isInteger { return .integer(key.integer) }
    if let string = key.string { return .string(string) }
    return .bytes(unsafe key.withBytes { unsafe [UInt8]($0) })
  }

  private func member(
    of store: LiveStore,
    _ key: LuaKey,
    _ result: LuaResult,
    grant: UInt16
  ) throws {
    let symbol = symbol(of: key)
    if symbol != 0 {
      let root = store.root
      let position = root.position(ofSymbol: symbol)
      if position >= 0 {
        let slot = tree.read(root, at: position)
        if !slot.isEmpty {
          if grant != 0 { try checkRead(key, in: root, slot, grant) }
          return result.set(slot, grant: grant)
        }
      }
      switch store.member(symbol) {
      case .getter(let getter):
        if grant != 0, !access.allows(grant, .read, on: store) {
          try access.check(grant, Access(.read, store, .member(getter.name)))
        }
        return result.set(try getter.read(), grant: grant)
      case .action(let index):
        let action = store.actions[index]
        return try engine.setFunction(of: action, for: grant, result)
      case nil: break
      }
    } else {
      let position = store.root.position(of: self.key(key))
      if position >= 0 {
        let slot = tree.read(store.root, at: position)
        if grant != 0 { try checkRead(key, in: store.root, slot, grant) }
        return result.set(slot, grant: grant)
      }
    }
    tree.trackStructure(store.root)
  }

  private func cell(_ object: LuaObject, _ key: LuaKey, _ result: LuaResult) throws {
    guard key.string == "value" else { return }
    switch object.instance(as: Cell.self).content {
    case .field(let node, let position):
      if object.grant != 0 { try checkRead(all: node, object.grant) }
      result.set(tree.read(node, at: position), grant: object.grant)
    case .computed(let getter):
      // Reading it says that it is no more.
      if object.grant != 0, let store = getter.store {
        try access.check(object.grant, Access(.read, store, .member(getter.name)))
      }
      result.set(try getter.read(), grant: object.grant)
    }
  }

  private func message(_ object: LuaObject, _ key: LuaKey, _ result: LuaResult) {
    let message = object.instance(as: Message.self)
    // What nearly every handler asks for needs no text.
    if key.matches("payload") { return result.set(message.content, grant: object.grant) }
    switch key.string {
    case "type": result.set(message.type)
    case "id": result.set(message.id)
    case "from": result.set(message.from)
    case "to": if let to = message.to { result.set(to) }
    case "priority": result.set(message.priority.rawValue)
    case "timestamp": result.set(message.timestamp)
    case "handled": result.set(message.isHandled)
    case "sequence": result.set(Int64(message.sequence))
    default: break
    }
  }

  func length(_ object: LuaObject) throws -> Int {
    guard object.kind == ObjectKind.part else {
      throw StoreError(.invalidArgument, "attempt to get the length of \(name(of: object))")
    }
    let node = object.instance(as: StateNode.self)
    if object.grant != 0 { try checkRead(all: node, object.grant) }
    tree.trackStructure(node)
    return node.border
  }

  func isArray(_ object: LuaObject) throws -> Bool? {
    guard object.kind == ObjectKind.part else { return nil }
    let node = object.instance(as: StateNode.self)
    if object.grant != 0 { try checkRead(all: node, object.grant) }
    // The first key decides it.
    tree.trackStructure(node)
    return node.kind == .undetermined ? nil : node.kind == .array
  }

  func next(_ object: LuaObject, _ key: LuaKey, _ nextKey: LuaResult, _ value: LuaResult) throws {
    let node: StateNode
    switch object.kind {
    case ObjectKind.part: node = object.instance(as: StateNode.self)
    case ObjectKind.store:
      let store = try object.instance(as: StoreEntry.self).store()
      node = store.root
    default: throw StoreError(.invalidArgument, "attempt to iterate over \(name(of: object))")
    }
    if object.grant != 0 { try checkRead(all: node, object.grant) }
    var position = 0
    if !key.isNil {
      let before = try self.position(of: key, in: node)
      guard before >= 0 else { throw StoreError(.invalidArgument, "invalid key to 'next'") }
      position = before + 1
    }
    tree.trackStructure(node)
    position = node.firstField(from: position)
    guard position < node.slots.count else { return }
    nextKey.set(node.key(at: position))
    value.set(tree.read(node, at: position), grant: object.grant)
  }

  // MARK: Writing

  func assign(_ object: LuaObject, _ key: LuaKey, _ value: LuaToken) throws {
    var token = value
    switch object.kind {
    case ObjectKind.part:
      let node = object.instance(as: StateNode.self)
      if object.grant != 0 { try checkWrite(object.grant, node, .element(node, self.key(key))) }
      try prepare(node)
      if node.kind == .map, node.hasShape, !key.isInteger, object.grant == 0, system.isInTurn {
        let symbol = symbol(of: key)
        let position = symbol == 0 ? -1 : node.position(ofSymbol: symbol)
        if position >= 0, !node.slots[position].isEmpty {
          return try put(&token, at: position, of: node)
        }
      }
      try assign(&token, to: self.key(key), in: node)
    case ObjectKind.store:
      let store = try object.instance(as: StoreEntry.self).store()
      if object.grant != 0 {
        try checkWrite(object.grant, store.root, .element(store.root, self.key(key)))
      }
      try prepare(store.root)
      let symbol = symbol(of: key)
      let position = symbol == 0 ? -1 : store.root.position(ofSymbol: symbol)
      if position >= 0, !store.root.slots[position].isEmpty, system.isInTurn,
        !engine.machine.isDriving
      {
        return try put(&token, at: position, of: store.root)
      }
      try assign(&token, to: self.key(key), in: store.root)
    case ObjectKind.cell:
      let cell = object.instance(as: Cell.self)
      guard key.string == "value", case .field(let node, let position) = cell.content else {
        throw StoreError(.readOnly, "a computed cannot be set; a ref has one field, 'value'")
      }
      if object.grant != 0 { try checkWrite(object.grant, node, .part(node)) }
      try system.forbidInGetter("write to a ref")
      let place = { cell.name.map { "\(node.store?.id ?? "").\($0)" } ?? "ref.value" }
      let slot = try slot(&token, over: node.slots[position], at: place())
      try tree.checkDepth(slot, in: node)
      try engine.change { tree.write(slot, to: node, at: position) }
    case ObjectKind.message:
      throw StoreError(.readOnly, "a message cannot be changed after it was sent")
    default:
      throw StoreError(.readOnly, "\(name(of: object)) cannot be changed")
    }
  }

  private func assign(_ token: inout LuaToken, to key: Value.Key, in node: StateNode) throws {
    let position = node.position(of: key)
    let old = position >= 0 ? node.slots[position] : .empty
    let slot = try slot(&token, over: old, at: place(of: key, in: node))
    try engine.change { try tree.assign(key, slot, in: node) }
  }

  /// Puts a value in the place of another of a map, in the turn under way.
  @inline(__always)
  private func put(_ token: inout LuaToken, at position: Int, of node: StateNode) throws {
    let old = node.slots[position]
    let slot = try slot(&token, over: old, at: place(of: node.key(at: position), in: node))
    try tree.checkDepth(slot, in: node)
    tree.write(slot, to: node, at: position)
  }

  /// The path of what stands under a key, for messages.
  private func place(of key: Value.Key, in node: StateNode) -> String {
    let path = node.path ?? StatePath([.field(.string(tree.describe(node)))])
    return path.appending(.field(key)).description
  }

  /// The slot for a value that takes the place of another; the other itself where it is assigned to its own place.
  private func slot(
    _ token: inout LuaToken,
    over old: StateSlot,
    at place: @autoclosure () -> String
  ) throws -> StateSlot {
    let conversion = StateConversion(system: system)
    if case .node(let part) = old {
      if token.kind == .object, token.object.kind == ObjectKind.part,
        token.object.instance(as: StateNode.self) === part
      {
        return old
      }
      let slot = try conversion.slot(&token, for: .state, at: place())
      tree.settle(slot, over: old)
      return slot
    }
    return try conversion.slot(&token, for: .state, at: place())
  }

  /// Checks that a part may be written now.
  @inline(__always)
  private func prepare(_ node: StateNode) throws {
    if system.getterDepth > 0 {
      try system.forbidInGetter("write to '\(tree.describe(node))'")
    }
    try tree.checkWritable(node)
  }

  /// Makes one change to a part that its holder may write.
  func writing(_ node: StateNode, _ grant: UInt16, _ body: () throws -> Void) throws {
    if grant != 0 { try checkWrite(grant, node, .part(node)) }
    try prepare(node)
    try engine.change(body)
  }

  func insert(_ object: LuaObject, at position: Int, _ value: LuaToken) throws {
    let node = try list(object)
    if object.grant != 0 { try checkWrite(object.grant, node, .part(node)) }
    try prepare(node)
    var token = value
    let slot = try StateConversion(system: system).slot(
      &token,
      for: .state,
      at: "\(tree.describe(node))[\(position == 0 ? node.slots.count + 1 : position)]"
    )
    try tree.checkDepth(slot, in: node)
    guard !slot.isEmpty else {
      throw StoreError(.notData, "\(tree.describe(node)): nil cannot be inserted; null can")
    }
    guard position <= node.slots.count + 1 else {
      throw StoreError(
        .invalidArgument,
        "\(tree.describe(node)): position \(position) is out of bounds (1 to \(node.slots.count + 1))"
      )
    }
    try engine.change {
      if node.kind == .undetermined { tree.decide(.array, for: node) }
      tree.insert(slot, into: node, at: position == 0 ? node.slots.count : position - 1)
    }
  }

  func remove(_ object: LuaObject, at position: Int, _ result: LuaResult) throws {
    let node = try list(object)
    if object.grant != 0 { try checkWrite(object.grant, node, .part(node)) }
    try prepare(node)
    let count = node.slots.count
    if count == 0 || position == count + 1 { return }
    guard position <= count else {
      throw StoreError(
        .invalidArgument,
        "\(tree.describe(node)): position \(position) is out of bounds (1 to \(count))"
      )
    }
    let index = position == 0 ? count - 1 : position - 1
    let removed = node.slots[index]
    let left = try left(removed, of: node, key: .integer(Int64(index + 1)), object.grant)
    try engine.change { tree.remove(from: node, at: index) }
    result.set(left, grant: object.grant)
  }

  /// What a holder is given of something that is about to leave its store: what they could read of it, as a copy.
  private func left(
    _ slot: StateSlot,
    of node: StateNode,
    key: Value.Key,
    _ grant: UInt16
  ) throws -> StateSlot {
    guard grant != 0, let store = node.store else { return slot }
    // One who may write and not read learns nothing by taking out.
    guard access.allows(grant, Access(.read, store, .element(node, key))) else { return .empty }
    guard let child = slot.node else { return slot }
    return .node(tree.selfContained(child))
  }

  private func list(_ object: LuaObject) throws -> StateNode {
    guard object.kind == ObjectKind.part else {
      throw StoreError(.invalidArgument, "\(name(of: object)) is no array")
    }
    let node = object.instance(as: StateNode.self)
    guard node.kind != .map else {
      throw StoreError(.invalidArgument, "\(tree.describe(node)) is a map, not an array")
    }
    return node
  }

  // MARK: Rights

  private var access: AccessTable { system.access }

  /// Checks that a holder may read what stands under a key of a part; a part is passed through to what is
  /// below it.
  private func checkRead(
    _ key: LuaKey,
    in node: StateNode,
    _ slot: StateSlot,
    _ grant: UInt16
  ) throws {
    guard let store = node.store else { return try access.checkPlace(of: node, grant) }
    if access.allows(grant, .read, on: store) { return }
    let isPassage = slot.node != nil
    let subject = Access.Subject.element(node, self.key(key))
    try access.check(grant, Access(.read, store, subject, isPassage: isPassage))
  }

  /// Checks that a holder may read all of a part.
  private func checkRead(all node: StateNode, _ grant: UInt16) throws {
    guard let store = node.store else { return try access.checkPlace(of: node, grant) }
    if access.allows(grant, .read, on: store) { return }
    try access.check(grant, Access(.read, store, .part(node)))
  }

  private func checkWrite(
    _ grant: UInt16,
    _ node: StateNode,
    _ subject: @autoclosure () -> Access.Subject
  ) throws {
    guard let store = node.store else { return try access.checkPlace(of: node, grant) }
    if access.allows(grant, .write, on: store) { return }
    try access.check(grant, Access(.write, store, subject()))
  }

  func authorize(_ action: Int32, _ grant: UInt16) throws {
    guard let (store, name) = engine.action(action) else { throw LuaError.closed(action) }
    if access.allows(grant, .call, on: store) { return }
    try access.check(grant, Access(.call, store, .action(name)))
  }

  func isSameStore(_ one: AnyObject, _ other: AnyObject) -> Bool {
    guard let one = (one as? StoreEntry)?.live else { return false }
    return one === (other as? StoreEntry)?.live
  }

  func snapshot(_ object: LuaObject, _ result: LuaResult) throws {
    switch object.kind {
    case ObjectKind.part:
      let node = object.instance(as: StateNode.self)
      try access.checkAll(of: node, object.grant)
      result.set(.node(tree.selfContained(node)), grant: 0)
    case ObjectKind.store: result.set(object.instance(as: StoreEntry.self).id)
    case ObjectKind.cell:
      guard case .field(let node, let position) = object.instance(as: Cell.self).content else {
        return
      }
      try access.checkAll(of: node, object.grant)
      var slot = node.slots[position]
      if let child = slot.node { slot = .node(tree.selfContained(child)) }
      result.set(slot, grant: 0)
    default: break
    }
  }

  // MARK: Names

  func describe(_ object: LuaObject) -> String {
    switch object.kind {
    case ObjectKind.part: tree.describe(object.instance(as: StateNode.self))
    case ObjectKind.store: "store: \(object.instance(as: StoreEntry.self).id)"
    case ObjectKind.cell: object.instance(as: Cell.self).name.map { "ref: \($0)" } ?? "ref"
    case ObjectKind.message: "message: \(object.instance(as: Message.self).type)"
    default: "host object"
    }
  }

  private func name(of object: LuaObject) -> String {
    switch object.kind {
    case ObjectKind.store: "the store '\(object.instance(as: StoreEntry.self).id)'"
    case ObjectKind.cell: "a ref"
    case ObjectKind.message: "a message"
    default: "this object"
    }
  }

  func refuse(_ object: LuaObject?, key: String, path: String, reason: String) -> any Error {
    var place = ""
    if let object {
      switch object.kind {
      case ObjectKind.part: place = tree.describe(object.instance(as: StateNode.self))
      case ObjectKind.store: place = object.instance(as: StoreEntry.self).id
      default: place = describe(object)
      }
    }
    let reason = reason.replacing("cannot be data", with: "cannot be state")
    return StoreError(.notData, "\(place)\(key)\(path): \(reason)")
  }

  func missing(_ method: String, of object: LuaObject) -> any Error {
    let entry = object.instance(as: StoreEntry.self)
    guard let store = entry.live else {
      return entry.missing()
    }
    return store.noAction(method)
  }

  // MARK: Turns

  func drive(_ action: Int32) -> LuaDriven { engine.drive(action) }
  func takeGrowth() -> Int { tree.takeGrowth() }
  // What a getter that is being evaluated has read must stay until it knows its sources.
  var canLetGo: Bool { system.getterDepth == 0 }
  func savepoint() -> Int64 { system.savepoint() }
  func rollBack(to savepoint: Int64) { system.rollBack(to: savepoint) }

  func beginGroup(_ object: LuaObject?, _ target: LuaResult) throws {
    guard let object else { return try engine.beginGroup() }
    let store = try object.instance(as: StoreEntry.self).store()
    let grant = try engine.beginPatch(store, object.grant)
    target.set(.node(store.root), grant: grant)
  }

  func endGroup(succeeded: Bool) throws { try engine.endGroup(succeeded: succeeded) }
}
