import MoonLua
import MoonValue
import MoonstoreCore

/// A function of a script that runs as a task whenever something has happened.
final class EffectListener: EffectTarget {
  /// How events that come close together are treated.
  struct Options {
    /// A new event cancels the effects that run.
    var latest = false
    /// Events are ignored while an effect runs.
    var leading = false
    /// The listener ends with its first event.
    var once = false
    /// Seconds that each effect waits before it begins.
    var delay: Double?
    /// Seconds without another event before the effect begins, with the last one.
    var debounce: Double?
    /// Seconds after an event in which others are ignored.
    var throttle: Double?
  }

  // The engine owns the hub, and the hub its listeners.
  private unowned let engine: HostEngine
  /// The Lua function (number of the task, event).
  private let effect: LuaReference
  let options: Options
  /// The effects that have not ended, by the number of their task.
  var running: [Int: ScriptTask] = [:]
  private var isClosed = false
  private var closing: Int?
  private var pending: [Int: EffectEvent] = [:]
  private var settling: Int?

  init(
    number: Int,
    script: String,
    label: String,
    matchers: [EffectMatcher],
    effect: LuaReference,
    options: Options,
    engine: HostEngine
  ) {
    self.engine = engine
    self.effect = effect
    self.options = options
    super.init(
      number: number,
      script: script,
      label: label,
      matchers: matchers
    )
  }

  /// Whether nothing of it goes on, and no turn that fails can let it hear again.
  var isDone: Bool {
    registrations.allSatisfy(\.isGone) && running.isEmpty && pending.isEmpty
  }

  override func meet(_ event: EffectEvent) {
    if options.leading, !running.isEmpty || !pending.isEmpty { return }
    if let throttle = options.throttle {
      guard !isClosed else { return }
      isClosed = true
      closing = engine.startTimer(throttle) { [weak self] in
        self?.isClosed = false
        self?.closing = nil
      }
    }
    if options.latest { cancelRunning() }
    if let debounce = options.debounce {
      if let settling { drop(settling) }
      settling = begin(event, after: debounce)
    } else if let delay = options.delay {
      _ = begin(event, after: delay)
    } else {
      begin(event)
    }
    if options.once { end() }
  }

  private func begin(_ event: EffectEvent) {
    engine.spawn(effect, of: script, label: label, listener: self) { event.append(to: $0) }
  }

  private func begin(_ event: EffectEvent, after seconds: Double) -> Int {
    var timer = 0
    timer = engine.startTimer(seconds) { [weak self] in
      guard let self else { return }
      pending[timer] = nil
      if settling == timer { settling = nil }
      begin(event)
    }
    pending[timer] = event
    return timer
  }

  private func drop(_ timer: Int) {
    engine.stopTimer(timer)
    pending[timer] = nil
    if settling == timer { settling = nil }
    engine.effects.forgetIfDone(self)
  }

  /// Cancels its effects that run or are to run, except one, once what is being done now is final.
  func cancelRunning(except number: Int? = nil) {
    let timers = pending.keys.sorted()
    if !timers.isEmpty {
      engine.system.afterTurn("cancelling \(label)", .soon) { [weak self] in
        for timer in timers { self?.drop(timer) }
      }
    }
    for task in running.values.sorted(by: { $0.number < $1.number }) where task.number != number {
      engine.cancel(task)
    }
  }

  /// Forgets what it has put off.
  func stopTimers() {
    for timer in pending.keys.sorted() { drop(timer) }
    if let closing { engine.stopTimer(closing) }
    closing = nil
    isClosed = false
  }
}
