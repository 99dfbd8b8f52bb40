import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct FailureTests {
  @Test func `A server that does not answer in time is a timeout, and its connection is closed`()
    async throws
  {
    let server = try LoopbackServer(connections: { connection in
      _ = connection.read()
      connection.waitForClose()
    })
    let host = try await HTTPHost()
    let error = await host.error("http.get(url .. '/slow?key=secret', { timeout = 0.2 })", server)
    #expect(error?.code == .timeout)
    #expect(
      error?.message.contains("http.get: \(server.url)/slow has not answered within 0.2 s") == true
    )
    #expect(error?.script == "driver")
    #expect(await eventually { server.closedByClient == 1 })
  }

  @Test func `The deadline covers a body that drips`() async throws {
    let server = try LoopbackServer(connections: { connection in
      _ = connection.read()
      connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
      while connection.write("x") { connection.pause(0.02) }
    })
    let host = try await HTTPHost { $0.timeout = 0.3 }
    let error = await host.error("http.get(url)", server)
    #expect(error?.code == .timeout)
    #expect(server.bytesTaken < 1_000)
  }

  @Test func `A script cannot ask for more time than the host gives`() async throws {
    let server = try LoopbackServer(connections: { connection in
      _ = connection.read()
      connection.waitForClose()
    })
    let host = try await HTTPHost { $0.timeout = 0.2 }
    let error = await host.error("http.get(url, { timeout = 3600 })", server)
    #expect(error?.message.contains("within 0.2 s") == true)
  }

  @Test func `A slow body that comes in time is whole`() async throws {
    let server = try LoopbackServer { _, connection in
      connection.write("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n")
      for _ in 0..<20 {
        connection.write("x")
        connection.pause(0.005)
      }
    }
    let host = try await HTTPHost()
    #expect(try await host.run("return #http.get(url).body", server) == 20)
  }

  @Test func `A refused connection is an error at once that says so`() async throws {
    let port = try LoopbackServer.closedPort()
    let host = try await HTTPHost()
    let error = await host.error("http.get(url)", "http://127.0.0.1:\(port)")
    #expect(error?.code == .network)
    #expect(
      error?.message.contains("http.get: http://127.0.0.1:\(port)/: the connection was refused")
        == true
    )
    #expect(error?.underlying != nil)
  }

  @Test(arguments: [
    ("", "closed the connection"),
    ("garbage\r\n\r\n", "is not HTTP"),
    ("HTTP/1.1 OK\r\n\r\n", "is not HTTP"),
    ("HTTP/9.9 200 OK\r\n\r\n", ""),
    ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "closed the connection"),
    ("HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\nabc", "is not HTTP"),
    ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", "is not HTTP"),
    ("HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\nabc", "is not HTTP"),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "is not HTTP"),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "closed the connection"),
    ("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", "is not HTTP"),
    ("HTTP/1.1 200 OK\r\ncontent-le", "closed the connection"),
  ])
  func `A broken answer is an error of the network`(_ answer: String, _ message: String)
    async throws
  {
    let server = try LoopbackServer(connections: { connection in
      _ = connection.read()
      connection.write(answer)
    })
    let host = try await HTTPHost()
    let error = await host.error("http.get(url)", server)
    #expect(error?.code == .network, "\(error.map { "\($0)" } ?? "no error")")
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    // The host is none the worse for it.
    let good = try LoopbackServer { _, connection in connection.answer(200, "fine") }
    #expect(try await host.run("return http.get(url).body", good) == "fine")
  }

  @Test func `Bytes behind an answer are no answer to the next request`() async throws {
    let server = try LoopbackServer(connections: { connection in
      while let request = connection.read() {
        connection.answer(200, request.path)
        connection.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        connection.pause(0.05)
      }
    })
    let host = try await HTTPHost()
    let result = try await host.run(
      """
      local bodies = array()
      for index = 1, 5 do
        local ok, response = pcall(http.get, url .. "/" .. index)
        bodies[index] = ok and response.body or "error"
        sleep(0.1)
      end
      return bodies
      """,
      server
    )
    for (index, body) in (result.arrayValue ?? []).enumerated() {
      #expect(body == .string("/\(index + 1)") || body == "error")
    }
  }

  @Test func `A body larger than the limit is refused by its length, before it comes`() async throws
  {
    let server = try LoopbackServer { _, connection in
      connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n")
      connection.waitForClose()
    }
    let host = try await HTTPHost { $0.maximumResponseBytes = 1_000 }
    let error = await host.error("http.get(url .. '/big')", server)
    #expect(error?.code == .tooLarge)
    #expect(
      error?.message.contains(
        "\(server.url)/big: the body of the response has more than 1000 bytes, which is the host's limit"
      ) == true
    )
    #expect(await eventually { server.closedByClient == 1 })
  }

  @Test func `A body of exactly the limit is whole`() async throws {
    let server = try LoopbackServer { _, connection in
      connection.answer(200, String(repeating: "x", count: 1_000))
    }
    let host = try await HTTPHost { $0.maximumResponseBytes = 1_000 }
    #expect(try await host.run("return #http.get(url).body", server) == 1_000)
  }

  @Test func `A head larger than the limit is refused`() async throws {
    let server = try LoopbackServer { request, connection in
      let count = request.path == "/many" ? 10_000 : 40
      connection.answer(
        200,
        headers: (0..<count).map { "x-\($0): \(String(repeating: "y", count: 90))" }
      )
    }
    let host = try await HTTPHost { $0.maximumHeaderBytes = 2_000 }
    let error = await host.error("http.get(url)", server)
    #expect(error?.code == .tooLarge)
    #expect(error?.message.contains("the head of the response has more than 2000 bytes") == true)
    let many = await host.error("http.get(url .. '/many')", server)
    #expect(many?.code == .tooLarge || many?.code == .network)
  }

  @Test func `Whatever a transport throws names the request`() async throws {
    struct Failing: HTTPTransport {
      struct Fault: Error {}
      func send(_ request: HTTPRequest, limits: HTTPLimits) async throws -> HTTPResponse {
        throw Fault()
      }
    }
    let host = try await HTTPHost(reaching: ["example.com"], transport: Failing())
    let error = await host.error("http.get('http://example.com/a')")
    #expect(error?.code == .network)
    #expect(error?.message.contains("http.get: http://example.com/a: Fault()") == true)
    #expect(error?.underlying is Failing.Fault)
  }

  @Test func `A transport that ignores the limits does not get past them`() async throws {
    struct Greedy: HTTPTransport {
      func send(_ request: HTTPRequest, limits: HTTPLimits) async throws -> HTTPResponse {
        HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: limits.bodyBytes + 1))
      }
    }
    let host = try await HTTPHost(reaching: ["example.com"], transport: Greedy())
    #expect(await host.error("http.get('http://example.com')")?.code == .tooLarge)
  }
}
