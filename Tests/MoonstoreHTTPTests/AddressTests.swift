import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct AddressTests {
  private let unreached = "http://127.0.0.1:1"

  @Test func `Without a grant scripts have no library at all`() async throws {
    let host = try await StoreHost()
    #expect(try await host.evaluate("return http == nil").value == true)
  }

  @Test func `A host that is not allowed is refused before anything is sent or committed`()
    async throws
  {
    let server = try LoopbackServer { _, connection in connection.answer() }
    let host = try await HTTPHost(
      [
        "stores/a.lua": """
        return defineStore("a", {
          state = function() return { count = 0 } end,
          actions = { go = function(self, url) self.count = 1 http.get(url) end },
        })
        """
      ],
      reaching: ["api.example.com", "*.example.org:8443"]
    )
    let store = try await host.host.store("a")
    let error = await #expect(throws: StoreError.self) {
      try await store.call("go", .string(server.url))
    }
    #expect(error?.code == .permissionDenied)
    #expect(
      error?.message.contains(
        "permission denied: the script 'stores/a.lua' may not reach \(server.authority) by http.get"
      ) == true
    )
    #expect(error?.message.contains("api.example.com, *.example.org:8443") == true)
    #expect(error?.message.contains("--allow-http") == true)
    #expect(try await store.get("count") == 0)
    #expect(server.connectionCount == 0)
  }

  @Test func `No host is allowed by default`() async throws {
    let host = try await HTTPHost(reaching: [])
    let error = await host.error("http.get(url)", unreached)
    #expect(error?.code == .permissionDenied)
    #expect(error?.message.contains("this host allows no server") == true)
  }

  @Test(arguments: [
    ("example.com", "http://example.com/", true),
    ("example.com", "https://EXAMPLE.com:8443/", true),
    ("Example.COM", "http://example.com/", true),
    ("example.com", "http://www.example.com/", false),
    ("example.com", "http://example.com.evil.org/", false),
    ("example.com", "http://notexample.com/", false),
    ("example.com:8080", "http://example.com:8080/", true),
    ("example.com:8080", "http://example.com/", false),
    ("example.com:443", "https://example.com/", true),
    ("example.com:443", "http://example.com/", false),
    ("*.example.com", "http://a.example.com/", true),
    ("*.example.com", "http://a.b.example.com/", true),
    ("*.example.com", "http://example.com/", false),
    ("*.example.com", "http://evilexample.com/", false),
    ("[::1]:80", "http://[::1]/", true),
    ("127.0.0.1", "http://2130706433/", false),
    ("127.0.0.1", "http://0x7f.1/", false),
    ("127.0.0.1", "http://127.0.0.1./", false),
  ])
  func `A pattern allows exactly what it says`(_ pattern: String, _ url: String, _ allowed: Bool)
    async throws
  {
    let host = try await HTTPHost(reaching: [pattern], transport: Canned())
    let error = await host.error("http.get(url)", url)
    #expect((error == nil) == allowed, "\(error?.message ?? "no error")")
    if let error { #expect(error.code == .permissionDenied || error.code == .invalidArgument) }
  }

  @Test func `Only schemes that are allowed are used`() async throws {
    let host = try await HTTPHost(reaching: ["example.com"], transport: Canned()) {
      $0.schemes = ["https"]
    }
    try await host.run("http.get('https://example.com')")
    let error = await host.error("http.get('http://example.com')")
    #expect(error?.code == .permissionDenied)
    #expect(error?.message.contains("by http (http.get): this host allows https") == true)
  }

  @Test(arguments: [
    ("", "names no host"),
    ("*", "a star stands only for the labels in front"),
    ("a.*.com", "a star stands only for the labels in front"),
    ("http://example.com", "neither scheme nor path"),
    ("example.com/", "neither scheme nor path"),
    ("user@example.com", "no user name"),
    ("example.com:0", "'0' is no port"),
    ("example.com:x", "'x' is no port"),
    ("example..com", "is no host name"),
    ("exämple.com", "xn--"),
    ("[::1", "is no"),
    ("*.[::1]", "no labels"),
  ])
  func `A pattern that names no host is an error`(_ pattern: String, _ message: String) throws {
    let error = #expect(throws: StoreError.self) { try HTTPGrant(Canned(), hosts: [pattern]) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
  }

  @Test(arguments: [
    "example.com", "//example.com", "ftp://example.com/", "file:///etc/passwd", "unix:///x",
    "http://", "http:///path", "http://example.com:99999/", "http://example.com:/",
    "http://user@example.com/", "http://user:pass@example.com/", "http://allowed.com\\\\@evil.com/",
    "http://example.com\\r\\nx: y/", "http://example.com/\\r\\nx: y", "http://exa mple.com/",
    "http://example.com\\0.evil.com/", "http://example.com%2eevil.com/",
    "http://ex\\u{E4}mple.com/",
    "http://example.com/%zz", " http://example.com/", "http://[::1%25eth0]/", "http+unix://x/y",
  ])
  func `An address that could be read in two ways is refused`(_ url: String) async throws {
    let host = try await HTTPHost(
      reaching: ["example.com", "allowed.com", "*.evil.com", "evil.com", "[::1]"],
      transport: Canned()
    )
    let error = await host.error("http.get(\"\(url)\")")
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("is no URL that can be used") == true)
  }

  @Test(arguments: [
    ("http://example.com", "http://example.com/"),
    ("HTTP://Example.Com:80/a", "http://example.com/a"),
    ("https://example.com:443?a=b#c", "https://example.com/?a=b"),
    ("http://example.com/a b/\\u{E4}|\\\\", "http://example.com/a%20b/%C3%A4%7C%5C"),
    ("http://example.com/%41?x=%2F#f", "http://example.com/%41?x=%2F"),
    ("http://[::1]:8080/", "http://[::1]:8080/"),
  ])
  func `An address is sent in one form`(_ url: String, _ sent: String) async throws {
    let host = try await HTTPHost(reaching: ["example.com", "[::1]"], transport: Canned())
    #expect(try await host.run("return http.get(\"\(url)\").url") == .string(sent))
  }

  @Test func `Requests that are too large are refused before they are sent`() async throws {
    let host = try await HTTPHost(reaching: ["example.com"], transport: Canned()) {
      $0.maximumRequestBytes = 1_000
      $0.maximumHeaderBytes = 1_000
    }
    try await host.run("http.post('http://example.com', { body = ('x'):rep(1000) })")
    let body = await host.error("http.post('http://example.com', { body = ('x'):rep(1001) })")
    #expect(body?.code == .tooLarge)
    #expect(body?.message.contains("1001 bytes; this host allows 1000") == true)
    let header = await host.error(
      "http.get('http://example.com', { headers = { a = ('x'):rep(1000) } })"
    )
    #expect(header?.code == .tooLarge)
    let url = await host.error("http.get('http://example.com/' .. ('x'):rep(1000))")
    #expect(url?.code == .tooLarge)
  }
}

/// Answers everything with an empty success.
struct Canned: HTTPTransport {
  func send(_ request: HTTPRequest, limits: HTTPLimits) async throws -> HTTPResponse {
    HTTPResponse(status: 200)
  }
}
