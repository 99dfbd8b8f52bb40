internal import CMoonBridge

/// A pooled coroutine in which an action, a handler or a driver runs, and from which it can wait.
@safe package final class LuaRun {
  package enum State { case idle, done, waiting, failed }

  private let machine: LuaMachine
  // From the machine's pool; nil once it was given back or handed over.
  private var raw: OpaquePointer?
  package var state: State { lastState }
  private var lastState = State.idle

  package init(machine: LuaMachine) throws(LuaError) {
    guard let raw = unsafe mb_run_new(try machine.open()) else {
      throw LuaError(code: .memory, message: "there is no memory for another coroutine")
    }
    self.machine = machine
    unsafe self.raw = unsafe raw
  }

  // Takes over a run that has begun.
  fileprivate init(adopting raw: OpaquePointer, status: Int32, machine: LuaMachine) {
    self.machine = machine
    unsafe self.raw = unsafe raw
    _ = enter(status)
  }

  deinit { release() }

  /// Gives the coroutine back to the pool.
  ///
  /// One that waits is cancelled: its `<close>` variables run.
  package func release() {
    guard let run = unsafe raw else { return }
    unsafe raw = nil
    // Closing the machine has freed all of its coroutines.
    if !machine.isClosed { unsafe mb_run_release(run) }
  }

  func handOver() -> OpaquePointer {
    // Only a run that has just ended is handed over, and once.
    defer { unsafe raw = nil }
    return unsafe raw.unsafelyUnwrapped
  }

  /// Refuses waits, for a run whose caller cannot wait for it; nil allows them.
  package func refuseWaits(_ refusal: LuaWaitRefusal?) {
    if let run = unsafe raw { unsafe mb_run_refuse_waits(run, refusal?.rawValue ?? 0) }
  }

  /// Says whether the turn under way is the run's, so that it can commit.
  ///
  /// It is if the run begins it, or goes on in it, and nothing else in it is half-done. Where nothing is said, it is so
  /// for an action.
  package func setOwnsTurn(_ owns: Bool) {
    if let run = unsafe raw { unsafe mb_run_set_owns_turn(run, owns) }
  }

  /// Whether a function of the run, which waits, has these globals: it was compiled for them.
  package func uses(_ globals: LuaTable) -> Bool {
    guard let machine = unsafe machine.raw, let run = unsafe raw else { return false }
    return unsafe mb_run_uses(run, mb_reference_identity(machine, globals.reference.number))
  }

  private func open() throws(LuaError) -> OpaquePointer {
    _ = try unsafe machine.open()
    guard let raw = unsafe raw else {
      throw LuaError(code: .closed, message: "this coroutine has ended")
    }
    return unsafe raw
  }

  private func enter(_ status: Int32) -> State {
    lastState =
      status == Int32(MB_RUN_DONE) ? .done : status == Int32(MB_RUN_WAITING) ? .waiting : .failed
    return lastState
  }

  /// Calls a function with the argument tokens from `base`.
  package func start(_ function: LuaReference, base: Int) throws(LuaError) -> State {
    enter(unsafe mb_run_start(try open(), function.number, base))
  }

  package func start(action: Int32, base: Int) throws(LuaError) -> State {
    enter(unsafe mb_run_start_action(try open(), action, base))
  }

  package func startDriven(action: Int32) throws(LuaError) -> State {
    enter(unsafe mb_run_start_driven(try open(), action))
  }

  /// Goes on: the call that waits returns the tokens from `base`.
  package func resume(base: Int) throws(LuaError) -> State {
    enter(unsafe mb_run_resume(try open(), base))
  }

  /// Goes on: the call that waits raises.
  package func resume(raising error: any Error) throws(LuaError) -> State {
    let run = try unsafe open()
    machine.leaveError(error)
    return enter(unsafe mb_run_resume_error(run))
  }

  /// Goes on with the results or the error in which another run ended.
  package func resume(from other: LuaRun) throws(LuaError) -> State {
    let run = try unsafe open()
    return enter(unsafe mb_run_resume_from(run, try other.open(), other.state == .failed))
  }

  package var resultCount: Int {
    guard !machine.isClosed, let run = unsafe raw else { return 0 }
    return Int(unsafe mb_run_result_count(run))
  }

  /// Appends the results as tokens, and tells where they begin.
  package func takeResults(byReference: Bool) throws(LuaError) -> Int {
    let base = machine.tokenCount
    let tables = Int32(byReference ? MB_AS_REFERENCE : MB_AS_DATA)
    let status = unsafe mb_run_take_results(try open(), tables)
    if status != 0 {
      var error = try machine.takeError(0, base)
      error.code = .conversion
      error.script = nil
      error.line = nil
      error.traceback = ""
      throw error
    }
    return base
  }

  /// The error in which the run ended, with its traceback.
  package func error() -> LuaError {
    let base = machine.tokenCount
    do {
      let run = try unsafe open()
      let reason = unsafe mb_run_killed(run)
      if reason != 0 { return try machine.takeError(Int32(MB_KILLED) + reason, base) }
      unsafe mb_run_take_error(run)
      return try machine.takeError(2, base)
    } catch {
      return error
    }
  }

  /// The number of the innermost action that ran when the last error was raised.
  package var failedAction: Int32 {
    guard let machine = unsafe machine.raw else { return -1 }
    return unsafe mb_error_action(machine)
  }
}

/// How a run that was begun stands when it first stops.
package enum LuaRunEnd {
  /// It has ended, and its coroutine serves others.
  case nothing
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  /// It waits, has failed, or has ended with results that are more than a scalar.
  case kept(LuaRun)
}

extension LuaMachine {
  /// Runs an action up to its end or its first wait, with the argument tokens from `base`.
  ///
  /// Most calls end without a wait and with a scalar: no object is made for these.
  ///
  /// - Parameters:
  ///   - action: Its number.
  ///   - base: Where its arguments begin.
  ///   - refusal: Why it may not wait; nil where it may.
  ///   - isPart: Whether the turn under way belongs to something else, so that it cannot commit.
  /// - Returns: How it stands.
  /// - Throws: `LuaError` with the code `memory` or `closed`.
  package func run(
    action: Int32,
    base: Int,
    refusing refusal: LuaWaitRefusal?,
    isPart: Bool
  ) throws(LuaError) -> LuaRunEnd {
    try run(
      mb_beginning(
        function: action,
        is_action: true,
        gives_result: true,
        owns_turn: isPart ? -1 : 0,
        wait_refusal: refusal?.rawValue ?? 0,
        base: base
      )
    )
  }

  /// The same for a function; its results are dropped unless they are asked for.
  package func run(
    _ function: LuaReference,
    base: Int,
    givesResult: Bool
  ) throws(LuaError) -> LuaRunEnd {
    try run(
      mb_beginning(
        function: function.number,
        is_action: false,
        gives_result: givesResult,
        owns_turn: 0,
        wait_refusal: 0,
        base: base
      )
    )
  }

  @inline(__always)
  private func run(_ beginning: mb_beginning) throws(LuaError) -> LuaRunEnd {
    var result = unsafe mb_value()
    var kept: OpaquePointer?
    let status = unsafe mb_run_once(try open(), beginning, &result, &kept)
    if let kept = unsafe kept {
      return .kept(unsafe LuaRun(adopting: kept, status: status, machine: self))
    }
    guard status == Int32(MB_RUN_DONE) else {
      throw LuaError(code: .memory, message: "there is no memory for another coroutine")
    }
    switch unsafe Int(result.tag) {
    case MB_TRUE: return .bool(true)
    case MB_FALSE: return .bool(false)
    case MB_INTEGER: return .integer(unsafe result.bits)
    case MB_NUMBER: return .number(Double(bitPattern: UInt64(bitPattern: unsafe result.bits)))
    default: return .nothing
    }
  }
}
