import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct RequestTests {
  /// A server that answers with what it has understood.
  private func echo() throws -> LoopbackServer {
    try LoopbackServer { request, connection in
      connection.answer(200, request.method == "HEAD" ? "" : "\(request.method) \(request.target)")
    }
  }

  @Test(arguments: ["get", "post", "put", "patch", "delete"])
  func `Each method reaches the server under its name`(_ name: String) async throws {
    let server = try echo()
    let host = try await HTTPHost()
    let body = try await host.run("return http.\(name)(url .. '/items/7').body", server)
    #expect(body == .string("\(name.uppercased()) /items/7"))
    #expect(server.requests.map(\.method) == [name.uppercased()])
  }

  @Test func `A head request has a head for its answer`() async throws {
    let server = try LoopbackServer { _, connection in
      connection.write("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\nx-kind: item\r\n\r\n")
    }
    let host = try await HTTPHost { $0.maximumResponseBytes = 100 }
    let result = try await host.run(
      "local r = http.head(url) return { r.status, r.body, r.headers['x-kind'] }",
      server
    )
    #expect(result == [200, "", "item"])
  }

  @Test func `A request takes its method and its address from its options`() async throws {
    let server = try echo()
    let host = try await HTTPHost()
    let body = try await host.run(
      "return http.request { method = 'patch', url = url .. '/a', query = { b = 1 } }.body",
      server
    )
    #expect(body == "PATCH /a?b=1")
  }

  @Test func `A response has status, ok, headers in lower case, body and address`() async throws {
    let server = try LoopbackServer { _, connection in
      connection.answer(
        404,
        "gone",
        headers: ["X-Name: one", "x-name: two", "Set-Cookie: a=1, b", "set-cookie: c=2"]
      )
    }
    let host = try await HTTPHost()
    let result = try await host.run("return http.get(url .. '/a b?c=d#e')", server)
    #expect(result["status"] == 404)
    #expect(result["ok"] == false)
    #expect(result["body"] == "gone")
    #expect(result["url"] == .string(server.url + "/a%20b?c=d"))
    #expect(result["headers"]?["x-name"] == "one, two")
    #expect(result["headers"]?["set-cookie"] == ["a=1, b", "c=2"])
    #expect(result["headers"]?["content-type"] == "text/plain")
  }

  @Test func `Headers are sent, lists of values one by one`() async throws {
    let server = try echo()
    let host = try await HTTPHost()
    try await host.run(
      """
      http.get(url, { headers = { Authorization = "Bearer x", ["X-Count"] = 3, accept = { "a", "b" } } })
      """,
      server
    )
    let headers = try #require(server.requests.first).headers
    #expect(headers["authorization"] == "Bearer x")
    #expect(headers["x-count"] == "3")
    #expect(headers["accept"] == "a, b")
    #expect(headers["host"] == server.authority)
    #expect(headers["user-agent"] == "moonstore")
    #expect(headers["content-length"] == nil)
  }

  @Test func `JSON is encoded with its type, and integers stay integers`() async throws {
    let server = try LoopbackServer { request, connection in
      connection.answer(201, request.text, type: "application/json")
    }
    let host = try await HTTPHost()
    let result = try await host.run(
      """
      local r = http.post(url, { json = { id = 9007199254740993, price = 1.5, tags = array(), note = null } })
      local item = r:json()
      return { r.ok, item.id, math.type(item.id), item.price, item.note == null, #item.tags }
      """,
      server
    )
    #expect(result == [true, 9_007_199_254_740_993, "integer", 1.5, true, 0])
    let request = try #require(server.requests.first)
    #expect(request.headers["content-type"] == "application/json")
    #expect(request.text == #"{"id":9007199254740993,"note":null,"price":1.5,"tags":[]}"#)
  }

  @Test func `A type that the script gives wins, and null is JSON too`() async throws {
    let server = try echo()
    let host = try await HTTPHost()
    try await host.run(
      """
      http.put(url, { json = { 1 }, headers = { ["Content-Type"] = "application/merge-patch+json" } })
      http.put(url, { json = null })
      """,
      server
    )
    #expect(server.requests.first?.headers["content-type"] == "application/merge-patch+json")
    #expect(server.requests.last?.text == "null")
  }

  @Test func `A query is encoded, sorted by its names, and added to the one of the address`()
    async throws
  {
    let server = try echo()
    let host = try await HTTPHost()
    try await host.run(
      """
      http.get(url .. "/items?fixed=1", { query = {
        text = "a b&c=ä/?#+%", tags = { "x", "y" }, page = 2, half = 0.5, flag = true, none = null,
      } })
      http.get(url, { query = {} })
      """,
      server
    )
    #expect(
      server.requests.map(\.target) == [
        "/items?fixed=1&flag=true&half=0.5&page=2&tags=x&tags=y&text=a%20b%26c%3D%C3%A4%2F%3F%23%2B%25",
        "/",
      ]
    )
  }

  @Test func `Bytes stay bytes on both ways`() async throws {
    let server = try LoopbackServer { request, connection in
      connection.write("HTTP/1.1 200 OK\r\ncontent-length: \(request.body.count)\r\n\r\n")
      connection.write(request.body.reversed())
    }
    let host = try await HTTPHost()
    let result = try await host.run(
      #"""
      local all = {}
      for byte = 0, 255 do all[byte + 1] = string.char(byte) end
      local body = http.post(url, { body = table.concat(all) }).body
      return { #body, body == table.concat(all):reverse(), body }
      """#,
      server
    )
    #expect(result[0] == 256)
    #expect(result[1] == true)
    #expect(result[2]?.bytesValue == (0...255).reversed())
    #expect(server.requests.first?.body == Array(0...255))
  }

  @Test func `What is no JSON is an error that names the address and the status`() async throws {
    let server = try LoopbackServer { request, connection in
      connection.answer(502, request.path == "/empty" ? "" : "<html>")
    }
    let host = try await HTTPHost()
    let html = await host.error("http.get(url .. '/page?key=secret'):json()", server)
    #expect(html?.code == .invalidJSON)
    #expect(html?.message.contains("\(server.url)/page (status 502) is no JSON") == true)
    #expect(html?.message.contains("secret") == false)
    #expect(html?.script == "driver")
    let empty = await host.error("http.get(url .. '/empty'):json()", server)
    #expect(empty?.message.contains("has no body") == true)
    let dot = await host.error("http.get(url).json()", server)
    #expect(dot?.message.contains("call it as response:json()") == true)
  }

  @Test func `JSON with a byte order mark is JSON`() async throws {
    let server = try LoopbackServer { _, connection in connection.answer(200, "\u{FEFF}[1]") }
    let host = try await HTTPHost()
    #expect(try await host.run("return http.get(url):json()", server) == [1])
  }

  @Test func `A chunked answer is one body`() async throws {
    let server = try LoopbackServer { _, connection in
      connection.write(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
      )
    }
    let host = try await HTTPHost()
    #expect(try await host.run("return http.get(url).body", server) == "abcdefg")
  }

  @Test func `A body that ends with its connection is whole`() async throws {
    let server = try LoopbackServer(connections: { connection in
      _ = connection.read()
      connection.write("HTTP/1.1 200 OK\r\n\r\nall of it")
    })
    let host = try await HTTPHost()
    #expect(try await host.run("return http.get(url).body", server) == "all of it")
  }

  @Test func `A response is data: it can become state, a message and a result`() async throws {
    let server = try LoopbackServer { _, connection in connection.answer(200, "[1,2]") }
    let host = try await HTTPHost([
      "stores/page.lua": """
      return defineStore("page", {
        state = function() return { last = null } end,
        actions = { load = function(self, url) self.last = http.get(url) return self.last.status end },
      })
      """
    ])
    let page = try await host.host.store("page")
    #expect(try await page.call("load", .string(server.url)) == 200)
    #expect(try await page.get("last")["body"] == "[1,2]")
  }

  @Test(arguments: [
    ("http.get()", "http.get: argument 1 must be a string, not nil"),
    ("http.get(7)", "http.get: argument 1 must be a string, not a number"),
    ("http.get(url, 'x')", "http.get: argument 2 must be a table, not a string"),
    (
      "http.get(url, { header = {} })",
      "there is no option 'header' among body, headers, json, query, timeout; did you mean 'headers'?"
    ),
    ("http.get(url, { url = url })", "there is no option 'url'"),
    ("http.post(url, { name = 'x' })", "there is no option 'name'"),
    ("http.get(url, { 'x' })", "http.get: argument 2 must be a table of options, not a list"),
    ("http.get(url, { query = 'a=b' })", "the option 'query' must be a table, not a string"),
    ("http.get(url, { query = { a = { b = 1 } } })", "query.a must be a text"),
    ("http.get(url, { query = { a = 0/0 } })", "query.a must be a text"),
    ("http.get(url, { headers = 'a' })", "the option 'headers' must be a table, not a string"),
    ("http.get(url, { headers = { a = {} , b = { c = 1 } } })", "the header 'b' must be a text"),
    ("http.get(url, { headers = { A = '1', a = '2' } })", "the header 'a' stands twice"),
    ("http.get(url, { headers = { ['a b'] = '1' } })", "'a b' cannot be the name of a header"),
    ("http.get(url, { headers = { a = 'x\\r\\nb: y' } })", "has a control character"),
    ("http.get(url, { headers = { ['a\\r\\nb'] = 'y' } })", "cannot be the name of a header"),
    ("http.get(url, { headers = { Host = 'evil' } })", "the header 'host' follows from the rest"),
    ("http.get(url, { headers = { ['content-length'] = 1 } })", "'content-length' follows"),
    ("http.get(url, { headers = { ['Transfer-Encoding'] = 'x' } })", "'transfer-encoding' follows"),
    ("http.post(url, { json = {}, body = '' })", "either json or body"),
    ("http.post(url, { body = {} })", "a table goes into json"),
    ("http.post(url, { json = { a = 0/0 } })", "http.post: json:"),
    ("http.post(url, { json = { f = print } })", "f"),
    ("http.get(url, { timeout = 0 })", "the timeout must be a number of seconds above 0"),
    ("http.get(url, { timeout = 'x' })", "the option 'timeout' must be a number, not a string"),
    ("http.request { url = url, method = 'TRACE' }", "the method must be one of GET, HEAD"),
    ("http.request { url = url, method = 'GET / HTTP/1.1\\r\\nx' }", "the method must be one of"),
    ("http.request()", "http.request: argument 1 must be a table, not nil"),
    ("http.request { method = 'GET' }", "http.request: the URL must be a text"),
    ("http.get = print", "http.get cannot be changed"),
  ])
  func `Bad arguments are an error that says what is wrong, and nothing is sent`(
    _ lua: String,
    _ message: String
  ) async throws {
    let server = try echo()
    let host = try await HTTPHost()
    let error = await host.error(lua, server)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(error?.script == "driver")
    #expect(server.connectionCount == 0)
  }
}
