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
  private unowned let system: StoreSystem
  private let onUndo: (() -> Void)?
  /// Whose code it has begun, for errors.
  fileprivate(set) var members: [String] = []
  private(set) var isWithdrawn = false

  init(
    _ what: String,
    of system: StoreSystem,
    onUndo: (() -> Void)?,
    _ body: @escaping () -> Void
  ) {
    let cause = system.followUps.current
    self.what = what
    self.system = system
    self.cause = cause
    depth = (cause?.depth ?? 0) + 1
    self.onUndo = onUndo
    self.body = body
    var early = cause
    for _ in 0..<FollowUp.chainLength { early = early?.cause }
    early?.cause = nil
  }

  private static let chainLength = 20

  package func undo() {
    isWithdrawn = true
    system.followUps.dropWithdrawn()
    onUndo?()
  }

  /// What led here, the last of it at the end.
  var chain: [String] {
    var names: [String] = []
    var step = cause
    while let current = step, names.count < FollowUp.chainLength {
      let who = current.members.joined(separator: ", ")
      names.append(who.isEmpty ? current.what : "\(current.what) at \(who)")
      step = current.cause
    }
    return names.reversed()
  }
}

/// What waits for the end of the turn, in two lines, and behind them what was put off so that other callers get in.
struct FollowUpQueue {
  private struct Lines {
    var soon = Deque<FollowUp>()
    var inOrder = Deque<FollowUp>()

    var count: Int { soon.count + inOrder.count }

    mutating func append(contentsOf lines: Lines) {
      soon.append(contentsOf: lines.soon)
      inOrder.append(contentsOf: lines.inOrder)
    }

    mutating func dropWithdrawn() {
      while soon.last?.isWithdrawn == true { _ = soon.popLast() }
      while inOrder.last?.isWithdrawn == true { _ = inOrder.popLast() }
    }
  }

  private var lines = Lines()
  private var later = Lines()
  /// What is running, the cause of what is asked for meanwhile.
  var current: FollowUp?

  /// Whether nothing is to begin at the end of the turn.
  var isEmpty: Bool { lines.count == 0 }
  /// How many wait, also those that were put off.
  var count: Int { lines.count + later.count }

  mutating func append(_ followUp: FollowUp, _ order: FollowUp.Order) {
    switch order {
    case .soon: lines.soon.append(followUp)
    case .inOrder: lines.inOrder.append(followUp)
    }
  }

  /// Gives back the room of what was undone: the last of what waits, since undoing goes backwards.
  mutating func dropWithdrawn() { lines.dropWithdrawn() }

  /// The next one that was not undone.
  mutating func popFirst() -> FollowUp? {
    while let next = lines.soon.popFirst() ?? lines.inOrder.popFirst() {
      if !next.isWithdrawn { return next }
    }
    return nil
  }

  /// Puts off what waits, in its order.
  mutating func putOff() {
    later.append(contentsOf: lines)
    lines = Lines()
  }

  /// Takes up what was put off.
  mutating func takeUp() {
    var all = later
    later = Lines()
    all.append(contentsOf: lines)
    lines = all
  }
}

/// Sees to it that what follows from turns keeps no other caller out for long.
///
/// Takes each piece of work that follows from a turn, gives it the time of a turn of its own, and says when the rest
/// is put off. A pace that has put it off calls `continueFollowUps` once other callers have been in.
package protocol TurnPace: AnyObject {
  /// What follows from a turn begins.
  func beginFollowUps()
  /// Runs one piece of work.
  func perform(_ work: () -> Void)
  /// A piece of work is done, and nothing is left to undo; returns whether this has left something to do.
  func endFollowUp() -> Bool
  /// Whether other callers are to get in before what still waits; that is put off then.
  func putsOff() -> Bool
}

extension StoreSystem {
  /// Notes whose code the follow-up under way begins, for the error of a loop.
  package func noteFollowing(_ label: @autoclosure () -> String) {
    guard let current = followUps.current, current.depth > limits.loopLength - LoopTrace.length
    else { return }
    current.members.append(label())
  }

  /// Whether something is to follow from the turn.
  package var hasFollowUps: Bool { followUps.count > 0 }

  /// How many pieces of work wait for the end of turns.
  package var followUpCount: Int { followUps.count }

  /// Takes up what was put off, as a turn of its own.
  package func continueFollowUps() throws(StoreError) { try turn { followUps.takeUp() } }

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
    let followUp = FollowUp(what, of: self, onUndo: onUndo, body)
    guard followUp.depth <= limits.loopLength || isFinal else {
      onUndo?()
      let error = loops.error(
        "effects and tasks begin each other",
        limits.loopLength,
        followUp.chain
      )
      // What led here is final, since each is a turn of its own; the last one is undone.
      guard isInTurn else { return report(error) }
      _ = fail(error)
      return
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
    pace?.beginFollowUps()
    while let next = followUps.popFirst() {
      followUps.current = next
      if let pace {
        pace.perform { run(next) }
        if pace.endFollowUp() { settleFollowUp() }
        guard followUps.isEmpty || !pace.putsOff() else {
          followUps.putOff()
          break
        }
      } else {
        run(next)
      }
    }
    followUps.current = nil
  }

  private func run(_ followUp: FollowUp) {
    bus.beginTurn()
    if isObserved { observers.begin(TurnOrigin(.followUp, name: followUp.what)) }
    followUp.body()
    settleFollowUp()
  }

  private func settleFollowUp() {
    do {
      try settleTurn()
    } catch {
      report(error)
      if isObserved { observers.fail(.failed(TurnFailure(error))) }
    }
    if isObserved { observers.end() }
  }
}
