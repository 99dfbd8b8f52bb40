import MoonLua
import MoonValue
import MoonstoreCore

/// What a host knows of a session: its variables, its results, its last changes, and what it listens to.
///
/// It belongs to the isolation domain of its host.
final class SessionState {
  // The engine owns its sessions.
  unowned let engine: HostEngine
  let name: String
  let options: ReplOptions
  let principal: Principal
  let unit: ScriptUnit
  /// What its entry is called for whoever ends it; another one for each.
  var piece: UInt64 = 0
  /// How many entries there were.
  private(set) var count = 0
  private var isLocalKnown = false
  /// What the last entry has changed.
  var lastChanges: [StoreChange] = []
  /// What it takes to take that back.
  var undoPoint: UndoPoint?
  /// How the entry under way is printed, where it says so itself.
  var printing: (bounds: ReplPrinting, readsGetters: Bool)?
  /// Watches and traces that go on.
  var streams: [any ReplStream] = []
  private var numbers: [ObjectIdentifier: Int] = [:]
  var streamCount = 0
  private var isClosed = false

  /// How many results are kept as `_1`, `_2` and so on.
  static let keptResults = 20

  init(_ engine: HostEngine, name: String, options: ReplOptions) throws {
    self.engine = engine
    self.name = name
    self.options = options
    principal = Principal(.session, name)
    let environment = try engine.preludeFunction("session").call(
      .data(.string(name)),
      .table(try engine.vm.makeTable(engine.settings)),
      .table(
        try engine.vm.makeTable([
          "files": .bool(engine.configuration.grantsFiles),
          "http": .bool(engine.configuration.http != nil),
        ])
      )
    )
    guard case .table(let table) = environment.first else {
      throw StoreError(.closed, "the prelude made no environment")
    }
    if options.onlyLooks { _ = try engine.preludeFunction("narrow").call(.table(table)) }
    let rights = try PermissionSet(options.rights, of: "a session's rights")
    let access = engine.system.access
    let hold = access.hold(try access.narrow(0, to: rights, for: principal))
    unit = ScriptUnit(name: name, version: 1, environment: table, hold: hold)
    // So that an entry can be ended.
    try engine.machine.watch()
    engine.scripts[name] = unit
  }

  /// Compiles the text of the next entry.
  func read(_ text: String, isWhole: Bool) throws(StoreError) -> EntryReader.Outcome {
    let reader = EntryReader(
      vm: engine.vm,
      environment: unit.environment,
      number: count + 1,
      isLocalKnown: isLocalKnown
    )
    let outcome = try reader.read(text, isWhole: isWhole)
    if case .complete(let chunk) = outcome {
      count += 1
      if !chunk.notes.isEmpty { isLocalKnown = true }
    }
    return outcome
  }

  /// Keeps the result of an entry under `_` and its number.
  func keep(_ value: LuaValue, of entry: Int) throws(LuaError) {
    try unit.environment.set("_", to: value)
    try unit.environment.set(.string("_\(entry)"), to: value)
    let old = entry - SessionState.keptResults
    if old > 0 { try unit.environment.set(.string("_\(old)"), to: .nil) }
  }

  /// A line that the session's code has written.
  func hear(_ entry: HostConfiguration.LogEntry) {
    let text = entry.text
    options.onEvent(
      entry.level == "print" ? .printed(text) : .logged(level: entry.level, text: text)
    )
  }

  func add(_ stream: any ReplStream, _ number: Int) {
    streams.append(stream)
    numbers[ObjectIdentifier(stream)] = number
  }

  func stream(_ number: Int) -> (any ReplStream)? {
    streams.first { numbers[ObjectIdentifier($0)] == number }
  }

  func stopStreams(_ reason: String) {
    let streams = streams
    self.streams = []
    numbers = [:]
    for stream in streams { stream.end(reason) }
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    stopStreams("the session was closed")
  }
}

/// A watch or a trace: something that goes on after its entry.
protocol ReplStream: AnyObject {
  func end(_ reason: String)
}

extension HostEngine {
  /// A name that no script and no store has, and no session has or had.
  func freeSessionName(_ wanted: String) -> String {
    let base = wanted.isEmpty ? "session" : wanted
    var name = base
    while scripts[name] != nil || sessions[name] != nil || histories[name] != nil
      || system.registry.find(name) != nil || system.holder(of: name) != nil
      || leftSessions.contains(name) || (name == base && leftSessions.count >= 4_096)
    {
      sessionCount += 1
      name = "\(base)-\(sessionCount)"
    }
    // Code that an earlier one has left behind must not come to have the rights of this one. Numbers are never given
    // twice, so that beyond some thousand plain names each session gets one.
    if name == base { leftSessions.insert(name) }
    return name
  }

  /// Takes away what a session has registered, its tasks and its stores that nobody depends on.
  func end(_ session: SessionState) {
    session.close()
    let unit = session.unit
    do {
      try system.turn {
        for subscription in unit.owned.values { subscription.cancel() }
        for id in unit.stores.sorted() where system.registry.has(id) {
          if system.registry.dependents(of: id).isEmpty { try system.registry.unregister(id) }
        }
      }
    } catch {
      system.report(error)
    }
    endTasks(of: session.name)
    scripts[session.name] = nil
    system.access.revoke(session.principal)
    tidy()
  }
}
