import MoonLua
import MoonValue
import MoonstoreCore

/// How a run that was started stands.
enum RunState {
  case done(LuaRun)
  case waiting(ParkedRun)
}

extension HostEngine {
  // MARK: Starting

  /// Starts a coroutine and tells how it stands when it first stops.
  ///
  /// - Throws: `StoreError` when it fails; the coroutine is given back then.
  private func start(
    driver: Bool,
    store: String?,
    member: @autoclosure () -> String?,
    _ body: (LuaRun) throws -> LuaRun.State
  ) throws(StoreError) -> RunState {
    let driving = machine.isDriving
    defer { machine.isDriving = driving }
    do {
      let run = try LuaRun(machine: machine)
      machine.isDriving = driver
      // What a run makes belongs to its script, and what it reads is no source of the getter whose
      // evaluation has led to it.
      _ = try system.graph.outside { try body(run) }
      return try settle(run, isDriver: driver, store: store, member: member())
    } catch {
      throw StoreError(wrapping: error).located(store: store, member: member())
    }
  }

  /// Calls a function of a script inside the turn under way.
  ///
  /// `ownsTurn` says that the turn is the function's, so that it can commit.
  func start(
    _ function: LuaReference,
    store: String?,
    member: @autoclosure () -> String?,
    ownsTurn: Bool = false,
    arguments: () throws -> Void
  ) throws(StoreError) -> RunState {
    try start(driver: false, store: store, member: member()) { run in
      if ownsTurn { run.setOwnsTurn(true) }
      let base = machine.tokenCount
      try arguments()
      return try run.start(function, base: base)
    }
  }

  /// The error in which a run has ended.
  private func failure(of run: LuaRun, store: String?, member: String?) -> StoreError {
    let action = self.action(run.failedAction)
    var error = StoreError(lua: run.error())
      .located(store: action?.store.id ?? store, member: action?.name ?? member)
    // An error that a driver passes on was raised in another coroutine; that one knows more.
    if let last = lastFailure, last.message == error.message {
      error = last
    }
    return error
  }

  /// Parks a run that waits, and gives back the coroutine of one that has failed.
  ///
  /// - Throws: The error in which it has failed; its coroutine is given back then.
  private func settle(
    _ run: LuaRun,
    isDriver: Bool = false,
    store: String?,
    member: @autoclosure () -> String?
  ) throws(StoreError) -> RunState {
    switch run.state {
    case .done, .idle: return .done(run)
    case .waiting:
      let parked = ParkedRun(run, isDriver: isDriver, store: store, member: member())
      park(parked)
      return .waiting(parked)
    case .failed:
      let error = failure(of: run, store: store, member: member())
      run.release()
      throw error
    }
  }

  // MARK: Calls from Swift

  /// How a call that can wait stands.
  enum CallState {
    case done(Value)
    case waiting(ParkedRun)
  }

  /// What a call from Swift or a session begins, for turn observers.
  private func origin(
    of store: LiveStore,
    _ place: Int,
    _ arguments: (LuaMachine) throws(StoreError) -> Void
  ) -> TurnOrigin {
    var origin = TurnOrigin(.action, store: store.id, name: store.actions[place].name)
    guard system.wantsArguments else { return origin }
    let base = machine.tokenCount
    defer { machine.truncateTokens(to: base) }
    do {
      try arguments(machine)
      origin.arguments = values(from: base)
    } catch {
      // The call itself tells what is wrong with them.
    }
    return origin
  }

  /// The values that stand as tokens from a place on; what is no data is null.
  private func values(from base: Int) -> [Value] {
    guard machine.tokenCount > base, var token = try? machine.token(at: base) else { return [] }
    let conversion = StateConversion(system: system)
    var values: [Value] = []
    while token.position < machine.tokenCount {
      var next = token
      next.skip()
      values.append((try? conversion.value(&token)) ?? .null)
      token = next
    }
    return values
  }

  /// Calls an action as a turn, up to its end or its first wait; where its caller cannot wait, a wait is an error.
  ///
  /// `arguments` appends them as tokens.
  func begin(
    _ store: LiveStore,
    _ place: Int,
    canWait: Bool = true,
    _ arguments: (LuaMachine) throws(StoreError) -> Void
  ) throws(StoreError) -> CallState {
    if system.getterDepth > 0 {
      try system.forbidInGetter("call the action '\(store.id):\(store.actions[place].name)'")
    }
    let number = store.number(ofAction: place)
    let scope = beginBudget(budgets.turn, for: .action(number))
    defer { endBudget(scope) }
    let mark = system.beginTurn(origin(of: store, place, arguments))
    let state: CallState
    do throws(StoreError) {
      state = try run(
        store,
        place,
        number,
        isPart: !mark.isOutermost,
        canWait: canWait,
        arguments
      )
    } catch {
      system.failTurn(mark, error)
      noteEnd(of: store, store.actions[place].name, error)
      throw error
    }
    try system.endTurn(mark)
    if guarding != nil { noteEnd(of: store, store.actions[place].name, nil) }
    return state
  }

  /// Runs an action inside the turn under way.
  @inline(__always)
  private func run(
    _ store: LiveStore,
    _ place: Int,
    _ number: Int32,
    isPart: Bool,
    canWait: Bool,
    _ arguments: (LuaMachine) throws(StoreError) -> Void
  ) throws(StoreError) -> CallState {
    let driving = machine.isDriving
    if driving { machine.isDriving = false }
    defer { if driving { machine.isDriving = true } }
    let base = machine.tokenCount
    let end: LuaRunEnd
    do {
      try arguments(machine)
      // What a run makes belongs to its script, and what it reads is no source of the getter whose
      // evaluation has led to it.
      end = try system.graph.outside { () throws(LuaError) in
        try machine.run(
          action: number,
          base: base,
          refusing: canWait ? nil : .caller,
          isPart: isPart
        )
      }
    } catch let error as LuaError {
      throw StoreError(lua: error).located(store: store.id, member: store.actions[place].name)
    } catch {
      machine.truncateTokens(to: base)
      throw StoreError(wrapping: error)
    }
    switch end {
    case .nothing: return .done(.null)
    case .bool(let bool): return .done(.bool(bool))
    case .integer(let integer): return .done(.integer(integer))
    case .number(let number): return .done(.number(number))
    case .kept(let run):
      switch try settle(run, store: store.id, member: store.actions[place].name) {
      case .done(let run): return .done(try takeValue(run))
      case .waiting(let parked): return .waiting(parked)
      }
    }
  }

  /// Runs a handler or responder inside the turn that delivers.
  ///
  /// `arguments` appends them as tokens.
  func begin(
    handler function: LuaReference,
    of store: String,
    member: @autoclosure () -> String,
    givesResult: Bool,
    _ arguments: () -> Void
  ) throws(StoreError) -> HandlerState {
    let driving = machine.isDriving
    if driving { machine.isDriving = false }
    defer { if driving { machine.isDriving = true } }
    let base = machine.tokenCount
    arguments()
    let end: LuaRunEnd
    do throws(LuaError) {
      end = try system.graph.outside { () throws(LuaError) in
        try machine.run(function, base: base, givesResult: givesResult)
      }
    } catch {
      throw StoreError(lua: error).located(store: store, member: member())
    }
    switch end {
    case .nothing: return .ended(.empty)
    case .bool(let bool): return .ended(.bool(bool))
    case .integer(let integer): return .ended(.integer(integer))
    case .number(let number): return .ended(.number(number))
    case .kept(let run):
      switch try settle(run, store: store, member: member()) {
      case .done(let run): return .done(run)
      case .waiting(let parked): return .waiting(parked)
      }
    }
  }

  /// How a handler or responder stands when it first stops.
  enum HandlerState {
    /// It has ended, with nothing or a scalar.
    case ended(StateSlot)
    case done(LuaRun)
    case waiting(ParkedRun)
  }

  /// The first result of a run that has ended, as data; gives the coroutine back.
  func takeValue(_ run: LuaRun) throws(StoreError) -> Value {
    defer { run.release() }
    return try result(of: run)
  }

  // MARK: Calls of drivers

  /// Runs a driver: a script whose calls are turns of their own.
  ///
  /// An entry of a session is one turn, and its code has the time of one.
  func startDriver(
    _ function: LuaReference,
    arguments: [Value],
    of unit: ScriptUnit? = nil,
    isEntry: Bool = false
  ) throws(StoreError) -> RunState {
    lastFailure = nil
    let scope = beginBudget(isEntry ? budgets.turn : budgets.driver, anew: true)
    defer { endBudget(scope) }
    let outer = drivingScript
    drivingScript = unit?.name
    defer { drivingScript = outer }
    return try start(driver: true, store: nil, member: nil) { run in
      if isEntry { run.setOwnsTurn(true) }
      let base = machine.tokenCount
      for argument in arguments { machine.append(argument) }
      return try run.start(function, base: base)
    }
  }

  /// Whose code drives: that of a session's entry, or of a script that was started.
  private var driver: String? {
    if let entry { return "\(entry.session.principal)" }
    return drivingScript.map { "\(Principal(.script, $0))" }
  }

  /// What a driver begins, for turn observers.
  func driverOrigin(
    _ kind: TurnOrigin.Kind,
    store: String? = nil,
    _ name: String? = nil
  ) -> TurnOrigin {
    var origin = TurnOrigin(kind, principal: driver, store: store, name: name)
    guard kind == .action, system.wantsArguments else { return origin }
    let base = machine.tokenCount
    defer { machine.truncateTokens(to: base) }
    machine.appendDriverArguments()
    origin.arguments = values(from: base)
    return origin
  }

  /// A driver has called an action.
  func drive(_ number: Int32) -> LuaDriven {
    // A getter that the driver has read may have been.
    restartEnded()
    guard let (store, name) = action(number) else { return .refused(LuaError.closed(number)) }
    let isGroup = system.isInTurn
    let mark = system.beginTurn(driverOrigin(.action, store: store.id, name))
    machine.isDriving = false
    let scope = beginBudget(budgets.turn, anew: true, for: .action(number))
    defer {
      endBudget(scope)
      machine.isDriving = true
      if !isGroup {
        tidy()
        isolateOverrunners()
        restartEnded()
      }
    }
    do {
      let run = try LuaRun(machine: machine)
      if isGroup {
        // An entry of a session is a group only until it waits or commits.
        if entry == nil || !groups.isEmpty { run.setOwnsTurn(false) }
        if machine.waitRefusal == .group { run.refuseWaits(.group) }
      }
      switch try system.graph.outside({ try run.startDriven(action: number) }) {
      case .done, .idle:
        try system.endTurn(mark)
        if isGroup { try system.deliverMessages() }
        noteEnd(of: store, name, nil)
        if !isGroup, visitors.areWaiting, launch != nil, machine.canSuspend {
          makeRoom(after: run)
          return .waiting
        }
        return .done(run)
      case .failed:
        let failure = failure(of: run, store: store.id, member: name)
        lastFailure = failure
        // A killed coroutine has no error value to hand over.
        let isOverrun = failure.isOverrun
        if isOverrun { system.recover() }
        system.failTurn(mark, failure)
        noteEnd(of: store, name, failure)
        return isOverrun ? .refused(failure) : .failed(run)
      case .waiting:
        let parked = ParkedRun(run, isDriver: false, store: store.id, member: name)
        park(parked)
        try system.endTurn(mark)
        // The native that suspends the driver names what it waits for.
        wait = .action(parked)
        return .waiting
      }
    } catch let error as LuaError {
      return .refused(StoreError(lua: error))
    } catch {
      return .refused(error)
    }
  }

  // MARK: Waiting

  /// Arranges for what a suspended run waits for.
  private func park(_ parked: ParkedRun) {
    parkedCount += 1
    parked.id = parkedCount
    self.parked[parked.id] = parked
    if parked.unit == nil { parked.unit = unit(for: parked.store) }
    system.noteUndo { [unowned self] in endUndone(parked) }
    defer { system.noteWait(of: parked.id, for: parked.waitsFor) }
    let wait = wait
    self.wait = nil
    parked.leave = nil
    switch wait {
    case .operation(let name, let operation):
      parked.waitsFor = name
      if let launch {
        launch(parked.id, operation)
        parked.leave = { [unowned self, id = parked.id] in stop?(id) }
      } else {
        resume(parked.id, .failure(StoreError(.cannotWait, "this host cannot wait")))
      }
    case .request(let request):
      parked.waitsFor = "an answer"
      request.onEnd = { [unowned self, unowned request, id = parked.id] in
        // Not before now, since it would keep itself alive.
        let request = request
        system.ready.append { [unowned self] in answer(id, request) }
      }
      parked.leave = { [unowned self] in system.bus.abandon(request) }
    case .action(let action):
      parked.waitsFor = [action.store, action.member].compactMap(\.self).joined(separator: ":")
      let goOn = { [unowned self, id = parked.id] (action: ParkedRun) in
        action.onEnd { [unowned self, unowned action] in resumeDriver(id, from: $0, of: action) }
      }
      // However many calls of a driver end early: none goes on inside of the one before.
      if action.endedEarly { enterLater { goOn(action) } } else { goOn(action) }
      parked.leave = { [unowned self, action] in cancel(action) }
    case .inside(let awaited):
      parked.waitsFor = awaited.what
      parked.leave = { awaited.leave() }
      awaited.begin(parked)
    case nil:
      // Suspended by nobody: it could never go on.
      resume(parked.id, .failure(StoreError(.cannotWait, "the script waits for nothing that ends")))
    }
  }

  /// What a run waited for has ended: it goes on, as a new turn.
  func resume(_ id: Int, _ result: Result<Value, any Error>) {
    restartEnded()
    if let pause = pauses.removeValue(forKey: id) { return pause() }
    if let timeout = timeouts.removeValue(forKey: id) {
      let scope = beginBudget(budgets.turn)
      defer { endBudget(scope) }
      do {
        try system.turn(TurnOrigin(.timer)) { timeout() }
      } catch {
        system.report(error)
      }
      return
    }
    guard let parked = parked.removeValue(forKey: id) else { return }
    if let answer = parked.answer { return proceed(parked, with: answer) }
    proceed(parked) { run in
      switch result {
      case .success(let value):
        let base = machine.tokenCount
        machine.append(value)
        return try run.resume(base: base)
      case .failure(let error): return try run.resume(raising: error)
      }
    }
  }

  /// Something inside the host has ended for which a run waited: it goes on when that is final.
  func resume(_ id: Int, after what: String, _ answer: @escaping Awaited.Answer) {
    guard let parked = parked[id] else { return }
    guard !parked.isDriver else {
      // The calls of a driver are turns of their own, so it goes on outside of the one under way.
      parked.answer = answer
      launch?(id) { .null }
      return
    }
    system.afterTurn("going on after \(what)", .soon, isFinal: true) { [unowned self] in
      guard let parked = self.parked.removeValue(forKey: id) else { return }
      proceed(parked, with: answer)
    }
  }

  private func proceed(_ parked: ParkedRun, with answer: Awaited.Answer) {
    parked.answer = nil
    proceed(parked) { run in
      let base = machine.tokenCount
      do {
        try answer(machine)
      } catch {
        machine.truncateTokens(to: base)
        return try run.resume(raising: error)
      }
      return try run.resume(base: base)
    }
  }

  private func answer(_ id: Int, _ request: Request) {
    guard let parked = parked.removeValue(forKey: id) else { return }
    proceed(parked) { run in
      switch request.state {
      case .answered(let slot):
        let base = machine.tokenCount
        machine.append(slot)
        return try run.resume(base: base)
      case .failed(let error): return try run.resume(raising: error)
      case .open, .waiting:
        return try run.resume(raising: StoreError(.timeout, "the request was not answered"))
      }
    }
  }

  private func resumeDriver(
    _ id: Int,
    from result: Result<LuaRun, StoreError>,
    of action: ParkedRun
  ) {
    guard !system.isInTurn else {
      // The driver's next call is a turn of its own, so the driver goes on outside of the one under way.
      guard parked[id] != nil else { return }
      action.isHandedOver = true
      return enterLater { [unowned self] in
        resumeDriver(id, from: result, of: action)
        action.run.release()
      }
    }
    guard let parked = parked.removeValue(forKey: id) else { return }
    proceed(parked) { run in
      switch result {
      case .success(let other): return try run.resume(from: other)
      case .failure(let error):
        lastFailure = error
        return try run.resume(raising: error)
      }
    }
  }

  private func proceed(_ parked: ParkedRun, _ body: (LuaRun) throws -> LuaRun.State) {
    let outer = runningTask
    runningTask = parked.task
    defer { runningTask = outer }
    let driving = machine.isDriving
    machine.isDriving = parked.isDriver
    let outerDriver = drivingScript
    drivingScript = parked.isDriver ? parked.unit?.name : nil
    defer { drivingScript = outerDriver }
    let scope = beginBudget(
      parked.isDriver && parked.entry == nil ? budgets.driver : budgets.turn,
      anew: driving || parked.isDriver,
      for: parked.unit.map { .script($0) } ?? .other
    )
    defer {
      endBudget(scope)
      machine.isDriving = driving
      tidy()
    }
    parked.entry?.enter(self)
    defer { parked.entry?.leave(self) }
    parked.run.setOwnsTurn(
      parked.entry != nil || (system.isStackQuiet && groups.isEmpty && entry == nil)
    )
    let mark =
      parked.isDriver && parked.entry == nil
      ? nil
      : system.beginTurn(
        TurnOrigin(.answer, store: parked.store, name: parked.member, run: parked.id)
      )
    let isDone: Bool
    do {
      isDone = try go(on: parked, body)
    } catch {
      if let mark { system.failTurn(mark, error) }
      return parked.finish(.failure(error))
    }
    do {
      if let mark { try system.endTurn(mark) }
    } catch {
      if isDone { parked.finish(.failure(error)) } else { system.report(error) }
      return
    }
    // Whoever waits goes on after the turn: for a driver its next call is a turn of its own.
    if !isDone { parked.entry?.noteWait(parked.waitsFor) }
    if isDone { parked.finish(.success(parked.run)) }
  }

  /// Lets a run go on; tells whether it has ended.
  private func go(
    on parked: ParkedRun,
    _ body: (LuaRun) throws -> LuaRun.State
  ) throws(StoreError) -> Bool {
    do {
      switch try system.graph.outside({ try body(parked.run) }) {
      case .waiting:
        park(parked)
        return false
      case .failed:
        let error = failure(of: parked.run, store: parked.store, member: parked.member)
        parked.run.release()
        throw error
      case .done, .idle: return true
      }
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  /// The part of a turn was undone in which a run began to wait: it ends where it is, since the rest of it would
  /// follow from what has never been.
  private func endUndone(_ parked: ParkedRun) {
    guard self.parked.removeValue(forKey: parked.id) != nil else { return }
    // Undoing runs no code of scripts.
    system.afterTurn("ending what waits in an undone turn", .soon, isFinal: true) {
      [unowned self] in
      release(parked)
      if parked.isDelivery { return }
      parked.finish(
        .failure(
          StoreError(
            .cancelled,
            "this call was ended where it waits, since the turn that it is a part of was undone",
            store: parked.store,
            member: parked.member
          )
        )
      )
    }
  }

  /// Ends a run that waits; its `<close>` variables run.
  func cancel(_ parked: ParkedRun) {
    guard self.parked.removeValue(forKey: parked.id) != nil else { return }
    release(parked)
  }

  private func release(_ parked: ParkedRun) {
    parked.leave?()
    parked.leave = nil
    let mark = system.beginTurn(
      TurnOrigin(.cancellation, store: parked.store, name: parked.member, run: parked.id)
    )
    parked.run.release()
    do {
      try system.endTurn(mark)
    } catch {
      system.report(error)
    }
  }
}

extension HostEngine: ScriptEngine {
  func surroundingsChanged(of store: LiveStore?) {
    if let store { refreshHooks(of: store) } else { refreshHooks() }
  }

  func permissionsChanged(of store: LiveStore) { refreshHooks(of: store) }

  func holds(condition number: Int, _ request: Permission.Request) throws -> Bool {
    guard let condition = conditions[number] else { return false }
    return try holds(condition, request)
  }

  func holder(of name: String) -> String? {
    guard scripts[name] != nil else { return nil }
    return sessions[name] == nil ? "the name of a script" : "the name of a session"
  }

  /// Calls an action without waiting: the synchronous way in.
  func call(
    _ store: LiveStore,
    _ place: Int,
    _ arguments: (any ArgumentList) throws(StoreError) -> Void
  ) throws(StoreError) -> Value {
    switch try begin(store, place, canWait: false, arguments) {
    case .done(let value): return value
    case .waiting(let parked):
      // Nothing suspends a run that may not wait.
      cancel(parked)
      throw StoreError(.caller, of: "\(store.id):\(store.actions[place].name)")
    }
  }
}

/// The arguments of a call are tokens at once.
extension LuaMachine: ArgumentList {}

extension LuaError {
  static func closed(_ action: Int32) -> LuaError {
    LuaError(
      code: .closed,
      message: "the action \(action) is gone: its store was disposed, or reloaded without it"
    )
  }
}

extension HostEngine {
  // MARK: Scripts

  /// Starts the text of a script as a driver.
  func beginScript(
    _ text: String,
    name: String,
    arguments: [Value]
  ) throws(StoreError) -> RunState {
    do {
      let unit = try makeUnit(name)
      adopt(unit)
      unit.text = text
      let list = try vm.makeTable(.array(arguments))
      try unit.environment.set("arg", to: .table(list))
      let function = try vm.load(text, name: name, environment: unit.environment)
      return try startDriver(function.reference, arguments: arguments, of: unit)
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  /// What a driver returned first, as data and as text.
  func scriptResult(of run: LuaRun) throws(StoreError) -> ScriptResult {
    guard run.resultCount > 0 else { return ScriptResult(value: .null, text: nil) }
    do {
      let base = try run.takeResults(byReference: true)
      defer { machine.truncateTokens(to: base) }
      var token = try machine.token(at: base)
      guard token.kind == .reference else {
        let value = try StateConversion(system: system).value(&token)
        return ScriptResult(value: value, text: value.stringValue)
      }
      let reference = LuaReference(adopting: token, machine: machine)
      guard reference.isTable else { throw StoreError(.notData, "the script returned a function") }
      let text = try machine.customText(of: reference)
      let inner = machine.tokenCount
      defer { machine.truncateTokens(to: inner) }
      var data = try machine.data(of: reference)
      return ScriptResult(
        value: try StateConversion(system: system).value(&data),
        text: text
      )
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  /// What an action that has waited returned, as data.
  func result(of run: LuaRun) throws(StoreError) -> Value {
    guard run.resultCount > 0 else { return .null }
    do {
      let base = try run.takeResults(byReference: false)
      defer { machine.truncateTokens(to: base) }
      var token = try machine.token(at: base)
      return try StateConversion(system: system).value(&token)
    } catch {
      throw StoreError(wrapping: error)
    }
  }
}
