/// Taking marks back: an effect that became due by writes that are undone has nothing to run for.
///
/// The state tree says how many changes its log holds; effects that become due are noted with that number.
/// When changes are undone, the effects that became due by them, and have not run in between, see what they
/// saw before, so they are due no more.
extension ReactiveGraph {
  /// An effect that became due.
  struct DueEffect {
    let id: UInt32
    /// Which run of it saw what was true before.
    let epoch: UInt32
    /// How many changes the log held, that which made it due included.
    let position: Int
  }

  /// What the graph knows of the changes that could still be undone.
  struct UndoNotes {
    /// How many changes the log holds; nil in a graph whose writes are never undone.
    var position: (() -> Int)?
    var due: [DueEffect] = []
    /// Effects that ran while changes could still be undone, with the number at their last run.
    var ran: [UInt32: Int] = [:]
    /// The number at the last write that is no part of the log, such as that of a signal.
    var unlogged = 0
  }

  /// Says how many changes the log of the writes holds, so that marks can be taken back.
  package func followLog(_ position: @escaping () -> Int) { undoNotes.position = position }

  @inline(never)
  func noteDue(_ id: UInt32) {
    guard let count = undoNotes.position?(), count > 0 else { return }
    undoNotes.due.append(DueEffect(id: id, epoch: nodes[id].epoch, position: count))
  }

  @inline(never)
  func noteRun(_ id: UInt32) {
    guard let count = undoNotes.position?(), count > 0 else { return }
    undoNotes.ran[id] = count
  }

  /// Notes a write that undoing does not take back.
  @usableFromInline
  func noteUnlogged() {
    if let position = undoNotes.position {
      undoNotes.unlogged = max(undoNotes.unlogged, position())
    }
  }

  /// The changes of the log are final.
  package func forgetLog() {
    guard undoNotes.position != nil else { return }
    if !undoNotes.due.isEmpty { undoNotes.due.removeAll(keepingCapacity: true) }
    if !undoNotes.ran.isEmpty { undoNotes.ran = [:] }
    undoNotes.unlogged = 0
  }

  /// Undoes changes of the log, and the marks on effects that they had made.
  ///
  /// - Parameters:
  ///   - count: How many changes stay.
  ///   - evaluates: Whether the log ends with it, and computeds may be evaluated for it; without that,
  ///     effects that read a computed which has changed meanwhile stay due, and run if its value differs.
  ///   - undo: Undoes.
  package func undoing(to count: Int, evaluates: Bool, _ undo: () -> Void) {
    var lapsed: [DueEffect] = []
    undoNotes.due.removeAll { due in
      guard due.position > count else { return false }
      lapsed.append(due)
      return true
    }
    undo()
    if undoNotes.unlogged <= count {
      for due in lapsed where (undoNotes.ran[due.id] ?? 0) <= count {
        if takeBack(due, evaluates: evaluates) { continue }
        // Undoing more may still take it back.
        undoNotes.due.append(DueEffect(id: due.id, epoch: due.epoch, position: count + 1))
      }
    }
    if evaluates { forgetLog() }
  }

  /// Whether the effect is due no more, or this says nothing about it.
  private func takeBack(_ due: DueEffect, evaluates: Bool) -> Bool {
    let marks = nodes[due.id].marks
    guard marks.contains(.effect), marks.isDisjoint(with: [.running, .freed]),
      nodes[due.id].epoch == due.epoch
    else { return true }
    // A clean node has clean dependencies, since marks stop at what is marked already.
    var outdated: [NodeID] = []
    var link = nodes[due.id].dependencies
    while link != 0 {
      let dependency = links[link].dependency
      let marks = nodes[dependency].marks
      if marks.contains(.compared) {
        // Others may have looked since; what this effect saw is what there is again.
        verifyWritten(dependency)
      } else if !marks.isDisjoint(with: .unsettled) {
        guard evaluates, marks.contains(.computed), !marks.contains(.running) else { return false }
        outdated.append(NodeID(rawValue: dependency))
      }
      link = links[link].nextDependency
    }
    nodes[due.id].marks.subtract(NodeMarks.settledByRun.union(.announced))
    for computed in outdated { _ = refresh(computed) }
    return true
  }
}
