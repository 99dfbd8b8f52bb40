import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The library `bus`.
  func addBusFunctions(_ natives: Natives) throws {
    natives.add("send", as: .busSend, hidden: 1) { [unowned self] arguments in
      let script = try arguments.script()
      let type = try arguments.string()
      let payload = try arguments.slot(for: .message)
      let options = try MessageOptions(&arguments, type: type)
      let from = try sender(script, options)
      var message: Message?
      try change {
        message = try system.bus.send(
          type,
          payload,
          from: from,
          to: options.to,
          priority: options.priority
        )
      }
      arguments.call.dropArguments()
      if let message {
        machine.append("msg-", numbered: message.sequence)
      } else {
        machine.appendNil()
      }
      return .results(1)
    }
    natives.add("request", as: .busRequest, hidden: 1) { [unowned self] arguments in
      try ask(&arguments)
    }
    natives.add("onMessage", as: .busSubscribe, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let type = try arguments.string()
      let handler = try arguments.function()
      try system.forbidInGetter("listen to '\(type)'", isRegistration: true)
      let owner = address(of: script)
      let subscription = try system.bus.subscribe(
        type,
        owner: owner,
        place: { LuaFunction(handler).place }
      ) { [unowned self] message in
        try handle(message, owner: owner.name, handler, self: nil, answers: false)
      }
      let name = ScriptRegistrations.Name(.bus, script, type, handler)
      return arguments.answer(.integer(Int64(keep(subscription, for: script, as: name))))
    }
    natives.add("offMessage", as: .busUnsubscribe, hidden: 1) { [unowned self] arguments in
      try endNamed(.bus, &arguments)
    }
    natives.add("onRequest", as: .busAnswer, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let type = try arguments.string()
      let responder = try arguments.function()
      try system.forbidInGetter("answer '\(type)'", isRegistration: true)
      let owner = address(of: script)
      let subscription = try system.bus.answer(
        type,
        owner: owner,
        place: { LuaFunction(responder).place }
      ) { [unowned self] message in
        try handle(message, owner: owner.name, responder, self: nil, answers: true)
      }
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
    natives.add("useMessages", as: .busUse, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let middleware = try arguments.function()
      try system.forbidInGetter("put middleware on the bus", isRegistration: true)
      try checkMessageMiddleware(of: script)
      let subscription = useMessageMiddleware(middleware, of: script)
      return arguments.answer(.integer(Int64(keep(subscription, for: script))))
    }
    natives.add("respond", as: .busRespond, hidden: 1) { [unowned self] arguments in
      try respond(&arguments)
    }
    try addHistoryFunctions(natives)
  }

  private func addHistoryFunctions(_ natives: Natives) throws {
    let bus = system.bus
    natives.add("recentMessages", as: .busRecentMessages, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let count = try arguments.count() ?? 20
      return arguments.answer(.array(bus.recentMessages(count).map { record(of: $0, for: script) }))
    }
    natives.add("unhandledMessages", as: .busUnhandledMessages, hidden: 1) {
      [unowned self] arguments in
      let script = try arguments.string()
      return arguments.answer(.array(bus.unhandledMessages.map { record(of: $0, for: script) }))
    }
    natives.add("messageCount", as: .busMessageCount) { arguments in
      arguments.answer(.integer(Int64(bus.messageCount)))
    }
    natives.add("statistics", as: .busStatistics) { arguments in
      arguments.answer([
        "sent": .integer(Int64(bus.sentCount)), "retained": .integer(Int64(bus.messageCount)),
        "dropped": .integer(Int64(bus.droppedCount)),
        "unhandled": .integer(Int64(bus.unhandledCount)),
      ])
    }
    natives.add("cleanup", as: .busCleanup) { arguments in
      let age = try arguments.optionalNumber() ?? 60
      return arguments.answer(.integer(Int64(try bus.cleanUp(olderThan: age))))
    }
  }

  /// Where messages reach a script; asked for the name when they are delivered, since a script can register
  /// before it defines its store.
  func address(of script: String) -> BusAddress {
    unit(named: script)?.address ?? BusAddress(script)
  }

  /// What messages of a script are from: its store if it defines one, otherwise the script.
  func sender(_ script: String) -> String { unit(named: script)?.address.name ?? script }

  /// Ends the first registration of a script for a type and a function; answers whether there was one.
  func endNamed(
    _ library: ScriptRegistrations.Name.Library,
    _ arguments: inout Arguments
  ) throws -> LuaNativeResult {
    let script = try arguments.string()
    let type = try arguments.string()
    let function = try arguments.function()
    let name = ScriptRegistrations.Name(library, script, type, function)
    return arguments.answer(.bool(registrations.end(name)))
  }

  /// Who sends, if the options name no other; and whether they may send to the store that they name.
  private func sender(_ script: String, _ options: MessageOptions) throws -> String {
    let from = sender(script)
    if let named = options.from, named != from {
      throw StoreError(
        .permissionDenied,
        "\(options.function): the host says who sends: '\(from)', not '\(named)'"
      )
    }
    if let to = options.to { try checkSending(options.type, to: to, by: script) }
    return from
  }

  /// Throws unless a script may send messages of a type to a store; other names need no right.
  private func checkSending(_ type: String, to name: String, by script: String) throws {
    guard let store = system.registry.find(name) else { return }
    try system.access.check(grant(of: script, on: name), Access(.call, store, .action(type)))
  }

  /// Throws unless a script may put middleware on the bus: it sees and changes what others send.
  ///
  /// Scripts in `middleware/` are there for that; others are named in `moonstore.lua` or by the host. What a person
  /// or the program starts, a driver or a session with all rights, acts for them.
  private func checkMessageMiddleware(of script: String) throws {
    let kind = Project.Kind(path: script)
    if kind == .middleware || messageMiddleware.contains(script) { return }
    if let session = sessions[script] {
      if session.options.allowsAll { return }
    } else if kind == nil, scripts[script] != nil {
      return
    }
    throw StoreError(
      .permissionDenied,
      "permission denied: the script '\(script)' may not put middleware on the bus, where it would see what others "
        + "send: move it to middleware/, or name it in moonstore.lua: messageMiddleware = { \"\(script)\" }",
      script: script
    )
  }

  /// A message as data for a script: the payload of one that is addressed to a store is for those who may send it
  /// there, and for its sender.
  private func record(of message: Message, for script: String) -> Value {
    var record = message.record
    if !sees(message, script), !message.from.hasSameBytes(as: sender(script)) {
      record.payload = .null
    }
    return Value(encoding: record)
  }

  /// Whether middleware of a script is shown a message: one with a receiver only if the script itself
  /// may send it there.
  private func sees(_ message: Message, _ script: String) -> Bool {
    guard let to = message.to else { return true }
    guard let store = system.registry.find(to) else { return to.hasSameBytes(as: sender(script)) }
    let access = Access(.call, store, .action(message.type))
    return system.access.allows(grant(of: script, on: to), access)
  }

  // MARK: Requests

  private func ask(_ arguments: inout Arguments) throws -> LuaNativeResult {
    let script = try arguments.script()
    let type = try arguments.string()
    let payload = try arguments.slot(for: .message)
    let options = try MessageOptions(&arguments, type: type)
    let from = try sender(script, options)
    let timeout = options.timeout
    let request = try withoutDriving { try deliver(type, payload, from: from, to: options.to) }
    switch request.state {
    case .answered(let slot): return arguments.answer(slot: slot)
    case .failed(let error): throw error
    case .open, .waiting:
      if let refusal = machine.waitRefusal {
        system.bus.abandon(request)
        throw StoreError(
          refusal,
          of: "bus.request('\(type)'), whose responder waits",
          in: system.role
        )
      }
      limit(request, type: type, seconds: timeout)
      wait = .request(request)
      return .wait
    }
  }

  private func respond(_ arguments: inout Arguments) throws -> LuaNativeResult {
    let script = try arguments.string()
    guard let object = arguments.object(ObjectKind.message) else {
      throw arguments.mustBe("a message")
    }
    let message = object.instance(as: Message.self)
    let answer = try arguments.slot(for: .message)
    let failure = try arguments.value()
    var result: Result<StateSlot, any Error> = .success(answer)
    if !failure.isNull {
      let text = failure.stringValue ?? failure["message"]?.stringValue ?? "\(failure)"
      let value = failure.mapValue == nil ? nil : failure
      result = .failure(StoreError(.script, text, store: sender(script), value: value))
    }
    try system.forbidInGetter("answer '\(message.type)'")
    var isFirst = false
    try change { isFirst = try system.bus.respond(to: message, by: sender(script), result) }
    return arguments.answer(.bool(isFirst))
  }

  /// Sends a request and delivers what waits, up to its answer: a part of the turn under way, or a turn.
  private func deliver(
    _ type: String,
    _ payload: StateSlot,
    from: String,
    to: String?
  ) throws -> Request {
    let isTurn = !system.isInTurn
    let mark = system.beginTurn(
      TurnOrigin(.request, principal: from, name: type, arguments: [payload.value])
    )
    let request: Request
    do {
      request = try system.bus.request(type, payload, from: from, to: to)
    } catch {
      if isTurn {
        system.failTurn(mark, StoreError(wrapping: error))
      } else {
        try system.endTurn(mark)
      }
      throw error
    }
    try system.endTurn(mark)
    return request
  }

  /// Ends a request that takes too long; its timer goes with it.
  private func limit(_ request: Request, type: String, seconds: Double) {
    let timer = startTimer(seconds) { [weak request, unowned self] in
      // Whoever asked has its answer, or has gone.
      guard let request, request.isOpen else { return }
      system.bus.fail(
        request,
        StoreError(.timeout, "the request '\(type)' was not answered in \(seconds) s")
      )
    }
    request.onDone = { [unowned self] in stopTimer(timer) }
  }

  // MARK: Handlers

  /// Runs a handler or responder of a script inside the turn that delivers.
  func handle(
    _ message: Message,
    owner: String,
    _ function: LuaReference,
    self store: LiveStore?,
    answers: Bool
  ) throws -> MessageHandler.Outcome {
    if isQuarantined(owner) {
      guard answers else { return .done(.empty) }
      throw StoreError(
        .quarantined,
        "\(owner) is not run until it is reloaded: it cannot answer '\(message.type)'"
      )
    }
    let state = try begin(
      handler: function,
      of: owner,
      member: "handling '\(message.type)'",
      givesResult: answers
    ) {
      if let store { appendHandle(of: store) }
      machine.append(LuaObject(kind: ObjectKind.message, grant: 0, instance: message))
    }
    switch state {
    case .ended(let answer): return .done(answer)
    case .done(let run): return .done(try takeAnswer(run, wanted: answers))
    case .waiting(let parked):
      parked.isDelivery = true
      parked.onEnd { [unowned self] result in
        if answers, let request = message.request {
          finishWaiting(request, of: message, owner: owner, result)
        } else {
          let failure: StoreError? = if case .failure(let error) = result { error } else { nil }
          system.bus.finishHandling(message, failure)
        }
      }
      return .waiting
    }
  }

  private func finishWaiting(
    _ request: Request,
    of message: Message,
    owner: String,
    _ result: Result<LuaRun, StoreError>
  ) {
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
    let origin = ScriptLayer(LuaFunction(function), of: script)
    let layer = MessageMiddleware(owner: script, origin: origin) { [unowned self] message in
      guard sees(message, script) else { return true }
      let base = machine.tokenCount
      machine.append(LuaObject(kind: ObjectKind.message, grant: 0, instance: message))
      do {
        let at = try withoutDriving(as: "message middleware") {
          try machine.callForVerdict(function, base: base)
        }
        guard machine.tokenCount > at else { return true }
        defer { machine.truncateTokens(to: at) }
        var token = try machine.token(at: at)
        switch token.kind {
        case .no: return false
        case .map:
          try change(
            message,
            StateConversion(system: system).slot(&token, for: .message),
            by: script
          )
          return true
        default: return true
        }
      } catch {
        throw StoreError(wrapping: error).located(
          store: sender(script),
          member: "message middleware"
        )
      }
    }
    return system.bus.use(layer)
  }

  private func change(_ message: Message, _ slot: StateSlot, by script: String) throws {
    guard let node = slot.node else { return }
    let changes = node.value
    if let to = changes["to"]?.stringValue ?? message.to {
      try checkSending(changes["type"]?.stringValue ?? message.type, to: to, by: script)
    }
    if let type = changes["type"]?.stringValue { message.type = type }
    if let to = changes["to"]?.stringValue { message.to = to }
    if let name = changes["priority"] {
      guard let priority = name.stringValue.flatMap(Message.Priority.init(rawValue:)) else {
        throw StoreError(
          .invalidArgument,
          "message middleware: the priority is 'high', 'normal' or 'low', not \(name)"
        )
      }
      message.priority = priority
    }
    let position = node.position(of: "payload")
    if position >= 0 { message.content = node.slots[position] }
  }
}
