public import MoonstoreCore

/// What a host lets its scripts do over HTTP: which servers they may reach, and within which bounds.
///
/// ```swift
/// var configuration = HostConfiguration()
/// configuration.http = try HTTPGrant(HTTPClientTransport(), hosts: ["api.example.com"])
/// ```
public struct HTTPGrant: Sendable {
  /// How requests reach servers.
  public var transport: any HTTPTransport
  /// The servers that scripts may reach, also by redirects; none is allowed but these.
  public var hosts: [HTTPHostPattern]
  /// The schemes that scripts may use: of `http` and `https` only one may be wanted.
  public var schemes: Set<String> = ["http", "https"]
  /// How many bytes the body of a request may have.
  public var maximumRequestBytes = 4 << 20
  /// How many bytes the body of a response may have; reading stops there.
  public var maximumResponseBytes = 16 << 20
  /// How many bytes the address and the fields of a head may have, of requests and of responses.
  public var maximumHeaderBytes = 64 << 10
  /// After how many seconds a call has failed, with its time in the queue and all its redirects.
  ///
  /// Scripts may ask for less. It is measured on the machine's monotonic clock, since the network knows
  /// no other.
  public var timeout = 30.0
  /// How many requests may be under way at a time; others wait in order.
  public var maximumConcurrent = 8
  /// How many requests may wait; one more is an error at once.
  public var maximumQueued = 1_000
  /// How many redirects are followed; with 0 scripts get the response that redirects.
  public var maximumRedirects = 5

  /// Grants HTTP to some hosts.
  ///
  /// - Parameters:
  ///   - transport: How requests reach servers.
  ///   - hosts: The servers that may be reached; see `HTTPHostPattern`.
  /// - Throws: `StoreError` with the code `invalidArgument` when one names no host.
  public init(_ transport: any HTTPTransport, hosts: [String]) throws(StoreError) {
    self.transport = transport
    var patterns: [HTTPHostPattern] = []
    for host in hosts { patterns.append(try HTTPHostPattern(host)) }
    self.hosts = patterns
  }

  /// The timeout as a time that can be waited for.
  var deadline: Double { timeout > 0 ? min(timeout, 1e9) : 0 }

  var limits: HTTPLimits {
    HTTPLimits(headerBytes: maximumHeaderBytes, bodyBytes: maximumResponseBytes)
  }
}
