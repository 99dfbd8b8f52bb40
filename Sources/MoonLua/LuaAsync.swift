internal import CMoonBridge

/// What an asynchronous native was called with, until the run that it suspends takes it up.
package struct LuaAsyncOperation {
  let body: ([LuaValue]) async throws -> [LuaValue]
  let arguments: [LuaValue]
}

extension LuaVM {
  /// A function that looks synchronous to scripts and is asynchronous in Swift: the coroutine that calls
  /// it is suspended, at any depth, until `body` has answered.
  ///
  /// Only what was started by `callAsync` can wait; anywhere else the call raises an error.
  public func makeAsyncFunction(
    _ body: @escaping ([LuaValue]) async throws -> [LuaValue]
  ) throws(LuaError) -> LuaFunction {
    let machine = machine
    let reference = try machine.makeNative(byReference: true) { [unowned machine] call in
      guard machine.canSuspend else {
        throw LuaError(
          code: .cannotWait,
          message:
            "cannot wait here: start it with callAsync, and not inside a metamethod of C code"
        )
      }
      var token = try call.arguments()
      var arguments: [LuaValue] = []
      for _ in 0..<call.count { arguments.append(try machine.take(&token)) }
      machine.pendingOperation = LuaAsyncOperation(body: body, arguments: arguments)
      return .wait
    }
    return LuaFunction(reference)
  }
}

extension LuaFunction {
  /// Calls it on a coroutine of its own, which can wait for asynchronous functions.
  ///
  /// Several calls can be under way at once; each runs until it waits. If the task is cancelled while it
  /// waits, the function that it waits for decides what happens; when the call ends early, the `<close>`
  /// variables of the script run.
  @discardableResult
  public func callAsync(
    _ arguments: [LuaValue] = [],
    isolation: isolated (any Actor)? = #isolation
  ) async throws(LuaError) -> [LuaValue] {
    let machine = reference.machine
    let run = try LuaRun(machine: machine)
    defer {
      run.release()
      machine.drainReleased()
    }
    let base = machine.tokenCount
    do {
      for argument in arguments { try machine.append(argument) }
    } catch {
      machine.truncateTokens(to: base)
      throw error
    }
    var state = try run.start(reference, base: base)
    while state == .waiting {
      guard let operation = machine.pendingOperation else {
        throw LuaError(code: .cannotWait, message: "the script waits for nothing that ends")
      }
      machine.pendingOperation = nil
      let answer: Result<[LuaValue], any Error>
      do {
        answer = .success(try await operation.body(operation.arguments))
      } catch {
        answer = .failure(error)
      }
      if machine.isClosed { throw LuaError.closed }
      switch answer {
      case .success(let values):
        state = try resume(run, with: values)
      case .failure(let error):
        state = try run.resume(raising: error)
      }
    }
    if state == .failed { throw run.error() }
    return try machine.takeAll(from: try run.takeResults(byReference: true))
  }

  private func resume(_ run: LuaRun, with values: [LuaValue]) throws(LuaError) -> LuaRun.State {
    let machine = reference.machine
    let base = machine.tokenCount
    do {
      for value in values { try machine.append(value) }
    } catch {
      machine.truncateTokens(to: base)
      return try run.resume(raising: error)
    }
    return try run.resume(base: base)
  }
}
