import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Who may see, change, send and answer messages.
@Suite struct MessageAuthorityTests {
  private static let vault = """
    return defineStore("vault", {
      permissions = { { action = "call", principal = "stores/friend.lua" } },
      state = function() return { got = array() } end,
      on = { deposit = function(self, m) table.insert(self.got, m.payload.n) end },
      answers = { ["vault:pin"] = function() return 1234 end },
    })
    """
  private static let friend = """
    return defineStore("friend", {
      state = function() return { got = array() } end,
      actions = {
        pay = function(self, n) bus.send("deposit", { n = n }, { to = "vault" }) end,
        pin = function(self) return bus.request("vault:pin", {}) end,
        say = function(self, type, to) bus.send(type, { n = 1 }, { to = to }) end,
      },
    })
    """

  @Test func `Message middleware is for scripts that are there for it`() async throws {
    let use = """
      return defineStore("log", {
        state = function() return {} end,
        actions = { use = function() bus.use(function(m) print(m.type) end) end },
      })
      """
    let host = try await TestHost(["stores/log.lua": use])
    let error = await #expect(throws: StoreError.self) { try await host.host.call("log", "use") }
    #expect(error?.code == .permissionDenied)
    #expect(error?.message.contains("messageMiddleware") == true)
    let named = try await TestHost([
      "stores/log.lua": use, "moonstore.lua": "return { messageMiddleware = { 'stores/log.lua' } }",
    ])
    _ = try await named.host.call("log", "use")
    let granted = try await TestHost(["stores/log.lua": use]) {
      $0.messageMiddleware = ["stores/log.lua"]
    }
    _ = try await granted.host.call("log", "use")
    // What the program or a person runs acts for them.
    _ = try await host.run("bus.use(function() end)")
    #expect(
      await code { _ = try await TestHost(["moonstore.lua": "return { messageMiddleware = 'x' }"]) }
        == .invalidDefinition
    )
  }

  @Test func `Message middleware sees and sends on what its own script may send`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": Self.vault, "stores/friend.lua": Self.friend,
      "middleware/nosy.lua": """
      return { message = function(m)
        print(m.type .. " " .. json.encode(m.payload))
        if m.type == "deposit" then return { payload = { n = 0 } } end
        if m.type == "redirect" then return { type = "deposit", to = "vault" } end
        return m
      end }
      """,
    ])
    _ = try await host.host.call("friend", "pay", [5])
    #expect(try await host.host.store("vault").get("got") == [5])
    #expect(host.record.log.isEmpty, "\(host.record.log)")
    let error = await #expect(throws: StoreError.self) {
      try await host.host.call("friend", "say", ["redirect"])
    }
    #expect(error?.code == .permissionDenied, "\(String(describing: error))")
    #expect(try await host.host.store("vault").get("got") == [5])
    // Nor does the history show it.
    #expect(try await host.run("return bus.recentMessages(5)[1].payload") == .null)
  }

  @Test func `Names are one name space`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": Self.vault, "stores/friend.lua": Self.friend,
    ])
    var options = ReplOptions()
    options.name = "vault"
    let session = try await host.host.openSession(options)
    #expect(session.name != "vault")
    let heard = await session.submit("bus.subscribe('deposit', function(m) print('taken') end)")
    #expect(heard.status == .ok)
    _ = try await host.host.call("friend", "pay", [5])
    #expect(try await host.host.store("vault").get("got") == [5])
    for id in ["stores/friend.lua", "swift", "host", "bus", "registry", session.name] {
      let error = await #expect(throws: StoreError.self, "\(id)") {
        try await host.run("defineStore('\(id)', { state = {} })")
      }
      #expect(error?.code == .invalidDefinition, "\(id)")
    }
    #expect(
      await code { _ = try await host.host.evaluate("return 1", name: "vault") }
        == .invalidDefinition
    )
    let report = try await host.reload([
      "stores/evil.lua":
        "return defineStore('stores/friend.lua', { state = function() return {} end })"
    ])
    #expect(report.isRefused)
    // A name is not given to another session, which code left behind would speak for.
    await session.close()
    options.name = "guest"
    let first = try await host.host.openSession(options)
    await first.close()
    let second = try await host.host.openSession(options)
    #expect(first.name == "guest" && second.name != "guest")
  }

  @Test func `A message to one spelling of a name is for that one`() async throws {
    let (composed, decomposed) = ("stores/caf\u{E9}.lua", "stores/cafe\u{301}.lua")
    func script(_ id: String) -> String {
      """
      defineStore("\(id)1", { state = {} })
      defineStore("\(id)2", { state = {} })
      bus.subscribe("hello", function() print("\(id)") end)
      """
    }
    let host = try await TestHost([composed: script("c")])
    try await host.reload([decomposed: script("d")])
    _ = try await host.run("bus.send('hello', {}, { to = '\(composed)' })")
    #expect(host.record.log == ["c"])
  }

  @Test(arguments: ["stores/aaa.lua", "stores/zzz.lua"])
  func `A store's own requests are answered by it alone`(thief: String) async throws {
    let host = try await TestHost([
      "stores/vault.lua": Self.vault, "stores/friend.lua": Self.friend,
      thief: """
      pcall(bus.answer, "vault:pin", function() return 6666 end)
      pcall(bus.answer, "vault:other", function() return 6666 end)
      bus.subscribe("vault:pin", function(m) bus.respond(m, 6666) end)
      bus.subscribe("vault:open", function(m) bus.respond(m, 6666) end)
      return defineStore("thief", {
        state = function() return {} end,
        actions = { try = function() return { pcall(bus.answer, "vault:pin", print) } end },
      })
      """,
    ])
    #expect(try await host.host.call("friend", "pin") == 1234)
    for type in ["vault:open", "vault:other"] {
      let error = await #expect(throws: StoreError.self, "\(type)") {
        try await host.run("return bus.request('\(type)', {})")
      }
      #expect(error?.code == .noResponder, "\(type): \(String(describing: error))")
    }
    #expect(
      "\(try await host.run("return { pcall(bus.answer, 'vault:x', print) }"))".contains("false")
    )
  }

  @Test func `Two responders for one type are an error that names both`() async throws {
    let error = await #expect(throws: StoreError.self) {
      _ = try await TestHost([
        "stores/one.lua":
          "return defineStore('one', { state = {}, answers = { total = function() return 1 end } })",
        "stores/two.lua":
          "return defineStore('two', { state = {}, answers = { total = function() return 2 end } })",
      ])
    }
    #expect(error?.code == .duplicateResponder)
    #expect(error?.message.contains("'one'") == true && error?.message.contains("'two'") == true)
  }

  @Test(arguments: ["useStore('a')", "{ 'a' }", "5", "true"])
  func `A receiver that is no name is an error, and no handler hears the message`(receiver: String)
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua": "return defineStore('a', { on = { hi = function() log.info('heard') end } })"
    ])
    for call in [
      "bus.send('hi', 1, { to = \(receiver) })", "bus.request('hi', 1, { to = \(receiver) })",
    ] {
      let error = await #expect(throws: StoreError.self) { try await host.run(call) }
      #expect(error?.code == .invalidArgument && error?.message.contains("'to'") == true)
    }
    #expect(host.record.log == [])
  }
}
