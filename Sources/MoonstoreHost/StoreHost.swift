public import MoonValue
public import MoonstoreCore
import MoonLua
import Synchronization

/// A host: one Lua machine, registry, bus and reactive graph behind one actor.
///
/// ```swift
/// let host = try await StoreHost(scripts: "Scripts/shop")
/// let cart = try await host.store("cart")
/// try await cart.call("addItem", "85123A", 6)
/// let total = try await cart.get("totalPrice", as: Double.self)
/// ```
public actor StoreHost {
  private let owner: EngineOwner
  /// Those who want to get in while a script runs that does not wait.
  nonisolated let visitors: Visitors
  var engine: HostEngine { owner.engine }
  private var isClosed = false
  private var waiters: [Int: Task<Void, Never>] = [:]
  /// The runs whose ends Swift callers wait for.
  private var awaited: [Int: ParkedRun] = [:]

  /// Makes a host, and loads a project.
  ///
  /// - Parameters:
  ///   - scripts: The folder of a project; none for a host without scripts.
  ///   - configuration: What the host grants, and where its time comes from.
  /// - Throws: `StoreError` that names the script and the line; nothing is left of the host then.
  public init(
    scripts: String? = nil,
    configuration: HostConfiguration = HostConfiguration()
  ) async throws(StoreError) {
    owner = EngineOwner(try HostEngine(configuration: configuration))
    visitors = owner.engine.visitors
    let engine = owner.engine
    engine.launch = { [weak self] id, operation in
      self?.assumeIsolated { $0.launch(id, operation) }
    }
    engine.stop = { [weak self] id in
      self?.assumeIsolated { $0.stop(id) }
    }
    if let scripts {
      do {
        try engine.load(Project(root: scripts))
      } catch {
        engine.close()
        throw error
      }
    }
  }

  /// Ends the host: what waits is cancelled, and its handles throw `closed` from now on.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    for waiter in waiters.values { waiter.cancel() }
    waiters = [:]
    let callers = awaited.values
    awaited = [:]
    engine.close()
    for caller in callers {
      caller.finish(.failure(StoreError(.closed, "this host was closed while the call waited")))
    }
  }

  /// Does something with the engine, which nobody may keep.
  func withEngine<R>(_ body: (HostEngine) throws(StoreError) -> R) throws(StoreError) -> R {
    try check()
    return try body(engine)
  }

  func check() throws(StoreError) {
    if isClosed { throw StoreError(.closed, "this host was closed") }
    engine.restartEnded()
  }

  // MARK: Waiting

  private func launch(_ id: Int, _ operation: @escaping @Sendable () async throws -> Value) {
    waiters[id] = Task { [weak self] in
      let result: Result<Value, any Error>
      do {
        result = .success(try await operation())
      } catch {
        result = .failure(error)
      }
      // Stopped, so that no script waits for it: a script that does not wait would keep it until it ends.
      if Task.isCancelled { return }
      await self?.finish(id, result)
    }
  }

  private func stop(_ id: Int) { waiters.removeValue(forKey: id)?.cancel() }

  private func finish(_ id: Int, _ result: Result<Value, any Error>) {
    waiters[id] = nil
    guard !isClosed else { return }
    engine.resume(id, result)
  }

  /// Waits for the end of a run; when the task is cancelled, the run is.
  func value<R: Sendable>(
    of parked: ParkedRun,
    _ take: @escaping (LuaRun) throws(StoreError) -> R
  ) async throws(StoreError) -> R {
    let id = parked.id
    awaited[id] = parked
    let ending = Ending<R>()
    // Before anything is awaited: what the run waits for may be quicker.
    parked.onEnd { result in
      self.awaited[id] = nil
      ending.end(
        with: result.flatMap { run in
          do throws(StoreError) {
            return .success(try take(run))
          } catch {
            return .failure(error)
          }
        }
      )
    }
    let result = await withTaskCancellationHandler {
      await ending.wait()
    } onCancel: {
      Task { await self.cancel(id) }
    }
    return try result.get()
  }

  private func cancel(_ id: Int) {
    guard let parked = awaited.removeValue(forKey: id) else { return }
    engine.cancel(parked)
    parked.finish(
      .failure(StoreError(.closed, "the call was cancelled", underlying: CancellationError()))
    )
  }

  // MARK: Stores

  /// A handle to a store.
  ///
  /// - Parameters:
  ///   - id: The store's id.
  ///   - principal: Who will hold it, with the rights that the store permits to others; nil for the program
  ///     itself, which may do everything.
  /// - Returns: The handle.
  /// - Throws: `StoreError` with the code `unknownStore`, and the name that was probably meant.
  public func store(
    _ id: String,
    as principal: Principal? = nil
  ) throws(StoreError) -> StoreHandle {
    try check()
    _ = try engine.system.store(id)
    return StoreHandle(host: self, id: id, principal: principal)
  }

  /// The store behind a handle, with the handle's rights.
  func resolve(_ handle: StoreHandle) throws(StoreError) -> Store {
    try check()
    let access = engine.system.access
    let live = try engine.system.registry.live(handle.id)
    guard let principal = handle.principal else { return live.face }
    var grant: UInt16 = handle.isOutside ? try access.number(for: principal) : 0
    for layer in handle.layers {
      let set = try PermissionSet(layer, of: handle.id)
      grant = try access.narrow(grant, to: set, for: principal)
    }
    return Store(live, grant: grant)
  }

  func withStore<R: Sendable>(
    _ handle: StoreHandle,
    _ body: @Sendable (Store) throws -> R
  ) throws(StoreError) -> R {
    let store = try resolve(handle)
    do {
      return try body(store)
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  /// The ids of all stores, in order of registration.
  public var storeIDs: [String] { engine.system.registry.ids }

  /// Adds a store that is written in Swift.
  @discardableResult
  public func define(_ definition: sending StoreDefinition) throws(StoreError) -> StoreHandle {
    try check()
    let id = definition.id
    let system = engine.system
    let scope = engine.beginBudget(engine.budgets.turn)
    defer { engine.endBudget(scope) }
    do {
      _ = try system.turn { try system.define(definition) }
    } catch {
      throw StoreError(wrapping: error)
    }
    return StoreHandle(host: self, id: id)
  }

  /// Adds several stores, each after those that it depends on: all of them or, when one cannot be made, none.
  @discardableResult
  public func define(
    _ definitions: sending [StoreDefinition]
  ) throws(StoreError) -> [StoreHandle] {
    try check()
    let ids = definitions.map(\.id)
    try engine.system.define(definitions)
    return ids.map { StoreHandle(host: self, id: $0) }
  }

  /// Puts stores together under names of their own.
  ///
  /// - Parameter stores: The ids of the stores, by name.
  /// - Returns: The group, with a handle for each.
  /// - Throws: `unknownStore`.
  public func compose(_ stores: [String: String]) throws(StoreError) -> StoreGroup {
    try check()
    var handles: [String: StoreHandle] = [:]
    for (name, id) in stores.sorted(by: { $0.key < $1.key }) { handles[name] = try store(id) }
    return StoreGroup(host: self, stores: handles)
  }

  /// Changes what a store is made of, while it lives: all of it or, when anything is wrong, nothing.
  ///
  /// See `Store.configure`.
  public func configure(
    _ id: String,
    _ configuration: sending StoreConfiguration
  ) throws(StoreError) {
    try check()
    try engine.system.store(id).configure(configuration)
  }

  /// The synchronous way in: one hop to the actor, then plain calls without `await`.
  ///
  /// An action that waits for the outside is an error here.
  public func withStores<R: Sendable>(
    _ body: @Sendable (StoreSystem) throws -> R
  ) throws(StoreError) -> R {
    try check()
    do {
      return try body(engine.system)
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  // MARK: Calls

  /// Calls an action, and waits for its end.
  @discardableResult
  public func call(
    _ store: String,
    _ action: String,
    _ arguments: [Value] = []
  ) async throws(StoreError) -> Value {
    try await call(StoreHandle(host: self, id: store), action, arguments)
  }

  func call(
    _ handle: StoreHandle,
    _ action: String,
    _ arguments: [Value]
  ) async throws(StoreError) -> Value {
    let store = try resolve(handle)
    let live = store.live
    guard let place = live.place(ofAction: action), live.number(ofAction: place) >= 0 else {
      // The plain way knows how to say that there is none.
      return try store.call(action, arguments)
    }
    try store.check(.call, .action(action))
    return try await call(live, place) { (machine) throws(StoreError) in
      for argument in arguments { machine.append(argument) }
    }
  }

  /// Calls an action by its place, and waits for its end; `arguments` appends what it takes.
  func call(
    _ live: LiveStore,
    _ place: Int,
    _ arguments: (LuaMachine) throws(StoreError) -> Void
  ) async throws(StoreError) -> Value {
    switch try engine.begin(live, place, arguments) {
    case .done(let value): return value
    case .waiting(let parked):
      let engine = engine
      return try await value(of: parked) { run throws(StoreError) in try engine.result(of: run) }
    }
  }

  /// Runs a script as a driver: each of its calls is a turn of its own.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - name: What errors call it; its path when none is given.
  ///   - arguments: What it gets as `...` and as `arg`.
  /// - Returns: What it returned first, as data and as the text for people.
  /// - Throws: `unreadable`, `syntax`, or what the script raises.
  public func run(
    script path: String,
    name: String? = nil,
    arguments: [Value] = []
  ) async throws(StoreError) -> ScriptResult {
    let name = name ?? path
    let text = try Project.read(path, as: name)
    return try await evaluate(text, name: name, arguments: arguments)
  }

  /// Runs the text of a script as a driver.
  public func evaluate(
    _ text: String,
    name: String = "script",
    arguments: [Value] = []
  ) async throws(StoreError) -> ScriptResult {
    try check()
    switch try engine.beginScript(text, name: name, arguments: arguments) {
    case .done(let run):
      defer {
        run.release()
        engine.tidy()
      }
      return try engine.scriptResult(of: run)
    case .waiting(let parked):
      let engine = engine
      return try await value(of: parked) { run throws(StoreError) in
        try engine.scriptResult(of: run)
      }
    }
  }

  /// What there is in this host and how it belongs together; no getter runs.
  ///
  /// - Throws: `closed`, or `unreadable` for a script of the project that cannot be read.
  public func describe() throws(StoreError) -> HostDescription {
    try check()
    return try engine.describe()
  }

  /// The script that the project's `moonstore.lua` names as `main`.
  public var mainScript: String? { engine.main }

  /// The scripts that are not run until they are reloaded, since they ran over their limits again and again.
  public var quarantinedScripts: [String] {
    engine.scripts.values.filter(\.isQuarantined).map(\.name).sorted()
  }

  /// Sets what scripts may use, from their next turn on.
  ///
  /// - Throws: `invalidArgument` for a limit that can be none; the limits are as before then. `closed`.
  public func setScriptLimits(_ limits: ScriptLimits) throws(StoreError) {
    try check()
    do {
      try engine.apply(limits)
    } catch {
      throw StoreError(lua: error)
    }
  }

  /// Whether a script was ended in a way after which it is better to begin with a new host: it ran out of memory,
  /// or the machine did not do afterwards what every script relies on.
  public var needsReplacement: Bool { engine.machine.isSuspect }

  /// Bytes that Lua holds.
  public var luaMemory: Int { engine.machine.memory }

  // MARK: Messages

  /// Sends a message.
  ///
  /// - Returns: Its id, or nil when middleware has dropped it.
  @discardableResult
  public func send(
    _ type: String,
    _ payload: Value = .null,
    to: String? = nil
  ) throws(StoreError) -> String? {
    try check()
    let scope = engine.beginBudget(engine.budgets.turn)
    defer { engine.endBudget(scope) }
    return try engine.system.send(type, payload, to: to)
  }

  /// Asks, and returns the answer.
  public func request(_ type: String, _ payload: Value = .null) throws(StoreError) -> Value {
    try check()
    let scope = engine.beginBudget(engine.budgets.turn)
    defer { engine.endBudget(scope) }
    return try engine.system.request(type, payload)
  }

  /// Answers requests of a type with Swift.
  public func answer(
    _ type: String,
    _ body: @escaping @Sendable (_ payload: Value) throws -> Value
  ) throws(StoreError) {
    try check()
    _ = try engine.system.answer(type) { try body($0.payload) }
  }

  /// The messages of a type (of all types with `*`) that are delivered from now on.
  public func messages(_ type: String) throws(StoreError) -> AsyncStream<MessageRecord> {
    try check()
    let (stream, continuation) = AsyncStream.makeStream(of: MessageRecord.self)
    let system = engine.system
    let subscription = try system.subscribe(type) { message in
      let record = message.record
      system.whenFinal { continuation.yield(record) }
    }
    end(subscription, with: continuation)
    return stream
  }

  func changes(of handle: StoreHandle, path: String?) throws(StoreError) -> AsyncStream<StatePatch>
  {
    let (stream, continuation) = AsyncStream.makeStream(of: StatePatch.self)
    let system = engine.system
    let subscription = try resolve(handle).subscribe(path: path) { change in
      system.whenFinal { for patch in change.patches { continuation.yield(patch) } }
    }
    end(subscription, with: continuation)
    return stream
  }

  func changes(of group: [String: String]) throws(StoreError) -> AsyncStream<StoreGroup.Change> {
    try check()
    let stores = try group.sorted { $0.key < $1.key }
      .map { (name, id) throws(StoreError) in (name, try engine.system.store(id)) }
    let (stream, continuation) = AsyncStream.makeStream(of: StoreGroup.Change.self)
    let system = engine.system
    var seen: Set<String> = []
    var parts: [Subscription] = []
    for (name, store) in stores where seen.insert(store.id).inserted {
      parts.append(
        try store.subscribe { change in
          system.whenFinal {
            for patch in change.patches {
              continuation.yield(StoreGroup.Change(name: name, patch: patch))
            }
          }
        }
      )
    }
    end(CustomSubscription { for part in parts { part.cancel() } }, with: continuation)
    return stream
  }

  private var subscriptions: [Int: Subscription] = [:]
  private var subscriptionCount = 0

  private func end<T>(_ subscription: Subscription, with continuation: AsyncStream<T>.Continuation)
  {
    subscriptionCount += 1
    let id = subscriptionCount
    subscriptions[id] = subscription
    continuation.onTermination = { [weak self] _ in
      guard let self else { return }
      Task { await self.endSubscription(id) }
    }
  }

  private func endSubscription(_ id: Int) {
    subscriptions.removeValue(forKey: id)?.cancel()
  }

  // MARK: Middleware

  /// Runs around every action; see `ActionMiddleware`.
  public func use(_ middleware: sending ActionMiddleware) throws(StoreError) {
    try check()
    _ = engine.system.use(middleware)
  }

  /// Adds to every store that is defined from now on; see `StorePlugin`.
  public func use(plugin: sending StorePlugin) throws(StoreError) {
    try check()
    _ = engine.system.use(plugin: plugin)
  }
}

/// How a run ended, for the one who waits or will wait for it.
private final class Ending<R: Sendable>: Sendable {
  private enum State {
    case open
    case awaited(CheckedContinuation<Result<R, StoreError>, Never>)
    case over(Result<R, StoreError>)
  }

  private let state = Mutex(State.open)

  func end(with result: Result<R, StoreError>) {
    let waiting: CheckedContinuation<Result<R, StoreError>, Never>? = state.withLock { state in
      defer { state = .over(result) }
      if case .awaited(let continuation) = state { return continuation }
      return nil
    }
    waiting?.resume(returning: result)
  }

  func wait() async -> Result<R, StoreError> {
    await withCheckedContinuation { continuation in
      let result: Result<R, StoreError>? = state.withLock { state in
        if case .over(let result) = state { return result }
        state = .awaited(continuation)
        return nil
      }
      if let result { continuation.resume(returning: result) }
    }
  }
}

/// Closes an engine when its host goes, while the engine itself is still whole.
private final class EngineOwner {
  let engine: HostEngine
  init(_ engine: HostEngine) { self.engine = engine }
  deinit { engine.close() }
}

/// What a script returned.
public struct ScriptResult: Sendable {
  /// The first result as data; null when there was none.
  public let value: Value
  /// The same for people: what `tostring` makes of a table with `__tostring`, a text as it is.
  public let text: String?
}
