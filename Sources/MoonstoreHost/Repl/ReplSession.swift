import Foundation
import MoonLua
import MoonValue
public import MoonstoreCore
import Synchronization

/// A session with a live host: Lua and commands in as text, results and events out as values; no terminal.
///
/// ```swift
/// let session = try await host.openSession()
/// let result = await session.submit("cart.itemCount + 1")
/// print(result.text)
/// await session.close()
/// ```
///
/// Each entry is one transaction: its calls deliver their messages before its next line runs, they become final
/// together when it ends, and an error undoes it. An entry that waits commits what it has done so far, as an action
/// does, and its result has a note that says so. Variables live on in the session, also those that are declared
/// `local` at the top of an entry.
public final class ReplSession: Sendable {
  /// The name that the host knows the session by.
  public let name: String
  /// The folder of the host's project, as an absolute path.
  public let project: String?
  /// How many stores there were when it was opened.
  public let storeCount: Int
  private let host: StoreHost
  private let interrupter: LuaInterrupter
  /// The entry under way, and its name for whoever ends it.
  private let running = Mutex<(piece: UInt64, task: Task<ReplResult, Never>)?>(nil)

  init(
    host: StoreHost,
    name: String,
    project: String?,
    storeCount: Int,
    _ interrupter: LuaInterrupter
  ) {
    self.host = host
    self.name = name
    self.project = project
    self.storeCount = storeCount
    self.interrupter = interrupter
  }

  /// Runs an entry, Lua or a command that begins with a colon, and waits for its end.
  ///
  /// One entry runs at a time; another one is refused meanwhile. When the task is cancelled, the entry is.
  public func submit(_ text: String, _ view: ReplView = ReplView()) async -> ReplResult {
    await submit(text, view) { false }
  }

  /// The same for an entry that may have been cancelled on its way here; whoever cancels notes that before they
  /// call `cancel`, so that the one or the other finds it.
  package func submit(
    _ text: String,
    _ view: ReplView,
    unless isCancelled: @Sendable () -> Bool
  ) async -> ReplResult {
    let piece = pieceCount.add(1, ordering: .relaxed).newValue
    let task: Task<ReplResult, Never>? = running.withLock { running in
      if running != nil { return nil }
      host.visitors.arrive()
      let task = Task { [host, name] in await host.submit(text, view, in: name, as: piece) }
      running = (piece, task)
      if isCancelled() { task.cancel() }
      return task
    }
    guard let task else {
      return ReplResult(
        failed: StoreError(
          .overloaded,
          "an entry of this session is still running; cancel it first"
        )
      )
    }
    defer { running.withLock { $0 = nil } }
    return await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      cancel()
    }
  }

  /// Cancels the entry that runs or waits; the session goes on.
  public func cancel() {
    running.withLock { running in
      running?.task.cancel()
      // Where Lua runs nobody looks whether the task was cancelled.
      if let running { interrupter.end(running.piece) }
    }
  }

  /// Ends watches and traces.
  public func stop() async {
    host.visitors.arrive()
    await host.stopStreams(of: name)
  }

  /// What could stand at the end of a text; runs no code of scripts.
  public func completions(for text: String) async -> ReplCompletions {
    host.visitors.arrive()
    return await host.completions(for: text, in: name)
  }

  /// Ends the session: what it runs is cancelled, and what it has registered goes.
  public func close() async {
    cancel()
    host.visitors.arrive()
    await host.closeSession(name)
  }
}

// Names entries apart, over all sessions of the process.
private let pieceCount = Atomic<UInt64>(0)

extension StoreHost {
  /// Opens a session, also while a script runs that does not wait.
  ///
  /// - Throws: `closed`, or `invalidDefinition` for rights that are none.
  public nonisolated func openSession(
    _ options: ReplOptions = ReplOptions()
  ) async throws(StoreError) -> ReplSession {
    visitors.arrive()
    return try await makeSession(options)
  }

  private func makeSession(_ options: ReplOptions) throws(StoreError) -> ReplSession {
    visitors.enter()
    try check()
    let name = engine.freeSessionName(options.name)
    do {
      engine.sessions[name] = try SessionState(engine, name: name, options: options)
    } catch {
      throw StoreError(wrapping: error)
    }
    return ReplSession(
      host: self,
      name: name,
      project: engine.projectRoot,
      storeCount: engine.system.registry.ids.count,
      engine.machine.interrupter
    )
  }

  /// The names of the sessions that are open.
  public var sessionNames: [String] { engine.sessions.keys.sorted() }

  func submit(
    _ text: String,
    _ view: ReplView,
    in name: String,
    as piece: UInt64
  ) async -> ReplResult {
    visitors.enter()
    guard let session = engine.sessions[name] else {
      return ReplResult(failed: StoreError(.closed, "the session '\(name)' was closed"))
    }
    let timestamp = engine.system.clock.now
    let begin = ContinuousClock.now
    var result: ReplResult
    session.piece = piece
    do throws(StoreError) {
      if Task.isCancelled { throw StoreError(.cancelled, "it was cancelled before it began") }
      result = try await run(text, view, session)
    } catch {
      result = ReplResult(failed: error)
      if Task.isCancelled { result.status = .cancelled }
    }
    result.entry = session.count
    result.seconds = (ContinuousClock.now - begin) / .seconds(1)
    if result.status != .incomplete {
      session.options.onEntry?(
        ReplRecord(
          session: name,
          timestamp: timestamp,
          code: text,
          status: result.status,
          error: result.error,
          seconds: result.seconds
        )
      )
    }
    return result
  }

  private func run(
    _ text: String,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    let line = text.trimmingWhitespace
    if line.isEmpty { return ReplResult(.ok) }
    if let command = try ReplCommand.Call(parsing: line) {
      return try await run(command, view, session)
    }
    return try await run(
      .live,
      line.hasPrefix("=") ? String(line.dropFirst()) : text,
      view,
      session
    )
  }

  /// Runs Lua as one transaction.
  func run(
    _ mode: EntryRun.Mode,
    _ text: String,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    let mode = session.options.onlyLooks ? .looking : mode
    let entry: EntryRun
    switch try session.read(text, isWhole: view.isWhole) {
    case .incomplete: return ReplResult(.incomplete)
    case .nothing: return ReplResult(.ok)
    case .complete(let chunk): entry = EntryRun(mode, chunk, session)
    }
    let result: ReplResult
    do throws(StoreError) {
      result = try await finish(entry, view)
    } catch  where entry.finality != nil {
      // An error undoes what came last, and the rest stays.
      noteChanges(of: entry)
      var failed = ReplResult(failed: error)
      if Task.isCancelled { failed.status = .cancelled }
      failed.notes = [entry.finality].compactMap(\.self)
      return failed
    }
    noteChanges(of: entry)
    return result
  }

  private func finish(
    _ entry: EntryRun,
    _ view: ReplView
  ) async throws(StoreError) -> ReplResult {
    let engine = engine
    switch try engine.begin(entry, view) {
    case .done(let done): return done
    case .waiting(let parked):
      entry.session.options.onEvent(.waiting(parked.waitsFor))
      return try await value(of: parked) { run throws(StoreError) in
        try engine.result(of: run, entry, view)
      }
    }
  }

  /// What `:diff` and `:undo` are about from now on.
  private func noteChanges(of entry: EntryRun) {
    guard entry.mode == .live else { return }
    entry.session.lastChanges = entry.changes
    entry.session.undoPoint = UndoPoint(entry.changes, in: engine.system)
  }

  func stopStreams(of name: String) {
    visitors.enter()
    engine.sessions[name]?.stopStreams("stopped")
  }

  func completions(for text: String, in name: String) -> ReplCompletions {
    visitors.enter()
    guard let session = engine.sessions[name] else { return ReplCompletions(replacing: 0, []) }
    return Completer(engine, session).completions(for: text)
  }

  func closeSession(_ name: String) {
    visitors.enter()
    guard let session = engine.sessions.removeValue(forKey: name) else { return }
    engine.end(session)
  }
}

extension String {
  var trimmingWhitespace: String {
    let start = drop { $0.isWhitespace }
    guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...end])
  }
}
