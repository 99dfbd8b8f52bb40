package import MoonValue

/// A part of the state that has parts: an array or a map.
///
/// Owned by the slot that it stands in, and kept alive beyond that by whoever still reads it (a proxy in a
/// script, the undo log). `StateTree` is the only one that changes it.
package final class StateNode {
  package enum Kind: UInt8 {
    /// Empty, and nobody has said what it is: the first key decides.
    case undetermined
    case array
    case map

    /// A part of this kind without elements, as data.
    package var emptyValue: Value {
      switch self {
      case .undetermined: .empty
      case .array: .array([])
      case .map: .map([:])
      }
    }
  }

  // Every access of a script asks for these two. A property that other modules see is checked for overlapping
  // access at each use, which costs more than the use; one that only this module sees is proved to need none.
  private var currentKind: Kind
  private var isFinal = false

  package internal(set) var kind: Kind {
    get { currentKind }
    set { currentKind = newValue }
  }
  /// Message payloads and results of getters: nobody writes them, and they belong to no store.
  package internal(set) var isFrozen: Bool {
    get { isFinal }
    set { isFinal = newValue }
  }
  // Not checked for overlapping access, which would cost more than each use. Nothing overlaps: what is done to
  // them is done by `StateTree`, in steps that call nobody else, and what a step lets go of comes back here
  // through `deinit` of other nodes only.
  @exclusivity(unchecked) private var allSlots: ContiguousArray<StateSlot> = []
  @exclusivity(unchecked) private var allCells: ContiguousArray<NodeID> = []

  package internal(set) var slots: ContiguousArray<StateSlot> {
    get { unsafe allSlots }
    _modify { yield unsafe &allSlots }
  }

  /// The keys of a map: its shape, or for a large one a table of its own, in order of insertion.
  var shape: Shape?
  var table: KeyTable? {
    get { unsafe ownTable }
    _modify { yield unsafe &ownTable }
  }
  // Not checked for overlapping access either.
  @exclusivity(unchecked) private var ownTable: KeyTable?
  // Without a copy of the table.
  var hasTable: Bool { unsafe ownTable != nil }

  /// The graph's nodes for the slots that were read under tracking, by position; often empty.
  var cells: ContiguousArray<NodeID> {
    get { unsafe allCells }
    _modify { yield unsafe &allCells }
  }
  /// The graph's node for the set of keys or the length.
  var structure = NodeID.none

  package let tree: StateTree
  // The node whose slot owns this one; it outlives the time that this one stands in it.
  package internal(set) unowned(unsafe) var parent: StateNode?
  /// Where in the parent this node was last seen; found again when it has moved.
  var hint = 0
  @exclusivity(unchecked) private unowned(unsafe) var ownStore: LiveStore?
  /// The store that it belongs to; nil when it does not stand in a store's state.
  package internal(set) var store: LiveStore? {
    get { unsafe ownStore }
    set { unsafe ownStore = newValue }
  }
  /// The store that it belonged to before it left it; nil for what never did.
  var former: StorePresence?
  var hasStore: Bool { unsafe ownStore != nil }
  /// The turn in which it was made; 0 for what a store begins with.
  var birth: UInt32

  package init(_ kind: Kind, tree: StateTree) {
    currentKind = kind
    self.tree = tree
    birth = tree.turnNumber
    if kind != .array { shape = tree.emptyShape }
    tree.noteGrowth(StateNode.size)
  }

  /// About what a part takes without its elements, and each element, in bytes.
  static let size = 192
  static let elementSize = 32

  deinit {
    // A child that a script still has stands nowhere now.
    if !isFrozen {
      for case .node(let child) in slots where unsafe child.parent === self {
        unsafe child.parent = nil
      }
    }
    for cell in cells where cell != .none { tree.graph.free(cell) }
    if structure != .none { tree.graph.free(structure) }
  }

  /// The number of elements, or of fields.
  package var count: Int {
    if kind == .array { return slots.count }
    if let table { return slots.count - table.holes }
    var count = 0
    for slot in slots where !slot.isEmpty { count += 1 }
    return count
  }

  /// The number of elements from 1 on without a gap; of a map with whole numbers for keys, as Lua counts it.
  package var border: Int {
    if kind == .array { return slots.count }
    var border = 0
    while true {
      let position = position(of: .integer(Int64(border + 1)))
      guard position >= 0, !slots[position].isEmpty else { return border }
      border += 1
    }
  }

  /// The key of the field at a position of a map.
  package func key(at position: Int) -> Value.Key {
    if kind == .array { return .integer(Int64(position + 1)) }
    if let table { return table.keys[position] }
    guard let shape else { return .integer(Int64(position + 1)) }
    return .string(tree.symbols.name(of: shape.symbols[position]))
  }

  /// The position of a key, or -1; a removed field keeps its position.
  package func position(of key: Value.Key) -> Int {
    switch kind {
    case .array:
      guard case .integer(let index) = key, index >= 1, index <= Int64(slots.count) else {
        return -1
      }
      return Int(index) - 1
    case .map:
      if let table { return table.positions[key] ?? -1 }
      guard case .string(let name) = key, let shape else { return -1 }
      let symbol = tree.symbols.symbol(of: name)
      return symbol == 0 ? -1 : shape.position(of: symbol)
    case .undetermined: return -1
    }
  }

  @inline(__always)
  package func position(ofSymbol symbol: UInt32) -> Int {
    if let shape { return shape.position(of: symbol) }
    return position(of: .string(tree.symbols.name(of: symbol)))
  }

  /// Whether fields are found by symbol.
  package var hasShape: Bool { shape != nil }

  /// A copy as plain data.
  package var value: Value {
    switch kind {
    case .undetermined: return .empty
    case .array: return .array(slots.map(\.value))
    case .map:
      var pairs: ValueMap = [:]
      pairs.reserveCapacity(slots.count)
      for position in slots.indices where !slots[position].isEmpty {
        pairs[key(at: position)] = slots[position].value
      }
      return .map(pairs)
    }
  }

  /// Where the node stands, from its store; `nil` when it stands nowhere.
  package var path: StatePath? {
    guard let store = store else { return nil }
    var components: [StatePath.Component] = []
    var node = self
    while let parent = unsafe node.parent {
      guard let position = parent.position(ofChild: node) else { return nil }
      components.append(parent.component(at: position))
      node = parent
    }
    return StatePath([.field(.string(store.id))] + components.reversed())
  }

  /// Whether it stands in what a store shows, and not among the values that a setup function keeps to itself.
  var isInState: Bool {
    var node = self
    while let parent = unsafe node.parent { node = parent }
    return node === store?.root
  }

  func component(at position: Int) -> StatePath.Component {
    kind == .array ? .index(position + 1) : .field(key(at: position))
  }

  private func position(ofChild child: StateNode) -> Int? {
    if child.hint < slots.count, slots[child.hint].node === child { return child.hint }
    // What has moved one part has moved others: all are found in one walk, so that asking for each costs no
    // more than moving them did.
    var found: Int?
    for position in slots.indices {
      guard case .node(let other) = slots[position], unsafe other.parent === self else { continue }
      other.hint = position
      if other === child { found = position }
    }
    return found
  }

  /// The position of the first field from here on, or the number of positions if there is none.
  package func firstField(from position: Int) -> Int {
    var position = position
    if position == 0, let table {
      position = table.start
      while position < slots.count, slots[position].isEmpty { position += 1 }
      self.table?.noteStart(position)
      return position
    }
    while position < slots.count, slots[position].isEmpty { position += 1 }
    return position
  }
}

extension StateNode {
  /// What an empty part is, with the places of the fields that it had.
  package struct Form {
    let kind: Kind
    let shape: Shape?
    var table: KeyTable?
    var places = 0
  }

  /// The form; only an empty part takes another.
  var form: Form {
    get { Form(kind: kind, shape: shape, table: table, places: slots.count) }
    set {
      kind = newValue.kind
      shape = newValue.shape
      table = newValue.table
      table?.noteAllEmpty()
      slots = ContiguousArray(repeating: .empty, count: newValue.places)
    }
  }
}
