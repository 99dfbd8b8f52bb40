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
      let found = system.slot(at: place)
      if let node = found?.node {
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
    for (path, value) in left where system.slot(at: path)?.value != value {
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
    do {
      try system.apply(patch.inverse)
    } catch {
      // Where an entry waited, others may have written between its own writes.
      throw error.code == .invalidArgument ? touched(patch.path) : error
    }
  }
}
