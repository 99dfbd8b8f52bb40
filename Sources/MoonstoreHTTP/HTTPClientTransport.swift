import AsyncHTTPClient
public import MoonstoreHost
import MoonstoreCore
import NIOCore
import NIOHTTP1

/// Real HTTP for the scripts of a host, by the client library AsyncHTTPClient.
///
/// ```swift
/// var configuration = HostConfiguration()
/// configuration.http = try HTTPGrant(HTTPClientTransport(), hosts: ["api.example.com"])
/// ```
///
/// It speaks HTTP/1.1, over TLS with the machine's certificates, keeps connections for later requests,
/// and asks for no compression, so that the bytes that are counted are those that scripts get. One
/// transport may serve many hosts; its connections are closed when the last one lets go of it.
public final class HTTPClientTransport: HTTPTransport {
  private let client: HTTPClient

  /// Makes a transport.
  ///
  /// - Parameters:
  ///   - connectTimeout: Seconds after which a server that does not accept a connection is unreachable.
  ///   - maximumConnections: How many connections to one server may be open at a time.
  public init(connectTimeout: Double = 10, maximumConnections: Int = 64) {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.decompression = .disabled
    configuration.httpVersion = .http1Only
    configuration.networkFrameworkWaitForConnectivity = false
    configuration.timeout = HTTPClient.Configuration.Timeout(
      connect: .milliseconds(Int64(max(0.001, min(connectTimeout, 86_400)) * 1_000))
    )
    configuration.connectionPool = HTTPClient.Configuration.ConnectionPool(
      idleTimeout: .seconds(30),
      concurrentHTTP1ConnectionsPerHostSoftLimit: max(1, maximumConnections)
    )
    // A refused connection is an answer that a script wants at once.
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(configuration: configuration)
  }

  deinit { client.shutdown { _ in } }

  /// Sends a request, and reads the response up to the limits.
  public func send(
    _ request: HTTPRequest,
    limits: HTTPLimits
  ) async throws -> HTTPResponse {
    var outgoing = HTTPClientRequest(url: request.url)
    outgoing.method = HTTPMethod(rawValue: request.method)
    outgoing.headers = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
    if !request.body.isEmpty { outgoing.body = .bytes(request.body) }
    do {
      // The host cancels this task when the time is over.
      let incoming = try await client.execute(outgoing, deadline: .distantFuture)
      let headers = incoming.headers.map { HTTPHeader($0.name, $0.value) }
      try limits.check(headers: headers)
      if request.method != "HEAD",
        let length = incoming.headers.first(name: "content-length").flatMap({ Int($0) })
      {
        try limits.check(bodyBytes: length)
      }
      var body: [UInt8] = []
      for try await chunk in incoming.body {
        // Leaving the loop closes the connection, so that the rest is never read.
        try limits.check(bodyBytes: body.count + chunk.readableBytes)
        body.append(contentsOf: chunk.readableBytesView)
      }
      // A body whose reading was cancelled ends early, and without an error.
      try Task.checkCancellation()
      return HTTPResponse(status: Int(incoming.status.code), headers: headers, body: body)
    } catch {
      if Task.isCancelled || error is CancellationError { throw CancellationError() }
      throw error is StoreError ? error : StoreError(networkError: error)
    }
  }
}
