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
    /// Hears of each entry of each session when it has ended.
    public var onEntry: (@Sendable (ReplRecord) -> Void)?

    /// Sessions with all rights.
    public init() {}
  }

  private struct State {
    var sessions: [Int: ServedSession] = [:]
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

  /// How many sessions there are.
  public var sessionCount: Int { state.withLock { $0.sessions.count } }

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
    guard let peer = other.peer, peer == geteuid() || peer == 0 else {
      _ = other.write(Self.refusal("this host belongs to somebody else"))
      return other.close()
    }
    let number = state.withLock { state -> Int? in
      guard !state.isStopped, state.sessions.count < options.maximumSessions else { return nil }
      state.count += 1
      return state.count
    }
    guard let number else {
      _ = other.write(Self.refusal("this host has as many sessions as it may have"))
      return other.close()
    }
    let session = ServedSession(other, host, options) { [weak self] in
      _ = self?.state.withLock { $0.sessions.removeValue(forKey: number) }
    }
    let isLate = state.withLock { state in
      state.sessions[number] = session
      return state.isStopped
    }
    session.begin()
    if isLate { session.end() }
  }

  private static func refusal(_ message: String) -> [UInt8] {
    let error: Value = ["error": Wire.record(StoreError(.permissionDenied, message))]
    return ((try? error.jsonBytes()) ?? []) + [UInt8(ascii: "\n")]
  }
}
