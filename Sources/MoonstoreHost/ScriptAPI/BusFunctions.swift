import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The library `bus`.
  func addBusFunctions(_ natives: Natives) throws {
    try natives.add("send", as: "bus.send") { [unowned self] arguments in
      let from = sender(try arguments.string("the script"))
      let type = try arguments.string("the message type")
      let payload = try arguments.slot(for: .message)
      let options = try arguments.value()
      var id: String?
      try change {
        let message = try system.bus.send(
          type,
          payload,
          from: from,
          to: options["to"]?.stringValue,
          priority: try priority(options)
        )
        id = message?.id
      }
      return arguments.answer(slot: id.map(StateSlot.string) ?? .empty)
    }
    try natives.add("request", as: "bus.request") { [unowned self] arguments in
      try ask(&arguments)
    }
    try natives.add("onMessage", as: "bus.subscribe") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let type = try arguments.string("the message type")
      let handler = try arguments.function("the handler")
      let owner = sender(script)
      let subscription = try system.bus.subscribe(type, owner: owner) { [unowned self] message in
        try handle(message, owner: owner, handler, self: nil)
      }
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
    try natives.add("onRequest", as: "bus.answer") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let type = try arguments.string("the message type")
      let responder = try arguments.function("the responder")
      let owner = sender(script)
      let subscription = try system.bus.answer(type, owner: owner) { [unowned self] message in
        try handle(message, owner: owner, responder, self: nil)
      }
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
    try natives.add("useMessages", as: "bus.use") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let middleware = try arguments.function("the middleware")
      let subscription = useMessageMiddleware(middleware, of: script)
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
    try natives.add("recentMessages", as: "bus.recentMessages") { [unowned self] arguments in
      let count = try arguments.optionalNumber("the count").map { Int($0) } ?? 20
      return arguments.answer(.array(system.bus.recentMessages(count).map(\.record)))
    }
  }

  /// What messages of a script are from: its store if it defines one, otherwise the script.
  func sender(_ script: String) -> String {
    guard let unit = scripts[script], unit.stores.count == 1 else { return script }
    return unit.stores[0]
  }

  private func priority(_ options: Value) throws -> Message.Priority {
    guard let name = options["priority"] else { return .normal }
    guard let priority = name.stringValue.flatMap(Message.Priority.init(rawValue:)) else {
      throw StoreError(
        .invalidArgument,
        "bus.send: the priority is 'high', 'normal' or 'low', not \(name)"
      )
    }
    return priority
  }

  // MARK: Requests

  private func ask(_ arguments: inout Arguments) throws -> LuaNativeResult {
    let from = sender(try arguments.string("the script"))
    let type = try arguments.string("the message type")
    let payload = try arguments.slot(for: .message)
    let options = try arguments.value()
    let request = try withoutDriving {
      try deliver(type, payload, from: from, to: options["to"]?.stringValue)
    }
    switch request.state {
    case .answered(let slot): return arguments.answer(slot: slot)
    case .failed(let error): throw error
    case .open, .waiting:
      guard machine.canSuspend else {
        throw StoreError(
          .cannotWait,
          "bus.request('\(type)'): the responder waits, and here is no waiting"
        )
      }
      limit(request, type: type, seconds: options["timeout"]?.doubleValue ?? 5)
      wait = .request(request)
      return .wait
    }
  }

  /// Sends a request and delivers what waits, up to its answer: a part of the turn under way, or a turn.
  private func deliver(
    _ type: String,
    _ payload: StateSlot,
    from: String,
    to: String?
  ) throws -> Request {
    let isTurn = !system.isInTurn
    let mark = system.beginTurn()
    let request: Request
    do {
      request = try system.bus.request(type, payload, from: from, to: to)
    } catch {
      if isTurn { system.failTurn(mark) } else { try system.endTurn(mark) }
      throw error
    }
    try system.endTurn(mark)
    return request
  }

  /// Ends a request that takes too long.
  private func limit(_ request: Request, type: String, seconds: Double) {
    let sleep = configuration.sleep
    parkedCount += 1
    let id = parkedCount
    timeouts[id] = { [unowned request, unowned self] in
      guard request.isOpen else { return }
      system.bus.fail(
        request,
        StoreError(.timeout, "the request '\(type)' was not answered in \(seconds) s")
      )
    }
    launch?(id) {
      try await sleep(seconds)
      return .null
    }
  }

  // MARK: Handlers

  /// Runs a handler or responder of a script inside the turn that delivers.
  func handle(
    _ message: Message,
    owner: String,
    _ function: LuaReference,
    self store: LiveStore?
  ) throws -> BusMember.Outcome {
    let state = try start(function, store: owner, member: "handling '\(message.type)'") {
      if let store { machine.append(handle(store)) }
      machine.append(LuaObject(kind: ObjectKind.message, grant: 0, instance: message))
    }
    switch state {
    case .done(let run): return .done(try takeAnswer(run, wanted: message.request != nil))
    case .waiting(let parked):
      parked.finish = { [unowned self] result in
        finishWaiting(message, owner: owner, result)
      }
      return .waiting
    }
  }

  private func finishWaiting(
    _ message: Message,
    owner: String,
    _ result: Result<LuaRun, StoreError>
  ) {
    guard let request = message.request else {
      // A handler that nobody waits for: its failure is reported.
      if case .failure(let error) = result { system.report(error) }
      return
    }
    let answer: Result<StateSlot, any Error>
    switch result {
    case .success(let run):
      do {
        answer = .success(try takeAnswer(run, wanted: true, releases: false))
      } catch {
        answer = .failure(error)
      }
    case .failure(let error): answer = .failure(error)
    }
    do {
      try system.turn { system.bus.finish(request, of: message, by: owner, answer) }
    } catch {
      system.report(error)
    }
  }

  /// What a responder has returned, for the one who asked.
  private func takeAnswer(
    _ run: LuaRun,
    wanted: Bool,
    releases: Bool = true
  ) throws -> StateSlot {
    defer { if releases { run.release() } }
    guard wanted, run.resultCount > 0 else { return .empty }
    let base = try run.takeResults(byReference: false)
    defer { machine.truncateTokens(to: base) }
    var token = try machine.token(at: base)
    return try StateConversion(system: system).slot(&token, for: .message)
  }

  // MARK: Middleware

  /// Lets a script's function see each message before it is queued: it returns the message, a table with
  /// another `type`, `to`, `priority` or `payload`, or `false` to drop it.
  func useMessageMiddleware(_ function: LuaReference, of script: String) -> Subscription {
    system.bus.use { [unowned self] message in
      let base = machine.tokenCount
      machine.append(LuaObject(kind: ObjectKind.message, grant: 0, instance: message))
      do {
        let at = try withoutDriving { try machine.callData(function, base: base) }
        defer { machine.truncateTokens(to: at) }
        guard machine.tokenCount > at else { return true }
        var token = try machine.token(at: at)
        switch token.kind {
        case .no: return false
        case .map:
          try change(message, StateConversion(system: system).slot(&token, for: .message))
          return true
        default: return true
        }
      } catch let error as LuaError {
        throw StoreError(lua: error, store: sender(script), member: "message middleware")
      }
    }
  }

  private func change(_ message: Message, _ slot: StateSlot) throws {
    guard let node = slot.node else { return }
    let changes = node.value
    if let type = changes["type"]?.stringValue { message.type = type }
    if let to = changes["to"]?.stringValue { message.to = to }
    if changes["priority"] != nil { message.priority = try priority(changes) }
    let position = node.position(of: "payload")
    if position >= 0 { message.content = node.slots[position] }
  }
}
