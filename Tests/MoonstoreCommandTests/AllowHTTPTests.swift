import MoonValue
import Testing
import TestSupport

@Suite struct AllowHTTPTests {
  private let store = """
    return defineStore("page", {
      state = { body = "" },
      actions = { load = function(self, url) self.body = http.get(url):json().text return self.body end },
    })
    """

  private func server() throws -> LoopbackServer {
    try LoopbackServer { _, connection in connection.answer(200, #"{"text":"hello"}"#) }
  }

  @Test func `Scripts reach the servers that the command names, and no others`() async throws {
    let server = try server()
    let project = try TestProject([
      "stores/page.lua": store, "go.lua": "return useStore('page'):load(...)",
    ])
    let run = try await CommandRun([
      "run", project.path, "go.lua", server.url, "--allow-http", "example.com", "--allow-http",
      server.authority,
    ])
    #expect(run.output == "hello\n")
    #expect(run.code == 0, "\(run.errors)")
    let other = try await CommandRun([
      "run", project.path, "go.lua", server.url, "--allow-http", "127.0.0.1:1",
    ])
    #expect(other.code == 1)
    #expect(
      other.errors.contains(
        "permission denied: the script 'stores/page.lua' may not reach \(server.authority)"
      )
    )
    #expect(server.requests.count == 1)
  }

  @Test func `Calls that wait for a server are answered in their order`() async throws {
    let server = try server()
    let project = try TestProject(["stores/page.lua": store])
    let run = try await CommandRun(
      ["run", project.path, "--calls", "-", "--allow-http", "127.0.0.1"],
      input: """
        {"store":"page","action":"load","args":["\(server.url)"]}
        {"store":"page","get":"body"}
        """
    )
    #expect(try run.answers.map { $0["result"] ?? .null } == ["hello", "hello"])
  }

  @Test(
    arguments: [
      "allowHTTP = true", "grants = { http = true }", "http = { '127.0.0.1' }",
      "capabilities = { 'http' }",
    ]
  )
  func `A project that would allow itself something is refused`(line: String) async throws {
    let project = try TestProject([
      "moonstore.lua": "return {\n  main = 'go.lua',\n  \(line),\n}", "stores/page.lua": store,
      "go.lua": "return 1",
    ])
    let run = try await CommandRun(["run", project.path, "--json"])
    #expect(run.code != 0)
    #expect(run.output == "")
    #expect(run.errors.contains(#""file":"moonstore.lua","line":3,"#))
  }

  @Test func `A project cannot allow itself anything by a setting`() async throws {
    let server = try server()
    let project = try TestProject([
      "moonstore.lua": """
      return { main = "go.lua", settings = { http = "\(server.authority)", allowHTTP = true } }
      """,
      "stores/page.lua": store,
      "go.lua": "return { http == nil, rawget(_G, 'http') == nil }",
    ])
    let run = try await CommandRun(["run", project.path, "--json"])
    #expect(run.output == "[true,true]\n")
  }

  @Test(arguments: ["", "*", "http://example.com", "example.com/path", "a:b:c", "user@example.com"])
  func `A host that is none is a usage error`(_ host: String) async throws {
    let project = try TestProject(["stores/page.lua": store])
    let run = try await CommandRun(["run", project.path, "--allow-http", host])
    #expect(run.code == 64)
    #expect(run.errors.contains("--allow-http: '\(host)' names no host"))
  }

  @Test func `The help says what the option does`() async throws {
    let run = try await CommandRun(["help", "run"])
    #expect(run.output.contains("--allow-http <host>"))
  }
}
