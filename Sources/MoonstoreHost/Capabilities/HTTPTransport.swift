public import MoonstoreCore

/// How requests of scripts reach servers.
///
/// The host has checked a request before a transport sees it, and it holds the deadline, the number of
/// requests at a time and the redirects; so a transport makes one exchange with one server. It must
///
/// - end soon when its task is cancelled, and close the connection then: that is how deadlines work,
/// - follow no redirect, for the host checks where they lead,
/// - stop reading when a response is larger than `limits`, so that nobody can fill the host's memory.
///
/// The module `MoonstoreHTTP` has one that talks to real servers. A test, or a program that repeats a
/// recorded run, brings its own.
public protocol HTTPTransport: Sendable {
  /// Sends a request, and gives back the whole response, whatever its status.
  ///
  /// - Throws: `StoreError` with `network` where no response came, `tooLarge` where it was larger than the
  ///   limits; any other error counts as `network`.
  func send(_ request: HTTPRequest, limits: HTTPLimits) async throws -> HTTPResponse
}

/// How large a response may be.
public struct HTTPLimits: Sendable, Hashable {
  /// The bytes of all fields of the head.
  public var headerBytes: Int
  /// The bytes of the body.
  public var bodyBytes: Int

  /// Makes limits.
  public init(headerBytes: Int, bodyBytes: Int) {
    self.headerBytes = headerBytes
    self.bodyBytes = bodyBytes
  }

  /// Refuses a head that is too large.
  ///
  /// - Throws: `StoreError` with the code `tooLarge`.
  public func check(headers: [HTTPHeader]) throws(StoreError) {
    let size = headers.reduce(0) { $0 + $1.size }
    guard size <= headerBytes else {
      throw StoreError(
        .tooLarge,
        "the head of the response has more than \(headerBytes) bytes, which is the host's limit"
      )
    }
  }

  /// Refuses a body that is too large; `count` may be what was read so far.
  ///
  /// - Throws: `StoreError` with the code `tooLarge`.
  public func check(bodyBytes count: Int) throws(StoreError) {
    guard count <= bodyBytes else {
      throw StoreError(
        .tooLarge,
        "the body of the response has more than \(bodyBytes) bytes, which is the host's limit"
      )
    }
  }
}
