package import MoonValue

/// Reads and writes the state of all stores of one host: tracks what is read, logs what is written.
///
/// Takes reads and writes from handles and proxies, tells the graph what was read and what changed, and
/// gives the turn the changes in order, each with what it takes to undo it.
package final class StateTree {
  package let graph: ReactiveGraph
  package let symbols = SymbolTable()
  /// Counts the parts that are copied and converted, and the messages and events that are delivered.
  package let meter = WorkMeter()
  let emptyShape: Shape
  var mapForms = MapForms()
  var recentTexts = RecentTexts()
  /// Counts turns; a savepoint is good for the turn that it was taken in.
  private(set) var turnNumber: UInt32 = 1
  /// What the turn has done so far.
  package internal(set) var log: ContiguousArray<Change> {
    get { unsafe changes }
    _modify { yield unsafe &changes }
  }
  // Not checked for overlapping access: a change is appended or taken out in one step, and what it lets go of
  // does not come back here.
  @exclusivity(unchecked) private var changes: ContiguousArray<Change> = []

  /// What the turn has done and its watchers and subscribers hear of already, in the order of settling: it can
  /// still be undone, since they may not settle.
  private var sealed: [(number: UInt32, changes: ContiguousArray<Change>)] {
    get { unsafe sealedChanges }
    _modify { yield unsafe &sealedChanges }
  }
  // Not checked for overlapping access either, for the same reason.
  @exclusivity(unchecked) private var sealedChanges:
    [(number: UInt32, changes: ContiguousArray<Change>)] = []

  /// Whether a turn, or a part of one, is being undone; what ends meanwhile is no event of its own.
  private(set) var isUndoing = false
  /// Bytes that were taken up for parts, messages and strings since a script engine last asked: the collector of its
  /// language is to know what its objects keep alive. An estimate, which nothing is taken off.
  // Not checked for overlapping access: each use is one step, and what an entry lets go of does not come back here.
  @exclusivity(unchecked) private var seen = SeenValues()
  // Not checked for overlapping access: it is counted in one step.
  @exclusivity(unchecked) private var growth = 0
  /// How many levels of parts a store's state may have, the state itself included.
  package internal(set) var maximumDepth = Limits().stateDepth
  /// Which part each copy is of, while a writer asks for it; by the copy.
  private var origins: [ObjectIdentifier: (copy: StateNode, origin: StateNode)]?

  /// How many changes the turn has made so far.
  package var changeCount: Int { log.count }

  package init(graph: ReactiveGraph) {
    self.graph = graph
    emptyShape = Shape(in: symbols)
    log.reserveCapacity(16)
    // Effects that somebody holds keep the graph beyond the tree, which therefore takes this back. A weak
    // reference would make every count of references to the tree a slow one.
    graph.followLog { [unowned(unsafe) self] in unsafe self.log.count }
    graph.keepValues(in: self)
  }

  deinit {
    graph.followLog { 0 }
    graph.keepValues(in: nil)
  }

  package func noteGrowth(_ bytes: Int) { unsafe growth &+= bytes }

  package func takeGrowth() -> Int {
    defer { unsafe growth = 0 }
    return unsafe growth
  }

  // MARK: Reading

  /// The slot at a position, noted as read.
  ///
  /// Positions below 0 stand for keys that are not there.
  @inline(__always)
  package func read(_ node: StateNode, at position: Int) -> StateSlot {
    if graph.isTracking { track(node, at: position) }
    return position >= 0 ? node.slots[position] : .empty
  }

  func track(_ node: StateNode, at position: Int) {
    guard !node.isFrozen else { return }
    guard position >= 0 else { return trackStructure(node) }
    if node.cells.count <= position {
      let missing = node.slots.count - node.cells.count
      node.cells.append(contentsOf: repeatElement(.none, count: missing))
    }
    if node.cells[position] == .none { node.cells[position] = graph.makeSource() }
    graph.readSource(node.cells[position])
  }

  /// Notes that the set of keys, or the length, was read.
  package func trackStructure(_ node: StateNode) {
    guard graph.isTracking, !node.isFrozen else { return }
    if node.structure == .none { node.structure = graph.makeSource() }
    graph.track(node.structure)
  }

  /// Says that somebody who has looked for a name in this part, and found none, may find one now.
  package func namesChanged(in node: StateNode) { markChanged(node.structure) }

  // MARK: Writing

  /// Puts a value at a position that exists.
  package func write(_ slot: StateSlot, to node: StateNode, at position: Int) {
    let old = node.slots[position]
    if old.isSame(as: slot) || old.isSelf(of: slot) { return }
    log.append(Change(.set, node, position, old: old, new: slot))
    replace(node, at: position, with: slot)
  }

  /// Puts a value under a key of a map that has no position for it yet.
  package func add(_ key: Value.Key, _ slot: StateSlot, to node: StateNode) {
    let position = makePosition(for: key, in: node)
    log.append(Change(.add, node, position, old: .empty, new: slot))
    replace(node, at: position, with: slot)
  }

  /// Inserts into an array; `position` counts from 0.
  package func insert(_ slot: StateSlot, into node: StateNode, at position: Int) {
    log.append(Change(.insert, node, position, old: .empty, new: slot))
    putIn(slot, node, position)
    markMoved(node, from: position)
  }

  /// Removes from an array.
  package func remove(from node: StateNode, at position: Int) {
    let old = node.slots[position]
    log.append(Change(.remove, node, position, old: old, new: .empty))
    takeOut(node, position)
    markMoved(node, from: position)
  }

  /// Puts the elements of an array into another order: `order[i]` is the old position of the i-th.
  ///
  /// In a map they are what stands under the keys from 1 on.
  package func reorder(_ node: StateNode, _ order: [Int]) {
    guard !order.indices.allSatisfy({ order[$0] == $0 }) else { return }
    if node.kind == .map { return exchange(order, in: node) }
    log.append(Change(.reorder(order), node, 0, old: .empty, new: .empty))
    arrange(node, order)
    markMoved(node, from: 0)
  }

  /// The fields of a map have no order: each key gets another value.
  private func exchange(_ order: [Int], in node: StateNode) {
    let positions = order.indices.map { node.position(of: .integer(Int64($0 + 1))) }
    let slots = positions.map { node.slots[$0] }
    let moved = order.indices.filter { order[$0] != $0 }
    // A part stands in one place at a time.
    for index in moved where slots[index].node != nil {
      write(.empty, to: node, at: positions[index])
    }
    for index in moved { write(slots[order[index]], to: node, at: positions[index]) }
  }

  /// Says what an empty part is.
  package func decide(_ kind: StateNode.Kind, for node: StateNode) {
    guard node.kind != kind else { return }
    log.append(Change(.form(node.form, new: kind), node, 0, old: .empty, new: .empty))
    node.form = StateNode.Form(kind: kind, shape: kind == .array ? nil : emptyShape)
    markMoved(node, from: 0)
  }

  // MARK: Copies

  /// A copy of a part, of which `origin(of:)` tells what it is a copy of.
  package func notedCopy(of node: StateNode) -> StateNode {
    let copy = copy(node)
    if origins != nil { origins?[ObjectIdentifier(copy)] = (copy, node) }
    return copy
  }

  /// Notes which copies of parts are made while `body` runs, for writers that leave alone what is assigned to its own
  /// place.
  package func notingCopies<R>(_ body: () throws -> R) rethrows -> R {
    let outer = origins
    origins = [:]
    defer { origins = outer }
    return try body()
  }

  func origin(of copy: StateNode) -> StateNode? { origins?[ObjectIdentifier(copy)]?.origin }

  // MARK: Undoing

  /// Takes back everything after the first `count` changes.
  ///
  /// - Parameters:
  ///   - count: How many changes stay.
  ///   - whole: Whether the turn is over with it, so that getters can be evaluated to find out who has
  ///     nothing to hear.
  package func undo(to count: Int, whole: Bool = false) {
    guard whole || log.count > count else { return }
    graph.undoing(to: count, evaluates: whole) { undoChanges(to: count) }
  }

  private func undoChanges(to count: Int) {
    // What is ended by undoing is no event of its own.
    isUndoing = true
    defer { isUndoing = false }
    while log.count > count {
      let change = log.removeLast()
      if case .event(let event) = change.operation {
        event.undo()
        continue
      }
      guard let node = change.node else { continue }
      stepBack(change, node)
      tellStep(change, node)
    }
  }

  /// Tells readers that a change has been taken back.
  private func tellStep(_ change: Change, _ node: StateNode) {
    switch change.operation {
    case .set: tellReplaced(node, at: change.position, change.new, by: change.old)
    case .add:
      tellReplaced(node, at: change.position, change.new, by: .empty)
      dropPosition(of: node)
    case .insert, .remove: markMoved(node, from: change.position)
    case .reorder, .form: markMoved(node, from: 0)
    case .event: break
    }
  }

  /// Logs something that is no write to state but is undone with the turn.
  package func note(_ event: any UndoableEvent) {
    guard !isUndoing else { return }
    log.append(Change(.event(event), nil, 0, old: .empty, new: .empty))
  }

  /// Ends a turn: what it did is final.
  func clearLog() {
    var final: [any UndoableEvent] = []
    if !sealed.isEmpty {
      for (number, changes) in sealed { finish(changes, of: number, &final) }
      sealed = []
    }
    for index in unsafe changes.indices { unsafe finish(changes[index], of: turnNumber, &final) }
    unsafe changes.removeAll(keepingCapacity: changes.count < 65_536)
    graph.forgetLog()
    turnNumber &+= 1
    if !final.isEmpty { for event in final { event.commit() } }
  }

  @inline(__always)
  private func finish(
    _ changes: ContiguousArray<Change>,
    of number: UInt32,
    _ final: inout [any UndoableEvent]
  ) {
    for change in changes { finish(change, of: number, &final) }
  }

  @inline(__always)
  private func finish(
    _ change: Change,
    of number: UInt32,
    _ final: inout [any UndoableEvent]
  ) {
    if let node = change.node {
      if node.hasTable { compact(node) }
      // What a turn makes is told as it leaves it, without what it has taken out again.
      if change.new.isEmpty, node.birth == number { dropHoles(of: node) }
    } else if case .event(let event) = change.operation, event.endsSomething {
      final.append(event)
    }
  }

  // MARK: Settling

  /// Whether something that watchers and subscribers hear of can still be undone.
  var hasSealed: Bool { !sealed.isEmpty }

  /// Closes what the turn has done so far, for those who hear of it: what they do is a part of its own, and can
  /// be undone alone or with all that was sealed before.
  func seal() {
    sealed.append((turnNumber, log))
    log = []
    graph.forgetLog()
    turnNumber &+= 1
  }

  /// Takes back all that the turn has done since its last commit, also what was sealed.
  func undoAll() {
    undo(to: 0, whole: true)
    while let last = sealed.popLast() {
      log = last.changes
      undo(to: 0, whole: true)
    }
  }

  /// Gives names and shapes back that neither state nor a store has any more.
  ///
  /// Between turns only: nothing may know a symbol that it is going to use. What remembers symbols beyond that, as a
  /// script engine does, forgets them before it uses the next one.
  ///
  /// - Returns: Whether numbers of names were given back.
  package func reclaimNames() -> Bool {
    guard symbols.isReclaimDue, log.isEmpty else { return false }
    mapForms = MapForms()
    emptyShape.prune()
    symbols.reclaim()
    return true
  }

  // MARK: Primitives, without log

  private func replace(_ node: StateNode, at position: Int, with slot: StateSlot) {
    let old = node.slots[position]
    place(slot, in: node, at: position)
    tellReplaced(node, at: position, old, by: slot)
  }

  @inline(__always)
  private func tellReplaced(
    _ node: StateNode,
    at position: Int,
    _ old: StateSlot,
    by slot: StateSlot
  ) {
    if position < node.cells.count {
      let cell = node.cells[position]
      if cell != .none {
        if old.isCheapToCompare {
          graph.markWritten(cell) { unsafe seen.keep(old, of: node, at: position) }
        } else {
          graph.markChanged(cell)
        }
      }
    }
    if old.isEmpty != slot.isEmpty || (old.node == nil) != (slot.node == nil) {
      markChanged(node.structure)
    }
  }

  private func markMoved(_ node: StateNode, from position: Int) {
    markChanged(node.structure)
    guard position < node.cells.count else { return }
    for cell in node.cells[position...] { markChanged(cell) }
  }

  @inline(__always)
  private func markChanged(_ cell: NodeID) {
    if cell != .none { graph.markChanged(cell) }
  }

  /// Drops the places of removed fields when they are the greater part.
  private func compact(_ node: StateNode) {
    if let table = node.table, table.isSparse { dropHoles(of: node) }
  }

  private func dropHoles(of node: StateNode) {
    guard node.kind == .map else { return }
    let kept = node.slots.indices.filter { !node.slots[$0].isEmpty }
    guard kept.count < node.slots.count else { return }
    let hadCells = !node.cells.isEmpty
    if let table = node.table {
      node.table = KeyTable(ContiguousArray(kept.map { table.keys[$0] }))
    } else if let symbols = node.shape?.symbols {
      var shape = emptyShape
      for position in kept {
        guard let next = shape.adding(symbols[position]) else { return }
        shape = next
      }
      node.shape = shape
    }
    node.slots = ContiguousArray(kept.map { node.slots[$0] })
    // Readers of single fields are told, since their places are given away.
    for cell in node.cells where cell != .none {
      graph.markChanged(cell)
      graph.free(cell)
    }
    node.cells = []
    if hadCells { markChanged(node.structure) }
  }
}

extension StateTree: SourceValues {
  package func takeDifference(_ number: UInt32) -> Bool { unsafe seen.takeDifference(number) }
  package func drop(_ number: UInt32) { unsafe seen.drop(number) }
}

/// One change of a turn, with what it takes to undo it.
package struct Change {
  package enum Operation {
    case set
    /// A field got a value under a key that the map had no place for.
    case add
    case insert, remove
    case reorder([Int])
    /// The part was empty and became another kind; its form before, and the kind.
    indirect case form(StateNode.Form, new: StateNode.Kind)
    case event(any UndoableEvent)
  }

  package let operation: Operation
  /// Nil for an event.
  package let node: StateNode?
  package let position: Int
  package let old: StateSlot
  package let new: StateSlot

  init(_ operation: Operation, _ node: StateNode?, _ position: Int, old: StateSlot, new: StateSlot)
  {
    self.operation = operation
    self.node = node
    self.position = position
    self.old = old
    self.new = new
  }
}

/// Something in a turn that is no write to state but goes away with it.
package protocol UndoableEvent: AnyObject {
  func undo()
  /// Whether something is kept for `undo` that ends for good when the turn commits.
  var endsSomething: Bool { get }
  /// The turn is final: ends what was kept.
  func commit()
  /// Adds what happened to what observers are told of the turn, if they ask for it.
  func tell(_ gist: inout TurnGist, _ details: TurnDetails)
}

extension UndoableEvent {
  package var endsSomething: Bool { false }
  package func commit() {}
  package func tell(_ gist: inout TurnGist, _ details: TurnDetails) {}
}
