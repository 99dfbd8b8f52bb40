import Dispatch
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// One session from another process: reads its requests, and answers them in order.
///
/// Whatever happens to it, its host goes on: it is closed when its socket is.
final class ServedSession: Sendable {
  private enum Request: Sendable {
    case hello(name: String, rights: ReplRights)
    case submit(Value, String, ReplView, place: Int)
    case complete(Value, String)
    case stop(Value)
    case wrong(Value, String)
    case close
  }

  private let socket: UnixSocket
  private let host: StoreHost
  private let options: SessionServer.Options
  /// Asked once it has said who it is: whether there is room for it.
  private let admit: @Sendable () -> Bool
  private let onEnd: @Sendable () -> Void
  private let outbox: Outbox
  /// What reads, what answers, the deadline of the greeting, and the outbox.
  private let users: SocketUsers
  private let session = Mutex<ReplSession?>(nil)
  /// Requests that were read and are not answered yet.
  private let waiting = Mutex((count: 0, bytes: 0))
  /// How many requests were read, and up to which of them the entries are cancelled.
  private let places = Mutex((read: 0, cancelled: 0))

  /// More requests at once than this end the session.
  private static let maximumWaiting = 100
  private static let maximumBytes = 2 * Wire.longestRequest

  init(
    _ socket: UnixSocket,
    _ host: StoreHost,
    _ options: SessionServer.Options,
    admit: @escaping @Sendable () -> Bool,
    onEnd: @escaping @Sendable () -> Void
  ) {
    self.socket = socket
    self.host = host
    self.options = options
    self.admit = admit
    self.onEnd = onEnd
    let users = SocketUsers(4, of: socket)
    self.users = users
    outbox = Outbox(socket) { users.leave() }
  }

  func begin() {
    let (requests, continuation) = AsyncStream.makeStream(of: (Request, size: Int).self)
    DispatchQueue(label: "moonstore.session").async { [self] in
      read(continuation)
      continuation.finish()
      // The client has gone: its requests are dropped.
      places.withLock { $0.cancelled = .max }
      session.withLock { $0 }?.cancel()
      users.leave()
    }
    let deadline = Task { [self] in
      defer { users.leave() }
      try await options.sleep(options.greetingSeconds)
      // Before that it holds a place that others need.
      if session.withLock({ $0 }) == nil { socket.shutdown() }
    }
    Task {
      defer { deadline.cancel() }
      for await (request, size) in requests {
        // A client that does not read gets no further request of its answered.
        await outbox.room()
        guard await answer(request) else { break }
        if session.withLock({ $0 }) != nil { deadline.cancel() }
        waiting.withLock { $0 = ($0.count - 1, $0.bytes - size) }
      }
      await session.withLock { $0 }?.close()
      // What was answered last still goes out.
      outbox.close()
      onEnd()
      users.leave()
    }
  }

  /// Ends it from this side.
  func end() { socket.shutdown() }

  // MARK: Reading

  private func read(_ requests: AsyncStream<(Request, size: Int)>.Continuation) {
    var reader = LineReader(socket, limit: Wire.longestRequest)
    while let line = reader.next() {
      guard let message = try? Value(json: line) else {
        requests.yield((.wrong(.null, "this is not JSON"), 0))
        return
      }
      if message["do"] == "cancel" {
        // Also of what has not begun yet.
        places.withLock { $0.cancelled = $0.read }
        session.withLock { $0 }?.cancel()
        continue
      }
      places.withLock { $0.read += 1 }
      let isTooMuch = waiting.withLock { waiting in
        waiting = (waiting.count + 1, waiting.bytes + line.count)
        return waiting.count > Self.maximumWaiting || waiting.bytes > Self.maximumBytes
      }
      if isTooMuch {
        requests.yield((.wrong(.null, "these are too many requests, or too much at once"), 0))
        return
      }
      requests.yield((request(message), line.count))
    }
  }

  private func request(_ message: Value) -> Request {
    let id = message["id"] ?? .null
    if let version = message["moonstore"]?.integerValue {
      guard version == Wire.version else {
        return .wrong(
          id,
          "this host speaks version \(Wire.version) of the protocol, not \(version)"
        )
      }
      let rights = message["rights"]?.stringValue.flatMap(ReplRights.init) ?? .read
      return .hello(name: message["name"]?.stringValue ?? "", rights: rights)
    }
    let text = message["text"]?.stringValue
    switch (message["do"]?.stringValue, text) {
    case ("submit", let text?):
      return .submit(id, text, Wire.view(message["view"]), place: places.withLock { $0.read })
    case ("complete", let text?): return .complete(id, text)
    case ("stop", _): return .stop(id)
    case ("close", _): return .close
    default: return .wrong(id, "this is no request")
    }
  }

  // MARK: Answering

  /// Answers a request; false when it was the last.
  private func answer(_ request: Request) async -> Bool {
    switch request {
    case .hello(let name, let rights): return await open(name, rights)
    case .close: return false
    case .wrong(let id, let message):
      outbox.answer(["id": id, "error": Wire.record(StoreError(.invalidArgument, message))])
      return false
    case .submit(let id, let text, let view, let place):
      guard let session = opened(id) else { return false }
      let result = await session.submit(text, view) { [self] in
        places.withLock { $0.cancelled >= place }
      }
      outbox.answer(["id": id, "result": Wire.record(result)])
      return result.status != .quit
    case .complete(let id, let text):
      guard let session = opened(id) else { return false }
      outbox.answer(["id": id, "completions": Wire.record(await session.completions(for: text))])
      return true
    case .stop(let id):
      guard let session = opened(id) else { return false }
      await session.stop()
      outbox.answer(["id": id])
      return true
    }
  }

  private func opened(_ id: Value) -> ReplSession? {
    let session = session.withLock { $0 }
    if session == nil {
      let error = StoreError(.invalidArgument, "a session begins with {\"moonstore\":1}")
      outbox.answer(["id": id, "error": Wire.record(error)])
    }
    return session
  }

  private func open(_ name: String, _ rights: ReplRights) async -> Bool {
    guard session.withLock({ $0 }) == nil else { return true }
    guard admit() else {
      let error = StoreError(
        .permissionDenied,
        "this host has as many sessions as it may have"
      )
      outbox.answer(["error": Wire.record(error)])
      return false
    }
    let granted = min(rights, options.rights)
    var settings = ReplOptions()
    settings.name = Self.safe(name)
    settings.rights = granted.permissions
    settings.onEntry = options.onEntry
    settings.onEvent = { [outbox] in outbox.tell(Wire.record($0)) }
    do throws(StoreError) {
      let made = try await host.openSession(settings)
      session.withLock { $0 = made }
      outbox.answer([
        "moonstore": .integer(Wire.version), "session": .string(made.name),
        "rights": .string(granted.rawValue),
        "project": made.project.map(Value.string) ?? .null,
        "stores": .integer(Int64(made.storeCount)),
      ])
      return true
    } catch {
      outbox.answer(["error": Wire.record(error)])
      return false
    }
  }

  /// A name as errors and logs can show it.
  private static func safe(_ name: String) -> String {
    let safe = name.filter { $0.isLetter || $0.isNumber || "@-_.".contains($0) }.prefix(40)
    return safe.isEmpty ? "attached" : String(safe)
  }
}
