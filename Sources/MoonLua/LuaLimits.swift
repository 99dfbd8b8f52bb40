internal import CMoonBridge

/// What scripts of a machine may use before they are ended.
///
/// A limit ends the call from Swift that is under way, with everything in it: `pcall`, `xpcall`, coroutines
/// and `<close>` do not catch it. The call throws `LuaError` with the code `timeLimit` or `memoryLimit`, and
/// the machine can be used as before.
///
/// While nothing is over its limit no instruction pays for them.
public struct LuaLimits: Sendable, Equatable {
  /// How long one call from Swift may compute, in seconds, with all that it calls; nil for no limit.
  ///
  /// What else the machine does meanwhile does not count.
  ///
  /// A call that waits for an asynchronous function has the time anew when it goes on. One instruction, or
  /// one library function, is never interrupted in its middle.
  public var seconds: Double?
  /// How many bytes Lua may hold; nil for no limit.
  ///
  /// What can be collected is collected before a script is ended. Until that happens Lua may hold a tenth
  /// more; what would need more than that at once is ended without a collection if it is no string.
  public var memory: Int?

  /// Makes limits.
  public init(seconds: Double? = nil, memory: Int? = nil) {
    self.seconds = seconds
    self.memory = memory
  }

  /// No limits.
  public static let none = LuaLimits()

  /// The smallest quota of memory: less would not hold the library of scripts.
  static let leastMemory = 256 * 1024

  package func check(_ what: String = "the memory limit") throws(LuaError) {
    if let seconds { _ = try LuaLimits.nanoseconds(seconds, "the time limit") }
    guard let memory, memory < LuaLimits.leastMemory else { return }
    throw LuaError(
      code: .invalidLimit,
      message:
        "\(what) is \(memory) bytes; it must be at least \(LuaLimits.leastMemory), or nil for none"
    )
  }

  /// A time as the bridge takes it.
  package static func nanoseconds(_ seconds: Double?, _ what: String) throws(LuaError) -> Int64 {
    guard let seconds else { return 0 }
    // A thousand years in nanoseconds do not fit.
    guard seconds > 0, seconds <= 1e9 else {
      throw LuaError(
        code: .invalidLimit,
        message: "\(what) is \(seconds) s; it must be more than 0 and at most 1e9, or nil for none"
      )
    }
    return max(1, Int64(seconds * 1e9))
  }
}

/// Hears, on the watchdog's thread, of a machine that nothing can stop.
final class StuckListener: Sendable {
  let hear: @Sendable (Double) -> Void
  init(_ hear: @escaping @Sendable (Double) -> Void) { self.hear = hear }
}

/// Ends pieces of a machine's work, from any thread and also when the machine is gone.
package struct LuaInterrupter: Sendable {
  fileprivate let machine: UInt64

  fileprivate init(machine: UInt64) { self.machine = machine }

  /// Ends the piece with this name, if it runs, as if it had run over its time.
  package func end(_ piece: UInt64) { mb_end_piece(machine, piece) }
}

/// What was around a scope, until it ends.
package struct LuaScope {
  fileprivate let outer: mb_scope
  fileprivate let budget: Double?
}

extension LuaMachine {
  /// Sets the limits of calls from now on.
  func setLimits(_ limits: LuaLimits) throws(LuaError) {
    let machine = try unsafe open()
    try limits.check()
    let budget = try LuaLimits.nanoseconds(limits.seconds, "the time limit")
    if budget > 0 { try watch() }
    unsafe mb_vm_set_budget(machine, budget)
    unsafe mb_vm_set_memory(machine, limits.memory ?? 0)
    self.limits = limits
    budgetUnderWay = limits.seconds
  }

  /// Lets Lua hold so many bytes more than it may, for what is to be done so that it holds less; 0 ends that.
  package func allowMemory(beyondLimit extra: Int) {
    guard let machine = unsafe raw, let memory = limits.memory else { return }
    unsafe mb_vm_set_memory(machine, memory + extra)
  }

  /// Puts the machine under the watchdog, so that budgets count.
  package func watch() throws(LuaError) {
    let machine = try unsafe open()
    // The machine keeps the listener for as long as the watchdog knows of it.
    let context = unsafe stuckListener.map { unsafe Unmanaged.passUnretained($0).toOpaque() }
    let started = unsafe mb_vm_watch(
      machine,
      { context, seconds in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<StuckListener>.fromOpaque(context).takeUnretainedValue().hear(seconds)
      },
      context
    )
    guard started else {
      throw LuaError(code: .memory, message: "there is no thread that could watch over the time")
    }
  }

  /// What ends pieces of this machine's work from other threads; the machine has to be watched.
  package var interrupter: LuaInterrupter {
    guard let machine = unsafe raw else { return LuaInterrupter(machine: 0) }
    return LuaInterrupter(machine: unsafe mb_vm_identity(machine))
  }

  /// Whether somebody has asked for the end of what runs now.
  package var isUnwanted: Bool {
    guard let machine = unsafe raw else { return false }
    return unsafe mb_vm_is_unwanted(machine)
  }

  /// Names what runs from now on, for whoever may end it; 0 for what nobody may end.
  package func setPiece(_ piece: UInt64) {
    guard let machine = unsafe raw else { return }
    unsafe mb_vm_set_piece(machine, piece)
  }

  /// Tells, once for each scope, that a machine has been stuck for ten of its budgets: in one instruction, or
  /// in a function of the host.
  ///
  /// To be set before the machine is watched. The listener is called on another thread, and may not use, make or
  /// close a machine.
  package func onStuck(_ hear: @escaping @Sendable (_ seconds: Double) -> Void) {
    stuckListener = StuckListener(hear)
  }

  /// Begins a scope with a budget of its own: what is called until its end shares it, and ends with it.
  package func beginScope(nanoseconds: Int64) -> LuaScope {
    guard let machine = unsafe raw else { return LuaScope(outer: mb_scope(), budget: nil) }
    let scope = LuaScope(outer: unsafe mb_scope_begin(machine, nanoseconds), budget: budgetUnderWay)
    budgetUnderWay = nanoseconds > 0 ? Double(nanoseconds) / 1e9 : nil
    return scope
  }

  /// Ends a scope; tells whether it ran over a limit.
  @discardableResult
  package func endScope(_ scope: LuaScope) -> Bool {
    budgetUnderWay = scope.budget
    guard let machine = unsafe raw else { return false }
    let reason = unsafe mb_scope_end(machine, scope.outer)
    return reason != 0
  }

  /// If the scope under way ran over a limit, begins it anew, for what has to be done after that.
  package func renewScope() {
    guard let machine = unsafe raw else { return }
    _ = unsafe mb_scope_renew(machine)
  }

  /// Whose work it is that was ended last: the lines of its traceback from this one on, nil where none of them is;
  /// and the action that had lasted, if it was one.
  package var blame: (level: Int?, action: Int32) {
    guard let machine = unsafe raw else { return (nil, -1) }
    let level = unsafe mb_blamed_level(machine)
    return (level < 0 ? nil : Int(level), unsafe mb_blamed_action(machine))
  }

  /// Whether what runs may go on: false once it has run over a limit.
  ///
  /// Asked now and then by what takes long and is no Lua. A script that has called it is ended when it returns.
  package var mayGoOn: Bool {
    guard let machine = unsafe raw else { return true }
    return unsafe mb_vm_may_go_on(machine)
  }

  /// Whether something ran over a limit in a way after which it is better to begin with a new machine.
  package var isSuspect: Bool {
    guard let machine = unsafe raw else { return false }
    return unsafe mb_vm_is_suspect(machine)
  }

  /// The scripts and modules of which something was on a stack when that was ended, since this was last asked.
  package func takeEndedScripts() -> [String] {
    guard let machine = unsafe raw else { return [] }
    var length = 0
    guard let bytes = unsafe mb_vm_ended_scripts(machine, &length), length > 0 else { return [] }
    let names = unsafe UnsafeRawBufferPointer(start: bytes, count: length).split(separator: 0)
      .map { unsafe String(decoding: $0, as: UTF8.self) }
    unsafe mb_vm_forget_ended_scripts(machine)
    return names
  }

  /// What runs may take, for messages.
  package var budgetText: String { budgetUnderWay.map { "\($0) s" } ?? "it may" }

  /// The error of a call that ran over a limit.
  func limitError(_ reason: Int32, script: String?, line: Int?, traceback: String) -> LuaError {
    let isTime = reason == Int32(MB_KILLED_TIME)
    let place = script.map { "\($0):\(line ?? 0): " } ?? ""
    let what =
      isTime
      ? "the script ran for longer than \(budgetText) and was ended"
      : "the script held more than \((limits.memory ?? 0).inBytes) of memory and was ended"
    let error = LuaError(
      code: isTime ? .timeLimit : .memoryLimit,
      message: place + what,
      script: script,
      line: line,
      traceback: traceback
    )
    onOverrun?(error)
    return error
  }
}

extension Int {
  fileprivate var inBytes: String {
    if self >= 1 << 20, self % (1 << 20) == 0 { return "\(self >> 20) MiB" }
    if self >= 1 << 10, self % (1 << 10) == 0 { return "\(self >> 10) KiB" }
    return "\(self) bytes"
  }
}
