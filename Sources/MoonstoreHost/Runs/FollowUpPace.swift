import MoonLua
import MoonValue
import MoonstoreCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Lets other callers in between the pieces of work that follow from a turn.
///
/// Tasks and effects begin before the driver's next line, as long as they are done soon. When they have computed for
/// `scriptLimits.slice` seconds, what still waits is put off to an entry of its own, behind the callers that wait by
/// then, and goes on there for as long; and so on. Each piece of work has the time of a turn. A script that runs over
/// its limits in one of them is quarantined before the next one begins.
final class FollowUpPace: TurnPace {
  // The engine owns its pace.
  private unowned(unsafe) let engine: HostEngine
  private var start = 0.0
  private var isArranged = false

  init(engine: HostEngine) { unsafe self.engine = engine }

  func beginFollowUps() { start = FollowUpPace.computed }

  func perform(_ work: () -> Void) {
    let engine = unsafe engine
    engine.limited(engine.budgets.turn, anew: true, work)
  }

  func endFollowUp() -> Bool {
    let engine = unsafe engine
    guard !engine.overrunners.isEmpty else { return false }
    engine.isolateOverrunners(isFinal: true)
    return true
  }

  func putsOff() -> Bool {
    let engine = unsafe engine
    guard let slice = engine.scriptLimits.slice, engine.launch != nil,
      FollowUpPace.computed - start >= slice
    else { return false }
    arrange(in: engine)
    return true
  }

  private func arrange(in engine: HostEngine) {
    guard !isArranged else { return }
    isArranged = true
    // A driver that never waits makes room for it as for other callers.
    engine.visitors.arrive()
    engine.enterLater { [unowned self] in
      isArranged = false
      let engine = unsafe self.engine
      engine.visitors.enter()
      let scope = engine.beginBudget(engine.budgets.turn)
      defer { engine.endBudget(scope) }
      do throws(StoreError) {
        try engine.system.continueFollowUps()
      } catch {
        engine.system.report(error)
      }
    }
  }

  /// How long this thread has computed.
  private static var computed: Double {
    var time = timespec()
    // The call writes to the local variable only.
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

extension HostEngine {
  /// Does something as an entry of its own, behind the callers that wait already.
  func enterLater(_ body: @escaping () -> Void) {
    parkedCount += 1
    pauses[parkedCount] = body
    launch?(parkedCount) { .null }
  }
}
