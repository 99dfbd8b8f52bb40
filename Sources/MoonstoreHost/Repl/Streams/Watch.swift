import MoonDiagnostics
import MoonLua
import MoonValue
import MoonstoreCore

/// Shows the value of an expression whenever something changes that it shows, at most ten times a second.
///
/// Between two looks it follows nothing, so that a host that changes much pays for no more than these.
final class Watch: ReplStream {
  private unowned let engine: HostEngine
  private unowned let session: SessionState
  private let function: LuaFunction
  private let view: ReplView
  private var effect: Effect?
  private var last: String?
  private var lastTime: ContinuousClock.Instant?
  private var left: Int
  private(set) var isOver = false
  /// Calls `look` after a time.
  private let later: (Duration) -> Void

  private static let pause = Duration.milliseconds(100)

  init(
    _ engine: HostEngine,
    _ session: SessionState,
    _ function: LuaFunction,
    _ view: ReplView,
    limit: Int,
    later: @escaping (Duration) -> Void
  ) {
    self.engine = engine
    self.session = session
    self.function = function
    self.view = view
    self.later = later
    left = limit
  }

  /// Looks now, and again when something changes.
  func look() {
    guard !isOver else { return }
    effect = nil
    let isWatched = Effect(in: engine.system.graph, label: "a watch of '\(session.name)'") {
      [weak self] in self?.run()
    }
    effect = isOver ? nil : isWatched
  }

  private func run() {
    guard !isOver else { return }
    let now = ContinuousClock.now
    if let lastTime, now - lastTime < Self.pause {
      // It follows nothing until then.
      return later(Self.pause - (now - lastTime))
    }
    lastTime = now
    let text = engine.shown(function, session, view)
    guard text != last else { return }
    let before = last
    last = text
    engine.system.noteTold { [weak self] in self?.last = before }
    engine.system.whenFinal { [weak self] in self?.show(text) }
  }

  private func show(_ text: String) {
    guard !isOver else { return }
    session.options.onEvent(.watched(text))
    left -= 1
    if left <= 0 { end("as many as were asked for") }
  }

  func end(_ reason: String) {
    guard !isOver else { return }
    isOver = true
    effect = nil
    session.streams.removeAll { $0 === self }
    session.options.onEvent(.ended(reason))
  }
}

extension HostEngine {
  /// What an expression comes to, as text; it may only read.
  fileprivate func shown(
    _ function: LuaFunction,
    _ session: SessionState,
    _ view: ReplView
  ) -> String {
    do {
      return try looking(session.principal) {
        let values = try limited(budgets.getter) { try withoutDriving { try function.call() } }
        if values.isEmpty { return "nothing" }
        return try values.map { value in
          var printer = ValuePrinter(self, session)
          return try printer.printed(value).laidOut(view)
        }.joined(separator: "\n")
      }
    } catch {
      return line(of: StoreError(wrapping: error))
    }
  }

  private func line(of error: StoreError) -> String {
    PrintedText.line(error.diagnostics().map(\.description).joined(separator: "; "))
  }
}

extension StoreHost {
  /// `:watch`.
  func watch(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    let (text, numbers, _) = try call.options(["--for", "--limit"])
    if text.isEmpty { throw call.wrong("what is to be watched?") }
    guard case .complete(let chunk) = try session.read(text, isWhole: view.isWhole) else {
      return ReplResult(.incomplete)
    }
    guard chunk.isExpression else { throw call.wrong("only an expression can be watched") }
    let name = session.name
    session.streamCount += 1
    let number = session.streamCount
    let watch = Watch(
      engine,
      session,
      chunk.function,
      view,
      limit: numbers["--limit"].map { Int($0) } ?? .max
    ) { [weak self] time in
      Task {
        try? await Task.sleep(for: time)
        await self?.look(number, in: name)
      }
    }
    session.add(watch, number)
    end(number, in: name, after: numbers["--for"])
    watch.look()
    var result = ReplResult(.ok)
    result.isStreaming = !watch.isOver
    return result
  }

  private func look(_ number: Int, in name: String) {
    (engine.sessions[name]?.stream(number) as? Watch)?.look()
  }

  /// Ends a stream when its time is over.
  func end(_ number: Int, in name: String, after seconds: Double?) {
    guard let seconds else { return }
    Task { [weak self] in
      try? await Task.sleep(for: .seconds(seconds))
      await self?.endStream(number, in: name, "its time is over")
    }
  }

  func endStream(_ number: Int, in name: String, _ reason: String) {
    engine.sessions[name]?.stream(number)?.end(reason)
  }
}
