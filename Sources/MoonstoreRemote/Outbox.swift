import Dispatch
import MoonValue
import Synchronization

/// What is to go through a socket: whoever puts something in never waits for whoever reads.
///
/// Answers always go in; whoever makes them asks for room first. Events are left out, and counted, while more than a
/// bound waits: a session that floods costs its host no more than that.
final class Outbox: Sendable {
  private struct State {
    var lines: [[UInt8]] = []
    var bytes = 0
    var leftOut = 0
    var isClosed = false
    /// Who waits for room.
    var waiting: CheckedContinuation<Void, Never>?

    var hasRoom: Bool { isClosed || bytes <= Outbox.answerBound }
  }

  private static let bound = 1 << 20
  /// How much may wait until no further request is answered.
  private static let answerBound = 16 << 20

  private let socket: UnixSocket
  private let state = Mutex(State())
  private let filled = DispatchSemaphore(value: 0)
  private let onEnd: @Sendable () -> Void

  /// An outbox that has a thread of its own; `onEnd` is called on it when nothing goes out any more.
  init(_ socket: UnixSocket, onEnd: @escaping @Sendable () -> Void) {
    self.socket = socket
    self.onEnd = onEnd
    DispatchQueue(label: "moonstore.outbox").async { [self] in run() }
  }

  /// Puts an answer in.
  func answer(_ message: Value) { put(message, isEvent: false) }

  /// Waits until so much has gone out that another answer may go in; only one can wait.
  func room() async {
    guard state.withLock({ !$0.hasRoom }) else { return }
    await withCheckedContinuation { continuation in
      let hasRoom = state.withLock { state in
        if !state.hasRoom { state.waiting = continuation }
        return state.hasRoom
      }
      if hasRoom { continuation.resume() }
    }
  }

  private func tellOfRoom() {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.hasRoom else { return nil }
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }

  /// Puts an event in, if there is room.
  func tell(_ event: Value) { put(event, isEvent: true) }

  private func put(_ message: Value, isEvent: Bool) {
    let hasRoom = state.withLock { state in
      if state.isClosed { return false }
      guard isEvent, state.bytes > Self.bound else { return true }
      state.leftOut += 1
      return false
    }
    guard hasRoom else { return }
    // What a script made is text and numbers; what JSON cannot say of it is left out by whoever made it.
    let line = (try? message.jsonBytes(JSONOptions(bytes: .lossy))) ?? Array("{}".utf8)
    state.withLock { state in
      if state.isClosed { return }
      if state.leftOut > 0, state.bytes < Self.bound / 2 || !isEvent {
        append(Outbox.leftOut(state.leftOut), to: &state)
        state.leftOut = 0
      }
      append(line, to: &state)
    }
    filled.signal()
  }

  private static func leftOut(_ count: Int) -> [UInt8] {
    Array(#"{"event":"left out","count":\#(count)}"#.utf8)
  }

  private func append(_ line: [UInt8], to state: inout State) {
    state.lines.append(line + [UInt8(ascii: "\n")])
    state.bytes += line.count + 1
  }

  /// Ends it when what is in it has gone out.
  func close() {
    state.withLock { $0.isClosed = true }
    filled.signal()
  }

  private func run() {
    while true {
      filled.wait()
      let (lines, isClosed) = state.withLock { state in
        defer { state.lines = [] }
        return (state.lines, state.isClosed)
      }
      for line in lines {
        guard socket.write(line) else {
          state.withLock { state in
            state.isClosed = true
            state.lines = []
          }
          tellOfRoom()
          return end()
        }
        state.withLock { $0.bytes -= line.count }
        tellOfRoom()
      }
      if isClosed { return end() }
    }
  }

  private func end() {
    socket.shutdown()
    onEnd()
  }
}

/// Closes a socket when the last of those who use it is done: before that its number could become another's.
final class SocketUsers: Sendable {
  private let socket: UnixSocket
  private let count: Mutex<Int>

  init(_ count: Int, of socket: UnixSocket) {
    self.socket = socket
    self.count = Mutex(count)
  }

  func leave() {
    let left = count.withLock { count in
      count -= 1
      return count
    }
    if left == 0 { socket.close() }
  }
}
