import MoonValue

extension MessageBus {
  /// Asks, delivers what waits up to the answer, and tells how it ended; `.waiting` when the responder
  /// waits for the outside.
  package func request(
    _ type: String,
    _ content: StateSlot,
    from: String,
    to: String? = nil
  ) throws -> Request {
    guard responder(for: type, to: to) != nil || isHandled(type, to: to) else {
      let known = responders.keys
      throw StoreError(
        .noResponder,
        "nobody answers '\(type)'\(Suggestion.text(for: type, among: known))"
      )
    }
    let request = Request(type: type)
    let posted = try post(
      type,
      content,
      from: from,
      to: to,
      priority: .normal,
      request: request
    )
    guard let message = posted else {
      throw StoreError(.noResponder, "middleware has dropped the request '\(type)'")
    }
    // Delivering to the answer takes stack, which has to end before the stack does.
    nestedRequests += 1
    defer { nestedRequests -= 1 }
    let limit = system.limits.nestedRequests
    guard nestedRequests <= limit else {
      throw system.fail(
        system.loops.error(
          "requests ask each other",
          limit,
          message.causes,
          setting: "nestedRequests"
        )
      )
    }
    while request.isOpen || request.hasResponseWaiting {
      if case .waiting = request.state { break }
      guard try deliverNext() else { break }
    }
    return request
  }

  private func isHandled(_ type: String, to: String?) -> Bool {
    find(in: handlers[type], for: type, to: to) != nil
  }

  func responder(for type: String, to: String?) -> MessageHandler? {
    find(in: responders[type], for: type, to: to)
  }

  /// Ends a request: the response goes out as a message of its own.
  package func finish(
    _ request: Request,
    of message: Message,
    by responder: String,
    _ result: Result<StateSlot, any Error>
  ) {
    guard request.isOpen else { return }
    let content: StateSlot
    switch result {
    case .success(let slot):
      request.state = .answered(slot)
      content = slot
    case .failure(let error):
      request.state = .failed(error)
      content = .null
    }
    system.usesBus = true
    let response = Message(
      sequence: nextSequence(),
      type: request.responseType,
      from: responder,
      to: nil,
      priority: message.priority,
      timestamp: system.clock.now,
      content: content,
      cause: message,
      request: nil
    )
    // A response needs no handler: its asker has it.
    response.isHandled = true
    response.answers = request
    request.hasResponseWaiting = true
    queue.append(response)
    system.tree.note(response)
    end(request)
  }

  /// Ends a request without an answer.
  package func fail(_ request: Request, _ error: StoreError) {
    guard request.isOpen else { return }
    request.state = .failed(error)
    end(request)
  }

  /// Nobody waits for the answer any more: a late one is passed over.
  package func abandon(_ request: Request) {
    request.onEnd = nil
    fail(request, StoreError(.closed, "the one who asked has gone"))
  }

  private func end(_ request: Request) {
    let (onEnd, onDone) = (request.onEnd, request.onDone)
    request.onEnd = nil
    request.onDone = nil
    onDone?()
    onEnd?()
  }

  /// Gives a request to its responder; false when there is none, and those who handle its type are asked.
  func answer(_ message: Message, _ request: Request) -> Bool {
    guard let member = responder(for: message.type, to: message.to) else {
      if isHandled(message.type, to: message.to) { return false }
      let error = StoreError(.noResponder, "nobody answers '\(message.type)' any more")
      finish(request, of: message, by: "bus", .failure(error))
      return true
    }
    let outer = handling
    handling = member
    defer { handling = outer }
    let savepoint = system.savepoint()
    do {
      switch try member.body(message) {
      case .done(let slot):
        message.isHandled = true
        finish(request, of: message, by: member.owner.name, .success(slot))
      case .waiting:
        message.isHandled = true
        request.state = .waiting
      }
    } catch {
      system.rollBack(to: savepoint)
      finish(request, of: message, by: member.owner.name, .failure(error))
    }
    return true
  }

  /// After all who handle a request's type were asked: the first one that failed answers with its error, and
  /// otherwise one of them may still answer.
  func awaitAnswer(_ request: Request, of message: Message, _ failure: StoreError?) {
    guard request.isOpen else { return }
    if let failure, message.pendingHandlers == 0 {
      return finish(request, of: message, by: failure.store ?? "bus", .failure(failure))
    }
    if let failure { system.report(failure) }
    request.state = .waiting
  }

  /// Answers a request that was given to somebody as a message.
  ///
  /// - Parameters:
  ///   - message: The request.
  ///   - responder: Who answers: one of those who were asked.
  ///   - result: The answer, or the error that the asker gets.
  /// - Returns: Whether it is the first answer, which counts.
  /// - Throws: `invalidArgument` for what is no request, `permissionDenied` for those who were not asked.
  package func respond(
    to message: Message,
    by responder: String,
    _ result: Result<StateSlot, any Error>
  ) throws(StoreError) -> Bool {
    guard let request = message.request else {
      throw StoreError(
        .invalidArgument,
        "the message '\(message.type)' is no request: only requests are answered"
      )
    }
    guard message.asked.contains(responder) else {
      throw StoreError(
        .permissionDenied,
        "permission denied: '\(responder)' was not asked '\(message.type)', so it cannot answer"
      )
    }
    guard request.isOpen else { return false }
    try system.turn {
      message.isHandled = true
      noteChange()
      finish(request, of: message, by: responder, result)
    }
    return true
  }
}
