import MoonValue
import MoonstoreCore

/// What it takes to take back what an entry has changed, as long as nothing else has touched it.
struct UndoPoint {
  private let changes: [StoreChange]
  /// What the entry left, at each place that it changed; where elements moved that is the whole array.
  private let left: [StatePath: Value?]

  /// Entries that left more than this at the places they changed are not taken back.
  private static let maximumParts = 200_000

  /// Notes how an entry left things; nil where it has changed nothing or too much.
  init?(_ changes: [StoreChange], in system: StoreSystem) {
    var left: [StatePath: Value?] = [:]
    var parts = 0
    for patch in changes.flatMap(\.patches) {
      let place = UndoPoint.place(of: patch)
      guard left[place] == nil else { continue }
      let found = StatePlace(place, in: system)
      if let node = found?.slot.node {
        var size = StateSize()
        size.count(node)
        parts += size.parts
        if parts > UndoPoint.maximumParts { return nil }
      }
      left.updateValue(found?.value, forKey: place)
    }
    if left.isEmpty { return nil }
    self.changes = changes
    self.left = left
  }

  private static func place(of patch: StatePatch) -> StatePath {
    let container = StatePath(patch.path.components.dropLast())
    return switch patch.operation {
    case .insert: container
    case .remove:
      if case .index = patch.path.components.last { container } else { patch.path }
    case .set, .reorder: patch.path
    }
  }

  /// Takes everything back as one turn, or nothing.
  ///
  /// - Returns: How many changes there were.
  /// - Throws: `invalidArgument` when something was touched since; `permissionDenied`.
  func takeBack(in engine: HostEngine, _ session: SessionState) throws(StoreError) -> Int {
    let system = engine.system
    for (path, value) in left where StatePlace(path, in: system)?.value != value {
      throw UndoPoint.touched(path)
    }
    for change in changes {
      let store = try system.registry.live(change.store)
      try system.access.check(session.unit.grant, Access(.write, store, .store))
    }
    let patches = changes.flatMap { change in change.patches }
    try system.turn {
      for patch in patches.reversed() { try UndoPoint.takeBack(patch, in: system) }
    }
    return patches.count
  }

  private static func touched(_ path: StatePath) -> StoreError {
    StoreError(
      .invalidArgument,
      ":undo: '\(path)' was changed since, so that the last entry cannot be taken back"
    )
  }

  private static func takeBack(_ patch: StatePatch, in system: StoreSystem) throws(StoreError) {
    let inverse = patch.inverse
    let container = StatePath(inverse.path.components.dropLast())
    guard let last = inverse.path.components.last else { return }
    let tree = system.tree
    if case .reorder(let order) = inverse.operation {
      guard let node = StatePlace(inverse.path, in: system)?.slot.node,
        node.slots.count == order.count
      else { throw touched(inverse.path) }
      return tree.reorder(node, order.map { $0 - 1 })
    }
    guard let node = StatePlace(container, in: system)?.slot.node else {
      throw touched(container)
    }
    // Where an entry waited, others may have written between its own writes.
    let current = StatePlace(inverse.path, in: system)
    if let old = inverse.old, current?.value != old { throw touched(inverse.path) }
    switch inverse.operation {
    case .set: try tree.assign(last.key, tree.slot(inverse.new ?? .null), in: node)
    case .remove where node.kind == .array:
      tree.remove(from: node, at: (last.position ?? 1) - 1)
    case .remove: try tree.assign(last.key, .empty, in: node)
    case .insert:
      let position = (last.position ?? 1) - 1
      guard position >= 0, position <= node.slots.count else { throw touched(inverse.path) }
      if node.kind == .undetermined { tree.decide(.array, for: node) }
      tree.insert(tree.slot(inverse.new ?? .null), into: node, at: position)
    case .reorder: break
    }
  }
}

/// What stands at a path that begins with a store.
private struct StatePlace {
  let slot: StateSlot

  init?(_ path: StatePath, in system: StoreSystem) {
    guard case .field(.string(let id)) = path.components.first, let store = system.registry.find(id)
    else { return nil }
    var slot = StateSlot.node(store.root)
    for component in path.components.dropFirst() {
      guard let node = slot.node else { return nil }
      let position = node.position(of: component.key)
      guard position >= 0, !node.slots[position].isEmpty else { return nil }
      slot = node.slots[position]
    }
    self.slot = slot
  }

  var value: Value { slot.value }
}
