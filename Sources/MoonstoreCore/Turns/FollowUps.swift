/// Work that follows from a turn: it begins when that turn is final, and is a turn of its own.
package final class FollowUp: UndoableEvent {
  /// When it begins, among all that follows from a turn.
  package enum Order {
    /// Before what only hears of events, so that whoever begins now hears of the next event already.
    case soon
    /// In the order of what happened.
    case inOrder
  }

  let what: String
  let body: () -> Void
  /// What was running when it was asked for, if that was a follow-up too; only the last few are kept.
  private(set) var cause: FollowUp?
  let depth: Int
  private let onUndo: (() -> Void)?
  private(set) var isWithdrawn = false

  init(_ what: String, cause: FollowUp?, onUndo: (() -> Void)?, _ body: @escaping () -> Void) {
    self.what = what
    self.cause = cause
    depth = (cause?.depth ?? 0) + 1
    self.onUndo = onUndo
    self.body = body
    var early = cause
    for _ in 0..<FollowUp.chainLength { early = early?.cause }
    early?.cause = nil
  }

  private static let chainLength = 5

  package func undo() {
    isWithdrawn = true
    onUndo?()
  }

  /// What led here, the last of it.
  var chain: String {
    var names: [String] = []
    var step: FollowUp? = self
    while let current = step, names.count <= FollowUp.chainLength {
      names.append(current.what)
      step = current.cause
    }
    return names.reversed().joined(separator: " -> ")
  }
}

/// What waits for the end of the turn, in two lines.
struct FollowUpQueue {
  private struct Line {
    var waiting: ContiguousArray<FollowUp?> = []
    var head = 0

    mutating func popFirst() -> FollowUp? {
      guard head < waiting.count else { return nil }
      defer {
        waiting[head] = nil
        head += 1
        if head == waiting.count {
          waiting.removeAll(keepingCapacity: head < 4_096)
          head = 0
        }
      }
      return waiting[head]
    }
  }

  private var soon = Line()
  private var inOrder = Line()
  /// What is running, the cause of what is asked for meanwhile.
  var current: FollowUp?

  var isEmpty: Bool { soon.waiting.isEmpty && inOrder.waiting.isEmpty }

  mutating func append(_ followUp: FollowUp, _ order: FollowUp.Order) {
    switch order {
    case .soon: soon.waiting.append(followUp)
    case .inOrder: inOrder.waiting.append(followUp)
    }
  }

  /// The next one that was not undone.
  mutating func popFirst() -> FollowUp? {
    while let next = soon.popFirst() ?? inOrder.popFirst() {
      if !next.isWithdrawn { return next }
    }
    return nil
  }
}

extension StoreSystem {
  /// Whether something is to follow from the turn.
  package var hasFollowUps: Bool { !followUps.isEmpty }

  /// Runs work as a turn of its own, as soon as what is being done now is final, and before the driver
  /// goes on; not at all if what is being done now is undone.
  ///
  /// - Parameters:
  ///   - what: What it is, for the error about a loop.
  ///   - order: Where it stands among all that follows.
  ///   - isFinal: Whether it follows from something that cannot be undone, such as the end of a coroutine.
  ///   - onUndo: Hears that it will not run.
  ///   - body: What to run; its failures are its own.
  package func afterTurn(
    _ what: String,
    _ order: FollowUp.Order,
    isFinal: Bool = false,
    onUndo: (() -> Void)? = nil,
    _ body: @escaping () -> Void
  ) {
    let followUp = FollowUp(what, cause: followUps.current, onUndo: onUndo, body)
    guard followUp.depth <= limits.effectDepth || isFinal else {
      onUndo?()
      return report(
        StoreError(
          .endlessLoop,
          "effects and tasks cause each other without end (\(limits.effectDepth) deep): "
            + "... \(followUp.chain)"
        )
      )
    }
    if isInTurn {
      followUps.append(followUp, order)
      if !isFinal { tree.note(followUp) }
      return
    }
    do {
      try turn { followUps.append(followUp, order) }
    } catch {
      report(error)
    }
  }

  /// Runs what follows from the turn that has just become final, and what follows from that.
  func runFollowUps() {
    guard !followUps.isEmpty, followUps.current == nil else { return }
    while let next = followUps.popFirst() {
      followUps.current = next
      bus.beginTurn()
      next.body()
      do {
        try settleTurn()
      } catch {
        report(error)
      }
    }
    followUps.current = nil
  }
}
