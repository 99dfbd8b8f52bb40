import MoonLua
import MoonValue
import MoonstoreCore

/// What scripts may use before they are ended.
///
/// A turn that runs over a limit is ended and undone with all of its writes, messages and registrations, and its
/// caller gets a `StoreError` with the code `timeLimit` or `memoryLimit`, which names script, line, store and
/// action. Nothing in a script catches that. While nothing is over its limit, no instruction pays for them.
///
/// The scripts that had something on the stack are loaded anew before they are called again, since globals and caches
/// of theirs may be half-done; state is what it was.
///
/// Times are in seconds of computing, and nil is no limit. What a turn waits for does not count.
public struct ScriptLimits: Sendable, Equatable {
  /// The scripts of one turn together: an action with all that it calls and sends.
  public var turn: Double? = 1
  /// Reading a getter, or asking a condition, outside of turns.
  public var getter: Double? = 1
  /// Loading a project: all of its scripts and setups together.
  public var loading: Double? = 30
  /// The code of a script that is run, such as by `moonstore run`, from one of its calls to the next; each call
  /// is a turn.
  public var driver: Double?
  /// Bytes that Lua may hold for all scripts of the host.
  public var memory: Int? = 512 << 20

  /// How long what follows from turns, such as tasks and effects, may compute before other callers of the host get in
  /// between; nil for as long as it takes.
  public var slice: Double? = 0.25
  /// How many bytes one entry of the log may have; of a longer one only its beginning is written.
  public var logEntry = 64 << 10
  /// Bytes that a turn may print, log and trace together; what is more is left out, and counted.
  ///
  /// Drivers are not limited, but the turns of their calls are.
  public var output: Int? = 1 << 20
  /// Lines that a turn may print, log and trace together.
  public var outputLines: Int? = 10_000

  /// A script that runs over its limits so many times within `overrunSeconds` is quarantined; nil for never.
  ///
  /// Its stores keep their state, but its code is not run until it is reloaded.
  public var overruns: Int? = 5
  /// See `overruns`.
  public var overrunSeconds: Double = 60

  /// The limits as they are by default.
  public init() {}

  /// No limits.
  public static var none: ScriptLimits {
    var limits = ScriptLimits()
    limits.turn = nil
    limits.getter = nil
    limits.loading = nil
    limits.memory = nil
    limits.slice = nil
    limits.output = nil
    limits.outputLines = nil
    return limits
  }
}

/// The limits as the machine takes them, checked.
struct ScriptBudgets {
  let turn, getter, loading, driver: Int64
  let machine: LuaLimits

  init(_ limits: ScriptLimits) throws(LuaError) {
    turn = try LuaLimits.nanoseconds(limits.turn, "scriptLimits.turn")
    getter = try LuaLimits.nanoseconds(limits.getter, "scriptLimits.getter")
    loading = try LuaLimits.nanoseconds(limits.loading, "scriptLimits.loading")
    driver = try LuaLimits.nanoseconds(limits.driver, "scriptLimits.driver")
    // What no scope surrounds has the time of a turn.
    machine = LuaLimits(seconds: limits.turn, memory: limits.memory)
    try machine.check("scriptLimits.memory")
    _ = try LuaLimits.nanoseconds(limits.overrunSeconds, "scriptLimits.overrunSeconds")
    _ = try LuaLimits.nanoseconds(limits.slice, "scriptLimits.slice")
    guard limits.logEntry >= 0 else {
      throw LuaError(
        code: .invalidLimit,
        message: "scriptLimits.logEntry is \(limits.logEntry) bytes; it must be 0 or more"
      )
    }
    for (name, bound) in [("output", limits.output), ("outputLines", limits.outputLines)] {
      guard let bound, bound < 1 else { continue }
      throw LuaError(
        code: .invalidLimit,
        message: "scriptLimits.\(name) is \(bound); it must be at least 1, or nil for no limit"
      )
    }
    if let overruns = limits.overruns, overruns < 1 {
      throw LuaError(
        code: .invalidLimit,
        message:
          "scriptLimits.overruns is \(overruns); it must be at least 1, or nil for no quarantine"
      )
    }
  }

  var limitsTime: Bool { turn > 0 || getter > 0 || loading > 0 || driver > 0 }
}

extension HostEngine {
  /// What was around a budget, until it ends.
  ///
  /// Plain numbers, since every turn has one; `belongings` are kept apart.
  struct Budget {
    /// Nil for one that shares the budget around it.
    fileprivate let scope: LuaScope?
    fileprivate let wasLimited: Bool
    fileprivate let outer: OpenCalls
    /// Whether what belongs to the one around it was put aside.
    fileprivate let hasSetAside: Bool
  }

  /// What scripts had begun when the budget under way did, and would end themselves; and whose budget it is.
  struct OpenCalls {
    var groups = 0
    var layers = 0
    /// The action that it was begun for; below 0 where it was another thing.
    var action: Int32 = -1
    /// Tells one budget from another; 0 outside of all.
    var budget = 0
  }

  /// What belongs to a budget and is seldom there.
  struct BudgetBelongings {
    /// What its turn has shown; nil before its first line.
    var output: OutputAccount?
    /// The script that has begun what it is for, such as a task.
    var unit: ScriptUnit?

    fileprivate var isEmpty: Bool { output == nil && unit == nil }
  }

  /// What a budget was begun for.
  enum BudgetOrigin {
    case action(Int32)
    /// What a script has begun, such as a task.
    case script(ScriptUnit)
    case other
  }

  /// The script on whose account the budget under way is, where no code of a script is to blame.
  var unitOfBudget: ScriptUnit? {
    if openCalls.action >= 0 { return owner(ofAction: openCalls.action) }
    return belongings.unit.flatMap { scripts[$0.name] }
  }

  /// Says what the budget under way is for from now on.
  func setOrigin(_ origin: BudgetOrigin) {
    openCalls.action = -1
    if belongings.unit != nil { belongings.unit = nil }
    switch origin {
    case .action(let number): openCalls.action = number
    case .script(let unit): belongings.unit = unit
    case .other: break
    }
  }

  /// Sets the limits of scripts, which the host's own do not count for.
  func beginLimits() throws(LuaError) {
    let report = configuration.report
    machine.onStuck { seconds in
      report(
        StoreError(
          .timeLimit,
          "a script has been running for \(seconds) s and cannot be ended: it is in one instruction, or in a "
            + "function of the host; the host is stuck"
        )
      )
    }
    try apply(configuration.scriptLimits)
    machine.onOverrun = { [unowned self] error in
      hasEnded = true
      guard isLimited else { return system.recoveries += 1 }
      guard system.overrun == nil else { return }
      system.overrun = StoreError(lua: error)
      noteOverrun(error)
    }
    system.meter.mayGoOn = { [machine] in machine.mayGoOn }
    system.pace = pace
  }

  func overdueError() -> StoreError {
    noteOverdue()
    return overdue()
  }

  func recovered() {
    machine.renewScope()
    endOpenCalls()
  }

  /// The error of a turn that has used its time up in what the host does for it.
  private func overdue() -> StoreError {
    StoreError(
      .timeLimit,
      "the turn ran for longer than \(machine.budgetText) and was ended: its messages, events and watchers took the "
        + "time; send fewer, or let the work go on in steps, with sleep(0) between them"
    )
  }

  /// Sets the limits of what begins from now on.
  func apply(_ limits: ScriptLimits) throws(LuaError) {
    let new = try ScriptBudgets(limits)
    if new.limitsTime { try machine.watch() }
    try vm.setLimits(new.machine)
    budgets = new
    scriptLimits = limits
  }

  /// The same as a part of a turn.
  func change(limits: ScriptLimits) throws(LuaError) {
    let before = scriptLimits
    guard limits != before else { return }
    try apply(limits)
    system.noteUndo { [unowned self] in try? apply(before) }
  }

  /// Begins a budget, unless what runs shares one already.
  ///
  /// What a driver calls never does.
  func beginBudget(
    _ nanoseconds: Int64,
    anew: Bool = false,
    for origin: BudgetOrigin = .other
  ) -> Budget {
    guard anew || !isLimited || machine.isDriving else {
      return Budget(scope: nil, wasLimited: true, outer: openCalls, hasSetAside: false)
    }
    let hasSetAside = !belongings.isEmpty
    if hasSetAside {
      outerBelongings.append(belongings)
      belongings = BudgetBelongings()
    }
    let budget = Budget(
      scope: machine.beginScope(nanoseconds: nanoseconds),
      wasLimited: isLimited,
      outer: openCalls,
      hasSetAside: hasSetAside
    )
    budgetCount += 1
    openCalls = OpenCalls(groups: groups.count, layers: layeredCount, budget: budgetCount)
    setOrigin(origin)
    isLimited = true
    return budget
  }

  func endBudget(_ budget: Budget) {
    guard let scope = budget.scope else { return }
    if !belongings.isEmpty { dropBelongings() }
    if budget.hasSetAside { belongings = outerBelongings.removeLast() }
    if machine.endScope(scope) {
      // Its own turn has heard of it, and nothing else is meant.
      system.overrun = nil
      system.recoveries += 1
      endOpenCalls()
    }
    isLimited = budget.wasLimited
    openCalls = budget.outer
    if !isLimited {
      // What a getter that is being evaluated has read must stay until it knows its sources.
      if system.getterDepth == 0 { tidy() }
      if !unseenFailures.isEmpty { reportUnseen() }
      if !overrunners.isEmpty { isolateOverrunners() }
      if hasEnded { restartEnded() }
    }
  }

  @inline(never)
  private func dropBelongings() {
    endOutput()
    belongings = BudgetBelongings()
  }

  /// Ends the groups and calls of scripts that were ended in their middle, which a script does itself otherwise.
  private func endOpenCalls() {
    while groups.count > openCalls.groups, let group = groups.popLast() {
      group.access?.close()
      withoutDriving { system.failTurn(group.mark, system.overrun) }
    }
    for key in layeredCalls.keys.filter({ $0 > openCalls.layers }).sorted(by: >) {
      guard let (call, onion) = layeredCalls.removeValue(forKey: key) else { continue }
      let error = StoreError(
        .timeLimit,
        "the turn of this action ran over a limit and was ended",
        store: call.store,
        member: call.action
      )
      onion.failed(call, error)
    }
  }

  /// Runs a piece of work with a budget of its own, unless it shares one already.
  func limited<R>(_ nanoseconds: Int64, anew: Bool = false, _ body: () throws -> R) rethrows -> R {
    let budget = beginBudget(nanoseconds, anew: anew)
    defer { endBudget(budget) }
    return try body()
  }
}

extension StoreError {
  /// Whether code ran over a limit, so that a whole turn ends with it.
  var isOverrun: Bool { code == .timeLimit || code == .memoryLimit }
}
