import Dispatch
import MoonValue
public import MoonstoreCore
public import MoonstoreHost
import Synchronization

/// A session with a host in another process of this machine.
///
/// Leaving it, or losing it, changes nothing for the host.
public final class RemoteSession: ReplPeer {
  private struct State {
    var waiting: [Int64: CheckedContinuation<Value?, Never>] = [:]
    var count: Int64 = 0
    var isOver = false
  }

  /// The name that the host knows the session by.
  public let name: String
  /// The folder of the host's project.
  public let project: String?
  /// What the session may do: what was asked for, or less.
  public let rights: ReplRights
  /// How many stores there were when it began.
  public let storeCount: Int
  private let socket: UnixSocket
  private let outbox: Outbox
  private let state = Mutex(State())

  /// Attaches to the host that listens at a path.
  ///
  /// - Parameters:
  ///   - path: The socket.
  ///   - name: Who this is, for the host's errors and logs.
  ///   - rights: What is asked for.
  ///   - onEvent: Hears what the session tells, in order.
  ///   - onEnd: Hears that the host has gone.
  /// - Throws: `disconnected` where nobody listens, `permissionDenied` where this user is not let in.
  public init(
    _ path: String,
    name: String,
    rights: ReplRights = .all,
    onEvent: @escaping @Sendable (ReplEvent) -> Void,
    onEnd: @escaping @Sendable () -> Void
  ) async throws(StoreError) {
    let socket = try UnixSocket.connect(to: path)
    // What is typed here, and what is shown, is for this user's own hosts: another one's could pose as one.
    guard let peer = socket.peer, SessionServer.isTrusted(peer) else {
      socket.close()
      throw StoreError(
        .permissionDenied,
        "\(path): the host that listens there belongs to another user; nothing was sent to it"
      )
    }
    let users = SocketUsers(2, of: socket)
    let outbox = Outbox(socket) { users.leave() }
    outbox.answer([
      "moonstore": .integer(Wire.version), "name": .string(name),
      "rights": .string(rights.rawValue),
    ])
    let reader = Reader(LineReader(socket, limit: Wire.longestAnswer))
    let hello = await reader.next()
    guard let hello, hello["moonstore"]?.integerValue == Wire.version else {
      outbox.close()
      users.leave()
      let error = hello?["error"].flatMap(Wire.error)
      throw error
        ?? StoreError(.disconnected, "\(path): what listens there does not speak as a host does")
    }
    self.name = hello["session"]?.stringValue ?? name
    project = hello["project"]?.stringValue
    self.rights = hello["rights"]?.stringValue.flatMap(ReplRights.init) ?? .read
    storeCount = Wire.count(hello["stores"])
    self.socket = socket
    self.outbox = outbox
    reader.begin { [weak self] message in
      guard let message else {
        self?.end()
        users.leave()
        return onEnd()
      }
      if let event = Wire.event(message) { return onEvent(event) }
      self?.take(message)
    }
  }

  deinit { outbox.close() }

  private func take(_ message: Value) {
    guard let id = message["id"]?.integerValue else { return }
    state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: message)
  }

  private func end() {
    let waiting = state.withLock { state in
      state.isOver = true
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    for each in waiting { each.resume(returning: nil) }
    outbox.close()
  }

  /// Asks, and waits for the answer; nil when the host has gone.
  private func ask(_ what: ValueMap) async -> Value? {
    await withCheckedContinuation { continuation in
      let id = state.withLock { state -> Int64? in
        if state.isOver { return nil }
        state.count += 1
        state.waiting[state.count] = continuation
        return state.count
      }
      guard let id else { return continuation.resume(returning: nil) }
      outbox.answer(.map(what.merging(["id": .integer(id)]) { $1 }))
    }
  }

  /// Runs an entry, and waits for its end; when the task is cancelled, the entry is.
  public func submit(_ text: String, _ view: ReplView) async -> ReplResult {
    let answer = await withTaskCancellationHandler {
      await ask(["do": "submit", "text": .string(text), "view": Wire.record(view)])
    } onCancel: {
      cancel()
    }
    guard let answer else {
      return ReplResult(
        status: .failed,
        text: "",
        error: StoreError(
          .disconnected,
          "the host has gone; whether the entry was run cannot be told"
        )
      )
    }
    guard let result = answer["result"] else {
      let error = answer["error"].flatMap(Wire.error)
      return ReplResult(
        status: .failed,
        text: "",
        error: error
          ?? StoreError(.disconnected, "the host has answered something that is no result")
      )
    }
    return Wire.result(result)
  }

  /// What could stand at the end of a text.
  public func completions(for text: String) async -> ReplCompletions {
    let answer = await ask(["do": "complete", "text": .string(text)])
    return answer?["completions"].map(Wire.completions) ?? ReplCompletions(replacing: 0, [])
  }

  /// Cancels the entry that runs or waits.
  public func cancel() { outbox.answer(["do": "cancel"]) }

  /// Ends watches and traces.
  public func stop() async { _ = await ask(["do": "stop"]) }

  /// Leaves the host, which goes on.
  public func close() async {
    outbox.answer(["do": "close"])
    outbox.close()
  }
}

/// Reads messages on a thread of its own.
private final class Reader: Sendable {
  private let lines: Mutex<LineReader>
  private let queue = DispatchQueue(label: "moonstore.remote")

  init(_ lines: LineReader) { self.lines = Mutex(lines) }

  private func read() -> Value? {
    guard let line = lines.withLock({ $0.next() }) else { return nil }
    return try? Value(json: line, maximumDepth: 256)
  }

  func next() async -> Value? {
    await withCheckedContinuation { continuation in
      queue.async { [self] in continuation.resume(returning: read()) }
    }
  }

  /// Hands over all messages that come, and nil at the end.
  func begin(_ hear: @escaping @Sendable (Value?) -> Void) {
    queue.async { [self] in
      while let message = read() { hear(message) }
      hear(nil)
    }
  }
}
