/// What a turn that fails has to put right, besides the writes to state, and what ends for good if it does not.
final class UndoStep: UndoableEvent {
  private let restore: () -> Void
  private let finish: (() -> Void)?

  init(_ restore: @escaping () -> Void, finish: (() -> Void)? = nil) {
    self.restore = restore
    self.finish = finish
  }

  func undo() { restore() }
  var endsSomething: Bool { finish != nil }
  func commit() { finish?() }
}

extension StoreSystem {
  /// Tells the outside of something once it can no longer be undone: at once, outside of turns.
  package func whenFinal(_ tell: @escaping () -> Void) {
    guard isInTurn else { return tell() }
    tree.note(UndoStep({}, finish: tell))
  }

  /// Does something if the turn is undone, and something else when it is final.
  package func noteUndo(_ undo: @escaping () -> Void, finish: (() -> Void)? = nil) {
    if isInTurn { tree.note(UndoStep(undo, finish: finish)) }
  }
}
