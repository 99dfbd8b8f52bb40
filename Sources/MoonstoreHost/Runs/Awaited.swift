import MoonLua
import MoonValue
import MoonstoreCore

/// Something inside the host that a suspended run waits for: a message, a condition, the end of a task.
///
/// It ends once: when it happened, when its time is over, or when the run is cancelled. Whichever comes
/// first undoes the others, so that nothing of a wait is left behind.
final class Awaited {
  /// Appends what the waiting call returns, or throws what it raises.
  typealias Answer = (LuaMachine) throws -> Void

  /// What it is, for errors about loops.
  let what: String
  // The engine keeps the run that waits, and the run keeps this.
  private unowned let engine: HostEngine
  private let limit: (seconds: Double, late: Answer)?
  private var timer: Int?
  private var run: Int?
  /// Sees the run that waits, before it does.
  var onBegin: ((ParkedRun) -> Void)?
  /// Leaves the place where it would hear of its end.
  var onEnd: (() -> Void)?
  private(set) var isOver = false

  init(
    _ what: String,
    engine: HostEngine,
    timeout: Double? = nil,
    late: @escaping Answer = { $0.appendNil() }
  ) {
    self.what = what
    self.engine = engine
    limit = timeout.map { ($0, late) }
  }

  /// The run is suspended from now on.
  func begin(_ parked: ParkedRun) {
    run = parked.id
    onBegin?(parked)
    onBegin = nil
    guard let limit, !isOver else { return }
    timer = engine.startTimer(limit.seconds) { [weak self] in self?.end(limit.late) }
  }

  /// Whether it is this wait in which a run is suspended.
  func holds(_ parked: ParkedRun) -> Bool { !isOver && run == parked.id }

  /// It has happened: the run goes on.
  func end(_ answer: @escaping Answer) {
    guard !isOver else { return }
    leave()
    if let run { engine.resume(run, after: what, answer) }
  }

  /// The run will not go on.
  func leave() {
    guard !isOver else { return }
    isOver = true
    if let timer { engine.stopTimer(timer) }
    timer = nil
    onEnd?()
    onEnd = nil
  }
}

extension HostEngine {
  /// Does something when a time on the host's clock is over, unless it is stopped before.
  func startTimer(_ seconds: Double, _ body: @escaping () -> Void) -> Int {
    let sleep = configuration.sleep
    parkedCount += 1
    let id = parkedCount
    timeouts[id] = body
    launch?(id) {
      try await sleep(seconds)
      return .null
    }
    return id
  }

  func stopTimer(_ id: Int) {
    guard timeouts.removeValue(forKey: id) != nil else { return }
    stop?(id)
  }
}
