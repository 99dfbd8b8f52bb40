import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A server on a port of its own at 127.0.0.1, whose answers a test writes byte for byte.
///
/// Each connection is served on a thread of its own, by blocking calls, so that a test can be as slow, as
/// broken or as rude as it likes.
package final class LoopbackServer: Sendable {
  /// What a client has sent.
  package struct Request: Sendable {
    package let method: String
    package let target: String
    /// By lower-case names.
    package let headers: [String: String]
    package let body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }
    /// The path without the query.
    package var path: String { String(target.prefix { $0 != "?" }) }
    package var query: String { String(target.drop { $0 != "?" }.dropFirst()) }
  }

  private struct State {
    var requests: [Request] = []
    var connections: [Int32] = []
    var closedByClient = 0
    var underway = 0
    var mostUnderway = 0
    var bytesTaken = 0
    var isStopped = false
  }

  package let port: Int
  private let listener: Int32
  private let state = Mutex(State())

  /// The requests that came in, in order.
  package var requests: [Request] { state.withLock { $0.requests } }
  /// How many connections were made.
  package var connectionCount: Int { state.withLock { $0.connections.count } }
  /// How many connections the client has ended while the server was still answering.
  package var closedByClient: Int { state.withLock { $0.closedByClient } }
  /// How many requests were answered at the same time, at most.
  package var mostUnderway: Int { state.withLock { $0.mostUnderway } }
  /// How many bytes of answers clients have taken.
  package var bytesTaken: Int { state.withLock { $0.bytesTaken } }
  package var authority: String { "127.0.0.1:\(port)" }
  package var url: String { "http://\(authority)" }

  /// One connection, for code that answers.
  package struct Connection: Sendable {
    fileprivate let server: LoopbackServer
    fileprivate let descriptor: Int32

    /// Reads the next request; nil when the client has closed the connection.
    package func read() -> Request? {
      var bytes: [UInt8] = []
      let end: [UInt8] = [13, 10, 13, 10]
      while bytes.suffix(4) != end[...] {
        guard let byte = take(1)?.first else { return nil }
        bytes.append(byte)
      }
      let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
      let first = lines[0].split(separator: " ").map(String.init)
      var headers: [String: String] = [:]
      for line in lines.dropFirst() where !line.isEmpty {
        let parts = line.split(separator: ":", maxSplits: 1)
        let value = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        let name = parts[0].lowercased()
        headers[name] = headers[name].map { "\($0), \(value)" } ?? value
      }
      let length = headers["content-length"].flatMap { Int($0) } ?? 0
      guard let body = take(length) else { return nil }
      let request = Request(method: first[0], target: first[1], headers: headers, body: body)
      server.state.withLock { $0.requests.append(request) }
      return request
    }

    private func take(_ count: Int) -> [UInt8]? {
      var bytes = [UInt8](repeating: 0, count: count)
      var filled = 0
      while filled < count {
        // The buffer is as long as `count`, and read into behind what is filled.
        let got = unsafe bytes.withUnsafeMutableBytes { buffer in
          unsafe recv(descriptor, buffer.baseAddress?.advanced(by: filled), count - filled, 0)
        }
        guard got > 0 else { return nil }
        filled += got
      }
      return bytes
    }

    /// Sends text as it is; tells whether the client still takes it.
    @discardableResult
    package func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
      var sent = 0
      while sent < bytes.count {
        // The buffer is as long as `bytes`, and sent from behind what was sent.
        let wrote = unsafe bytes.withUnsafeBytes { buffer in
          unsafe send(
            descriptor,
            buffer.baseAddress?.advanced(by: sent),
            bytes.count - sent,
            Int32(MSG_NOSIGNAL)
          )
        }
        guard wrote > 0 else { return false }
        sent += wrote
        server.state.withLock { $0.bytesTaken += wrote }
      }
      return true
    }

    package func pause(_ seconds: Double) { Thread.sleep(forTimeInterval: seconds) }

    /// Waits until the client closes the connection, and counts it.
    package func waitForClose() {
      // A client that has got no answer sends nothing but its end.
      if take(1) == nil { server.state.withLock { $0.closedByClient += 1 } }
    }

    /// Answers as a good server does, and tells whether the client still listens.
    @discardableResult
    package func answer(
      _ status: Int = 200,
      _ body: String = "",
      type: String = "text/plain",
      headers: [String] = []
    ) -> Bool {
      let lines =
        ["HTTP/1.1 \(status) Status", "content-type: \(type)"] + headers
        + ["content-length: \(body.utf8.count)", "", ""]
      return write(lines.joined(separator: "\r\n") + body)
    }
  }

  /// Serves each connection by a function, and closes it when that returns.
  package init(connections: @escaping @Sendable (Connection) -> Void) throws {
    (listener, port) = try LoopbackServer.openPort()
    let listener = listener
    guard listen(listener, 512) == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
    Thread.detachNewThread { [weak self] in
      // This thread alone closes the listener, so that it never accepts on a number that is another's by now.
      defer { close(listener) }
      while true {
        // No address is wanted of whoever connects.
        let descriptor = accept(listener, nil, nil)
        if descriptor < 0, errno == EINTR || errno == ECONNABORTED { continue }
        guard descriptor >= 0 else { return }
        guard let self else {
          close(descriptor)
          return
        }
        let isStopped = state.withLock { state in
          state.connections.append(descriptor)
          return state.isStopped
        }
        guard !isStopped else { return }
        Thread.detachNewThread {
          connections(Connection(server: self, descriptor: descriptor))
          shutdown(descriptor, Int32(SHUT_RDWR))
        }
      }
    }
  }

  /// Answers requests one by one, and keeps connections open.
  package convenience init(
    requests: @escaping @Sendable (Request, Connection) -> Void
  ) throws {
    try self.init(connections: { connection in
      while let request = connection.read() {
        connection.server.state.withLock { state in
          state.underway += 1
          state.mostUnderway = max(state.mostUnderway, state.underway)
        }
        requests(request, connection)
        connection.server.state.withLock { $0.underway -= 1 }
      }
    })
  }

  /// Ends the listener and every connection.
  package func stop() {
    let connections: [Int32]? = state.withLock { state in
      guard !state.isStopped else { return nil }
      state.isStopped = true
      return state.connections
    }
    guard let connections else { return }
    shutdown(listener, Int32(SHUT_RDWR))
    for descriptor in connections { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }

  deinit {
    stop()
    for descriptor in state.withLock({ $0.connections }) { close(descriptor) }
  }

  /// A port of 127.0.0.1 on which nobody listens, and which nobody else gets while the tests run.
  package static func closedPort() throws -> Int { try openPort().port }

  /// A socket on a free port of 127.0.0.1.
  private static func openPort() throws -> (socket: Int32, port: Int) {
    #if canImport(Glibc) || canImport(Musl)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
    let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    // The calls read and write the local variables only.
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe bind(descriptor, pointer, size) == 0
          && getsockname(descriptor, pointer, &size) == 0
      }
    }
    guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }
}

/// Holds a server's answer back until a test lets it go.
package final class Gate: Sendable {
  private let isOpen = Mutex(false)

  package init() {}

  package func open() { isOpen.withLock { $0 = true } }

  /// Waits until the gate is open, at most two minutes.
  package func wait() {
    for _ in 0..<24_000 where !isOpen.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.005) }
  }
}

/// Waits until something holds, at most a minute.
package func eventually(_ holds: @Sendable () async -> Bool) async -> Bool {
  for _ in 0..<6_000 {
    if await holds() { return true }
    try? await Task.sleep(for: .milliseconds(10))
  }
  return await holds()
}
