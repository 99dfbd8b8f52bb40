import MoonLua
import MoonValue
import MoonstoreCore

/// One entry of a session while it runs: its calls are one transaction, as long as it does not wait.
///
/// Where it waits or commits, what it has done so far becomes final, as for an action; its result says so.
final class EntryRun {
  enum Mode {
    /// What it does becomes final.
    case live
    /// It is undone at its end, and may do nothing that could not be.
    case dry
    /// Whoever runs it may only look; what little it could do is undone.
    case looking
  }

  let mode: Mode
  let chunk: EntryReader.Chunk
  // The engine keeps the session for as long as it is open.
  let session: SessionState
  /// What has become final so far, or in a dry run would have.
  private(set) var changes: [StoreChange] = []

  /// While a stretch of it runs.
  private var observation: Subscription?

  init(_ mode: Mode, _ chunk: EntryReader.Chunk, _ session: SessionState) {
    self.mode = mode
    self.chunk = chunk
    self.session = session
  }

  /// A stretch of it begins.
  func enter(_ engine: HostEngine) {
    engine.entry = self
    engine.machine.setPiece(session.piece)
    switch mode {
    case .live:
      observation = engine.system.observe(CommittedChanges { [unowned self] in changes += $0 })
    case .dry: break
    case .looking:
      engine.system.onlooker = session.principal
      engine.system.getterDepth += 1
      engine.onlookerDepth = engine.system.getterDepth
    }
  }

  /// A stretch of it has ended.
  func leave(_ engine: HostEngine) {
    engine.entry = nil
    engine.machine.setPiece(0)
    observation?.cancel()
    observation = nil
    if mode == .looking {
      engine.system.onlooker = nil
      engine.system.getterDepth -= 1
    }
  }

  func noteDry(_ changes: [StoreChange]) { self.changes = changes }

  /// It waits, which commits.
  func noteWait(_ what: String) {
    if !changes.isEmpty { noteCommit("the entry waits (\(what))") }
  }

  /// What it has done so far is final, though it goes on.
  func noteCommit(_ reason: String) {
    guard finality == nil else { return }
    finality = "committed: \(reason); what it had done until then stays, whatever follows"
  }

  /// What people should know about what has become final before its end.
  private(set) var finality: String?
}

/// Hears of what becomes final.
private final class CommittedChanges: TurnObserver {
  private let body: ([StoreChange]) -> Void
  let details: TurnDetails = .changes

  init(_ body: @escaping ([StoreChange]) -> Void) { self.body = body }
  func didCommit(_ commit: CommitRecord, of turn: TurnRecord) {
    // Values that a setup function keeps to itself are not shown.
    body(commit.changes.filter { !$0.patches.isEmpty })
  }
}

extension HostEngine {
  enum EntryState {
    case done(ReplResult)
    case waiting(ParkedRun)
  }

  /// Refuses what would make a dry run final.
  func checkFinal(_ what: String) throws {
    guard entry?.mode == .dry else { return }
    throw StoreError(
      .cannotWait,
      "a dry run cannot \(what): the outside could act on what is to be undone; run it without :dry"
    )
  }

  /// Runs an entry up to its end or its first wait.
  ///
  /// - Throws: What it raises, after everything it did was undone.
  func begin(_ entry: EntryRun, _ view: ReplView) throws(StoreError) -> EntryState {
    entry.enter(self)
    defer {
      entry.leave(self)
      tidy()
      isolateOverrunners()
      restartEnded()
    }
    let mark = system.beginTurn(
      TurnOrigin(.entry, principal: "\(entry.session.principal)", name: entry.chunk.text)
    )
    let state: RunState
    do {
      state = try startDriver(entry.chunk.function.reference, arguments: [], isEntry: true)
    } catch {
      system.failTurn(mark, error)
      throw error
    }
    guard entry.mode == .live else { return .done(try undo(entry, state, mark, view)) }
    do {
      try limited(budgets.turn) { try system.endTurn(mark) }
    } catch {
      abandon(state)
      throw StoreError(wrapping: error)
    }
    switch state {
    case .waiting(let parked):
      parked.entry = entry
      entry.noteWait(parked.waitsFor)
      return .waiting(parked)
    case .done(let run):
      defer { run.release() }
      return .done(try result(of: run, entry, view))
    }
  }

  /// Ends an entry that leaves nothing; its results are shown as they are before that.
  private func undo(
    _ entry: EntryRun,
    _ state: RunState,
    _ mark: StoreSystem.TurnMark,
    _ view: ReplView
  ) throws(StoreError) -> ReplResult {
    defer { system.failTurn(mark, nil) }
    guard case .done(let run) = state else {
      abandon(state)
      throw StoreError(.cannotWait, "this cannot wait: it is to leave no trace")
    }
    defer { run.release() }
    var result = try result(of: run, entry, view)
    if entry.mode == .dry {
      // Messages that nobody has waited for are part of what would be done.
      do {
        try limited(budgets.turn) { try withoutDriving { try system.deliverMessages() } }
      } catch {
        throw StoreError(wrapping: error)
      }
      entry.noteDry(system.changesSoFar)
      result.changes = entry.changes.reduce(0) { $0 + $1.patches.count }
      if system.hasListenersDue {
        result.notes.append("watchers and subscribers would hear of it, and were not run")
      }
    }
    return result
  }

  private func abandon(_ state: RunState) {
    switch state {
    case .waiting(let parked): cancel(parked)
    case .done(let run): run.release()
    }
  }

  /// What an entry that has ended returned, as people and programs get it.
  func result(
    of run: LuaRun,
    _ entry: EntryRun,
    _ view: ReplView
  ) throws(StoreError) -> ReplResult {
    do {
      let values = try values(of: run)
      var result = ReplResult(.ok)
      result.notes = entry.chunk.notes + [entry.finality].compactMap(\.self)
      result.changes = entry.changes.reduce(0) { $0 + $1.patches.count }
      if entry.chunk.isExpression, !values.isEmpty {
        try entry.session.keep(values[0], of: entry.chunk.number)
      }
      if view.wantsData { result.values = try values.map(data(of:)) }
      result.text = try values.map { value in
        let printing = entry.session.printing
        var printer = ValuePrinter(
          self,
          entry.session,
          bounds: printing?.bounds,
          readsGetters: printing?.readsGetters ?? false
        )
        return try printer.printed(value).laidOut(view)
      }.joined(separator: "\n")
      return result
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  private func values(of run: LuaRun) throws -> [LuaValue] {
    guard run.resultCount > 0 else { return [] }
    let base = try run.takeResults(byReference: true)
    defer { machine.truncateTokens(to: base) }
    var token = try machine.token(at: base)
    var values: [LuaValue] = []
    for _ in 0..<run.resultCount { values.append(try machine.take(&token)) }
    return values
  }

  /// A value as plain data.
  func data(of value: LuaValue) throws -> Value {
    let base = machine.tokenCount
    defer { machine.truncateTokens(to: base) }
    switch value {
    case .table(let table):
      var token = try machine.data(of: table.reference)
      return try StateConversion(system: system).value(&token)
    case .function, .opaque:
      try machine.append(value)
      var token = try machine.token(at: base)
      guard token.kind == .object else {
        throw StoreError(.notData, "a function or a coroutine is no data, which --json prints")
      }
      return try StateConversion(system: system).value(&token)
    case .nil: return .null
    case .data(let data): return data
    }
  }
}
