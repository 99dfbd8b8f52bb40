import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct RedirectTests {
  /// Redirects as the path says it: `/307/there` to `/there`.
  private func redirecting(to base: String = "") throws -> LoopbackServer {
    try LoopbackServer { request, connection in
      let parts = request.path.split(separator: "/").map(String.init)
      if let status = parts.first.flatMap({ Int($0) }) {
        let rest = parts.dropFirst().joined(separator: "/")
        connection.answer(status, "moved", headers: ["location: \(base)/\(rest)"])
      } else {
        connection.answer(200, "\(request.method) \(request.target) \(request.text)")
      }
    }
  }

  @Test(arguments: [
    (301, "post", "GET /there "), (302, "post", "GET /there "), (303, "post", "GET /there "),
    (303, "put", "GET /there "), (301, "put", "PUT /there data"),
    (302, "delete", "DELETE /there data"),
    (307, "post", "POST /there data"), (308, "patch", "PATCH /there data"),
  ])
  func `Methods and bodies survive redirects as browsers have it`(
    _ status: Int,
    _ method: String,
    _ answer: String
  ) async throws {
    let server = try redirecting()
    let host = try await HTTPHost()
    let body = try await host.run(
      "return http.\(method)(url .. '/\(status)/there', { body = 'data', headers = { ['content-type'] = 'x/y' } }).body",
      server
    )
    #expect(body == .string(answer))
    let keepsBody = answer.hasSuffix("data")
    #expect((server.requests.last?.headers["content-type"] == "x/y") == keepsBody)
  }

  @Test func `The address of the response is where the redirects have led`() async throws {
    let server = try redirecting()
    let host = try await HTTPHost()
    let url = try await host.run("return http.get(url .. '/301/302/there').url", server)
    #expect(url == .string(server.url + "/there"))
  }

  @Test(arguments: [
    ("next", "/a/b/next"), ("../next?x=1", "/a/next?x=1"), ("/next", "/next"),
    ("?x=1", "/a/b/c?x=1"),
    ("./", "/a/b/"), ("../../../..", "/"),
  ])
  func `A relative address is taken from the one that redirects`(
    _ location: String,
    _ target: String
  ) async throws {
    let server = try LoopbackServer { request, connection in
      if request.query == "go" {
        connection.answer(302, headers: ["location: \(location)"])
      } else {
        connection.answer(200, request.target)
      }
    }
    let host = try await HTTPHost()
    #expect(
      try await host.run("return http.get(url .. '/a/b/c?go').body", server) == .string(target)
    )
  }

  @Test func `A redirect to a host that is not allowed is refused, and not followed`() async throws
  {
    let other = try redirecting()
    let server = try redirecting(to: other.url)
    let host = try await HTTPHost(reaching: [server.authority])
    let error = await host.error("http.get(url .. '/302/secret')", server)
    #expect(error?.code == .permissionDenied)
    #expect(
      error?.message.contains(
        "the script 'driver' may not reach \(other.authority), to which \(server.authority) redirects"
      ) == true
    )
    #expect(other.connectionCount == 0)
  }

  @Test func `A redirect to another scheme is refused`() async throws {
    let server = try LoopbackServer { _, connection in
      connection.answer(302, headers: ["location: file:///etc/passwd"])
    }
    let host = try await HTTPHost()
    let error = await host.error("http.get(url)", server)
    #expect(error?.code == .network)
    #expect(
      error?.message.contains("redirects to 'file:///etc/passwd', which cannot be used") == true
    )
  }

  @Test func `Credentials stay with the server that they were meant for`() async throws {
    let other = try redirecting()
    let server = try redirecting(to: other.url)
    let host = try await HTTPHost()
    try await host.run(
      """
      local headers = { authorization = "Bearer x", cookie = "a=1", ["x-trace"] = "7" }
      http.get(url .. "/302/there", { headers = headers })
      """,
      server
    )
    let there = try #require(other.requests.first)
    #expect(there.headers["authorization"] == nil)
    #expect(there.headers["cookie"] == nil)
    #expect(there.headers["x-trace"] == "7")
    let same = try redirecting()
    try await host.run(
      "http.get(url .. '/302/there', { headers = { authorization = 'Bearer x' } })",
      same
    )
    #expect(same.requests.last?.headers["authorization"] == "Bearer x")
  }

  @Test func `A circle of redirects ends at the limit`() async throws {
    let server = try LoopbackServer { _, connection in
      connection.answer(302, headers: ["location: /again"])
    }
    let host = try await HTTPHost { $0.maximumRedirects = 3 }
    let error = await host.error("http.get(url)", server)
    #expect(error?.code == .network)
    #expect(error?.message.contains("redirects more than 3 times, last to '/again'") == true)
    #expect(server.requests.count == 4)
  }

  @Test func `Without redirects scripts get the response that redirects`() async throws {
    let server = try redirecting()
    let host = try await HTTPHost { $0.maximumRedirects = 0 }
    let result = try await host.run(
      "local r = http.get(url .. '/302/there') return { r.status, r.headers.location }",
      server
    )
    #expect(result == [302, "/there"])
  }

  @Test func `A status of redirects without an address is an answer`() async throws {
    let server = try LoopbackServer { request, connection in
      connection.answer(request.path == "/304" ? 304 : 302)
    }
    let host = try await HTTPHost()
    #expect(try await host.run("return http.get(url).status", server) == 302)
  }
}
