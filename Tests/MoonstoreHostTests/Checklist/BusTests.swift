import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing
import TestSupport

/// A clock that a test moves.
final class MovableClock: HostClock {
  private let time = Mutex(1_000.0)
  var now: Double { time.withLock { $0 } }
  func move(by seconds: Double) { time.withLock { $0 += seconds } }
}

/// The message bus of the document that the project began from, as it should have been: M1 to M12.
@Suite struct BusTests {
  private static let scripts = [
    "stores/shop.lua": """
    return defineStore("shop", {
      state = { heard = 0 },
      actions = {
        tell = function(self, type, payload, options) return bus.send(type, payload, options) end,
        ask = function(self, type, payload, options) return bus.request(type, payload, options) end,
      },
      on = { ["shop:poke"] = function(self) self.heard = self.heard + 1 end },
      answers = {
        ["shop:name"] = function() return "shop" end,
        ["shop:slow"] = function() sleep(1) return "slow" end,
        ["shop:never"] = function() sleep(1e8) end,
        ["shop:breaks"] = function() error({ code = "closed", message = "we are closed" }) end,
      },
    })
    """
  ]

  private func host() async throws -> TestHost { try await TestHost(Self.scripts) }

  @Test func `M1 A message is sent with an id, priority and address, and the host says by whom`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local seen = array()
      bus.subscribe("*", function(m) seen[#seen + 1] = m.type .. " " .. m.from .. " " .. m.priority end)
      local shop = useStore("shop")
      local id = shop:tell("a", { n = 1 })
      local ok, err = pcall(shop.tell, shop, "b", nil, { from = "cart" })
      shop:tell("c", nil, { from = "shop", priority = "high" })
      bus.send("shop:poke", nil, { to = "shop" })
      bus.send("shop:poke", nil, { to = "other" })
      return { id, seen, ok, err.code, shop.heard }
      """#
    )
    #expect(
      result == [
        "msg-1", ["a shop normal", "c shop high"], false, "permissionDenied", 1,
      ]
    )
    for bad in [
      #"bus.send("")"#, #"bus.send("*")"#, "bus.send(nil)", #"bus.send("x", print)"#,
      #"bus.send("x", nil, { prority = "high" })"#, #"bus.send("x", nil, { priority = "urgent" })"#,
      #"bus.send("x", nil, 5)"#, #"bus.request("x", nil, { timeout = -1 })"#,
    ] {
      #expect(
        try await host.run("return (pcall(function() \(bad) end))") == false,
        "\(bad)"
      )
    }
    #expect(try await host.run("return bus.messageCount()") == 4)
  }

  @Test func `M1 A message to a store needs the right to call it`() async throws {
    let host = try await TestHost([
      "stores/a.lua":
        #"return defineStore("a", { permissions = { "read", "call:open" }, state = { n = 0 }, on = { open = function(self) self.n = self.n + 1 end, shut = function(self) self.n = 100 end } })"#
    ])
    let result = try await host.run(
      #"""
      bus.send("open", nil, { to = "a" })
      local ok, err = pcall(bus.send, "shut", nil, { to = "a" })
      return { ok, err.message, useStore("a").n }
      """#
    )
    #expect(
      result == [false, "permission denied: the script 'driver' may not call 'a:shut'", 1]
    )
  }

  @Test func `M2 Middleware changes, drops or fails messages, in order, and hides nobody`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local seen, order = array(), array()
      bus.subscribe("*", function(m) seen[#seen + 1] = m.type .. ":" .. tostring(m.payload) end)
      local off
      off = bus.use(function(m) order[#order + 1] = 1 if m.type == "once" then off() end return m end)
      bus.use(function(m) order[#order + 1] = 2 if m.type == "drop" then return false end end)
      bus.use(function(m)
        if m.type == "double" then return { payload = m.payload * 2 } end
        if m.type == "fail" then error("no") end
        if m.type == "wait" then sleep(1) end
      end)
      bus.send("once") bus.send("double", 4)
      local dropped = bus.send("drop")
      local ok = pcall(bus.send, "fail")
      local waits, err = pcall(bus.send, "wait")
      return { seen, order, dropped == nil, ok, waits, bus.messageCount() }
      """#
    )
    #expect(
      result == [["once:nil", "double:8"], [1, 2, 2, 2, 2, 2], true, false, false, 2]
    )
  }

  @Test func `M3 Handlers run in order, once each, causes before effects, failures seen`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local seen = array()
      local function note(text) return function() seen[#seen + 1] = text end end
      bus.subscribe("*", function(m) seen[#seen + 1] = "* " .. m.type end)
      bus.subscribe("a", function() bus.send("b") seen[#seen + 1] = "a1" end)
      local off
      bus.subscribe("a", function() off() bus.subscribe("a", note("late")) end)
      off = bus.subscribe("a", note("never"))
      bus.subscribe("c", function() error("first") end)
      bus.subscribe("c", note("c"))
      bus.subscribe("d", function() sleep(1) error("afterwards") end)
      bus.subscribe("e", function() sleep(1) end)
      bus.send("a") bus.send("c") bus.send("nobody") bus.send("d") bus.send("e")
      local pending = #bus.unhandledMessages()
      sleep(1) sleep(1) sleep(1)
      local unhandled = array()
      for _, m in ipairs(bus.unhandledMessages()) do unhandled[#unhandled + 1] = m.type end
      return { seen, pending, unhandled }
      """#
    )
    #expect(
      result[0] == [
        "a1", "* a", "* b", "c", "* c", "* nobody", "* d", "* e",
      ]
    )
    // The star subscriber has handled all of them.
    #expect(result[1] == 0)
    #expect(result[2] == [])
    #expect(
      host.record.reports.map(\.message) == ["driver:8: first", "driver:10: afterwards"]
    )
  }

  @Test func `M3 A message counts as handled when a handler has ended well`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      bus.subscribe("fails", function() error("x") end)
      bus.subscribe("fails later", function() sleep(1) error("x") end)
      bus.subscribe("works later", function() sleep(1) end)
      bus.send("fails") bus.send("fails later") bus.send("works later") bus.send("nobody")
      local function types()
        local types = array()
        for _, m in ipairs(bus.unhandledMessages()) do types[#types + 1] = m.type end
        return types
      end
      local before = types()
      sleep(1) sleep(1) sleep(1) sleep(1)
      return { before, types(), bus.statistics().unhandled }
      """#
    )
    #expect(result == [["nobody", "fails"], ["nobody", "fails later", "fails"], 3])
  }

  @Test func `M4 A handler is ended by its disposer or by name, once`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      local count = 0
      local function handler() count = count + 1 end
      local first = bus.subscribe("x", handler)
      local second = bus.subscribe("x", handler)
      bus.send("x")
      local a, b = first(), first()
      bus.send("x")
      local c, d = bus.unsubscribe("x", handler), bus.unsubscribe("x", handler)
      bus.send("x")
      pcall(transaction, function() bus.subscribe("x", handler) error("undone") end)
      bus.send("x")
      return { count, a, b, c, d, second() }
      """#
    )
    #expect(result == [3, true, false, true, false, false])
  }

  @Test func `M5 Middleware is ended by its disposer, once`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      local count = 0
      local off = bus.use(function() count = count + 1 end)
      bus.send("x")
      local a, b = off(), off()
      bus.send("x")
      return { count, a, b }
      """#
    )
    #expect(result == [1, true, false])
  }

  @Test func `M6 A request gives its answer, its failure, or fails at once when nobody answers`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local shop = useStore("shop")
      local none, noneError = pcall(shop.ask, shop, "shop:nam")
      local breaks, broken = pcall(shop.ask, shop, "shop:breaks")
      local listed = { 1, 2, requestId = nil }
      bus.answer("echo", function(m) return m.payload end)
      return { shop:ask("shop:name"), shop:ask("shop:slow"), none, noneError.code, breaks,
        broken.code, broken.message, bus.request("echo", { 1, 2 }), bus.request("echo", "text"),
        bus.request("echo", { requestId = "mine" }).requestId, bus.request("echo") == nil }
      """#
    )
    #expect(
      result == [
        "shop", "slow", false, "noResponder", false, "closed", "we are closed", [1, 2], "text",
        "mine", true,
      ]
    )
  }

  @Test(.timeLimit(.minutes(1)))
  func `M6 A request that is not answered in time fails, on the host's clock, and leaves nothing`()
    async throws
  {
    let project = try TestProject(Self.scripts)
    let waits = Mutex<[Double]>([])
    var configuration = HostConfiguration()
    configuration.sleep = { seconds in
      waits.withLock { $0.append(seconds) }
      // The responder's day never comes; the asker's patience ends at once.
      try await Task.sleep(for: .seconds(seconds > 1_000 ? seconds : 0))
    }
    let host = try await StoreHost(scripts: project.path, configuration: configuration)
    let shop = try await host.store("shop")
    for timeout in [Value.integer(3), .number(0.5), .integer(0)] {
      let error = await #expect(throws: StoreError.self) {
        try await shop.call("ask", "shop:never", .null, ["timeout": timeout])
      }
      #expect(error?.code == .timeout)
      #expect(error?.message.contains("'shop:never' was not answered in") == true)
    }
    #expect(waits.withLock { $0.filter { $0 < 1_000 } } == [3, 0.5, 0])
    #expect(try await shop.call("ask", "shop:name") == "shop")
  }

  @Test(.timeLimit(.minutes(1)))
  func `M6 When the asker goes away, a late answer is passed over`() async throws {
    let project = try TestProject(Self.scripts)
    let host = try await StoreHost(scripts: project.path)
    let shop = try await host.store("shop")
    let task = Task { try await shop.call("ask", "shop:slow") }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    let result = await task.result
    #expect(throws: (any Error).self) { try result.get() }
    // The responder's second goes by.
    try await Task.sleep(for: .milliseconds(1_200))
    #expect(try await shop.call("ask", "shop:name") == "shop")
  }

  @Test func `M7 Those who were asked can answer, later too, and the first answer counts`()
    async throws
  {
    let host = try await TestHost([
      "stores/desk.lua": """
      local kept
      return defineStore("desk", {
        state = { n = 0 },
        actions = {
          later = function() return bus.respond(kept, "later") end,
          answer = function(self, message) return bus.respond(message, "stolen") end,
        },
        on = {
          ["desk:now"] = function(self, m)
            return bus.respond(m, { n = m.payload.n + 1 }), bus.respond(m, "again")
          end,
          ["desk:error"] = function(self, m) bus.respond(m, nil, "") end,
          ["desk:throws"] = function() error("thrown") end,
          ["desk:later"] = function(self, m) kept = m end,
          ["desk:sleeps"] = function(self, m) sleep(1) bus.respond(m, "slept") end,
          ["desk:fails later"] = function(self, m) sleep(1) error("too late") end,
        },
      })
      """
    ])
    let result = try await host.run(
      #"""
      local function failure(name)
        local ok, err = pcall(bus.request, name)
        return type(err) == "string" and err or err.message
      end
      local desk, seen = useStore("desk"), nil
      bus.subscribe("*", function(m) if m.type == "desk:now" then seen = m end end)
      local now = bus.request("desk:now", { n = 1 })
      local again, stolen = pcall(bus.respond, seen, "stolen"), select(2, pcall(bus.respond, seen, "stolen"))
      local plain
      bus.subscribe("plain", function(m) plain = m end)
      bus.send("plain")
      local notARequest = select(2, pcall(bus.respond, plain, 1))
      spawn(function() sleep(1) desk:later() end)
      return { now, failure("desk:error"), failure("desk:throws"), bus.request("desk:later"),
        bus.request("desk:sleeps"), failure("desk:fails later"), again, stolen.code, notARequest.code,
        (pcall(bus.respond, "text", 1)) }
      """#
    )
    #expect(
      result == [
        ["n": 2], "", "stores/desk.lua:13: thrown", "later", "slept",
        "stores/desk.lua:16: too late", false, "permissionDenied", "invalidArgument", false,
      ]
    )
  }

  @Test func `M8 Old messages go by themselves and on request, unless nobody has handled them`()
    async throws
  {
    let project = try TestProject(Self.scripts)
    let clock = MovableClock()
    var configuration = HostConfiguration()
    configuration.clock = clock
    let host = try await StoreHost(scripts: project.path, configuration: configuration)
    func run(_ lua: String) async throws -> Value { try await host.evaluate(lua).value }
    _ = try await run(#"bus.subscribe("x", function() end) bus.send("x") bus.send("nobody")"#)
    clock.move(by: 30)
    _ = try await run(#"bus.send("x")"#)
    #expect(
      try await run("return { bus.cleanup(40), bus.cleanup(20), bus.messageCount() }") == [0, 1, 2]
    )
    clock.move(by: 100)
    _ = try await run(#"bus.send("x")"#)
    let types = try await run(
      "local t = array() for i, m in ipairs(bus.recentMessages()) do t[i] = m.type end return t"
    )
    #expect(types == ["x", "nobody"])
    for bad in ["-1", "0/0", "1/0", "'x'"] {
      #expect(try await run("return (pcall(bus.cleanup, \(bad)))") == false)
    }
    #expect(try await run("return bus.messageCount()") == 2)
  }

  @Test func `M9 to M12 The history is counted, bounded, newest first, and nobody's to change`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      for i = 1, 1100 do bus.send("m" .. i, { n = i }) end
      local recent = bus.recentMessages()
      recent[1].type = "changed"
      return { #recent, bus.recentMessages()[1].type, recent[20].type, bus.messageCount(),
        #bus.unhandledMessages(), bus.statistics(), (pcall(bus.recentMessages, -1)) }
      """#
    )
    #expect(
      result == [
        20, "m1100", "m1081", 1_000, 1_000,
        ["sent": 1_100, "retained": 1_000, "dropped": 100, "unhandled": 1_100], false,
      ]
    )
  }

  @Test func `Who is removed and added during a delivery hears from the next message on`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local seen = array()
      local function second() seen[#seen + 1] = "second" end
      bus.subscribe("x", function() bus.unsubscribe("x", second) bus.subscribe("x", second) end)
      bus.subscribe("x", second)
      bus.send("x")
      local first = #seen
      bus.send("x")
      return { first, #seen }
      """#
    )
    #expect(result == [0, 0])
  }

  @Test func `A hundred thousand messages and requests run in bounded memory`() async throws {
    let host = try await host()
    try await host.run(
      #"""
      for i = 1, 10 do bus.subscribe("load", function(m) local n = m.payload.n end) end
      for i = 1, 3 do bus.use(function(m) return m end) end
      bus.answer("double", function(m) return m.payload * 2 end)
      """#
    )
    let code = #"""
      local sum = 0
      for i = 1, 50000 do
        bus.send("load", { n = 1 })
        sum = sum + bus.request("double", 1)
      end
      return { sum, bus.messageCount() }
      """#
    #expect(try await host.run(code) == [100_000, 1_000])
    // Until the collector has found its pace.
    #expect(try await host.run(code) == [100_000, 1_000])
    let memory = await host.host.luaMemory
    #expect(try await host.run(code) == [100_000, 1_000])
    #expect(await host.host.luaMemory - memory < 3_000_000)
  }
}
