import Dispatch
import MoonValue
public import MoonstoreCore
public import MoonstoreHost
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Lets sessions from other processes in, through a socket that only the owner of this process can use.
///
/// ```swift
/// let server = try SessionServer(host, at: "/run/shop.sock")
/// ...
/// server.stop()
/// ```
public final class SessionServer: Sendable {
  /// Who is let in, and who hears of it.
  public struct Options: Sendable {
    /// What sessions may do at most.
    public var rights = ReplRights.all
    /// How many there may be at a time.
    public var maximumSessions = 16
    /// Seconds in which one that connects must say who it is.
    public var greetingSeconds = 10.0
    /// Waits for so many seconds; another clock makes a test depend on nothing but events.
    public var sleep: @Sendable (_ seconds: Double) async throws -> Void = { seconds in
      try await Task.sleep(for: .seconds(seconds))
    }
    /// Hears of each entry of each session when it has ended.
    public var onEntry: (@Sendable (ReplRecord) -> Void)?

    /// Sessions with all rights.
    public init() {}
  }

  private struct State {
    var sessions: [Int: ServedSession] = [:]
    /// Those that have connected and have not said who they are, in the order in which they came.
    var silent: [Int] = []
    var count = 0
    var isStopped = false
  }

  /// Where it listens.
  public let path: String
  private let host: StoreHost
  private let options: Options
  private let socket: UnixSocket
  private let inode: UInt64?
  private let state = Mutex(State())

  /// Begins to listen.
  ///
  /// - Throws: `unreadable` where it cannot listen: another host does, or something else is there.
  public init(_ host: StoreHost, at path: String, _ options: Options = Options()) throws(StoreError)
  {
    self.host = host
    self.path = path
    self.options = options
    socket = try UnixSocket.listen(at: path)
    inode = UnixSocket.inode(of: path)
    DispatchQueue(label: "moonstore.sessions").async { [weak self, socket] in
      while let other = socket.accept() {
        guard let self, !self.isStopped else {
          other.close()
          break
        }
        self.serve(other)
      }
      // Not before: its number could become that of another socket, from which this would take its callers.
      socket.close()
    }
  }

  deinit { stop() }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  /// How many sessions there are; those that have not said who they are do not count.
  public var sessionCount: Int { state.withLock { $0.sessions.count - $0.silent.count } }

  /// Whether a user may be at the other end: the one that this process works for, or root.
  package static func isTrusted(_ user: UInt32) -> Bool { user == geteuid() || user == 0 }

  /// Ends all sessions, and listens no more.
  public func stop() {
    let sessions = state.withLock { state -> [ServedSession]? in
      if state.isStopped { return nil }
      state.isStopped = true
      return Array(state.sessions.values)
    }
    guard let sessions else { return }
    #if canImport(Darwin)
    // There only a caller wakes who waits for one.
    if let caller = try? UnixSocket.connect(to: path) { caller.close() }
    #endif
    removeSocket()
    socket.shutdown()
    for session in sessions { session.end() }
  }

  /// Takes the socket's name away, for a process that is about to end at once.
  public func removeSocket() {
    // Not that of a host that has come after.
    if inode != nil, UnixSocket.inode(of: path) == inode { _ = unsafe unlink(path) }
  }

  private func serve(_ other: UnixSocket) {
    guard let peer = other.peer, Self.isTrusted(peer) else {
      _ = other.write(Self.refusal("this host belongs to another user"))
      return other.close()
    }
    let (number, oldest) = state.withLock { state -> (Int, ServedSession?) in
      state.count += 1
      // Those that say nothing keep no other one out: the oldest of them makes room.
      guard state.silent.count >= max(1, options.maximumSessions) else { return (state.count, nil) }
      return (state.count, state.sessions.removeValue(forKey: state.silent.removeFirst()))
    }
    oldest?.end()
    let session = ServedSession(
      other,
      host,
      options,
      admit: { [weak self] in self?.admit(number) ?? false },
      onEnd: { [weak self] in
        _ = self?.state.withLock { state in
          state.sessions[number] = nil
          state.silent.removeAll { $0 == number }
        }
      }
    )
    let isLate = state.withLock { state in
      state.sessions[number] = session
      state.silent.append(number)
      return state.isStopped
    }
    session.begin()
    if isLate { session.end() }
  }

  /// Whether one that has said who it is may come in.
  private func admit(_ number: Int) -> Bool {
    state.withLock { state in
      guard state.sessions.count - state.silent.count < options.maximumSessions else {
        return false
      }
      state.silent.removeAll { $0 == number }
      return true
    }
  }

  private static func refusal(_ message: String) -> [UInt8] {
    let error: Value = ["error": Wire.record(StoreError(.permissionDenied, message))]
    return ((try? error.jsonBytes()) ?? []) + [UInt8(ascii: "\n")]
  }
}
