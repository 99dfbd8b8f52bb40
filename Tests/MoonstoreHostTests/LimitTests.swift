import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing
import TestSupport

/// A turn that runs over its limits is undone, whatever it had done, and the host goes on.
@Suite(.serialized) struct LimitTests {
  static let store = """
    local forever = function() while true do end end
    return defineStore("victim", {
      state = { count = 0, list = {}, notes = map({}) },
      getters = {
        double = function(self) return self.count * 2 end,
        endless = function(self) local n = self.count while true do end end,
        sometimes = function(self) if self.count == 0 then while true do end end return self.count end,
      },
      actions = {
        add = function(self, n) self.count = self.count + n return self.count end,
        loop = function(self)
          self.count = self.count + 1
          forever()
        end,
        swallow = function(self)
          self.count = 99
          self.list[1] = "x"
          self.notes.a = { b = 1 }
          bus.send("victim:swallowed", { n = 1 })
          bus.subscribe("victim:later", function() log.info("heard") end)
          while true do
            pcall(function() self.count = self.count + 1 forever() end)
            coroutine.wrap(function() pcall(forever) end)()
          end
        end,
        bomb = function(self)
          self.count = 5
          local t = {}
          while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = { i } end end) end
        end,
        nested = function(self) self.count = 1 pcall(function() useStore("other"):loop() end) self.count = 2 end,
        read = function(self) self.count = 7 pcall(function() return self.endless end) return "survived" end,
        waits = function(self) self.count = 3 sleep(1) self.count = 4 while true do end end,
        sends = function(self) self.count = 11 bus.send("victim:slow", {}) return "sent" end,
        groups = function(self)
          self.count = 31
          transaction(function() store.patch(self, function(state) state.count = 32 forever() end) end)
        end,
        requires = function(self) return require("lib.slow") end,
        commits = function(self) self.count = 21 commit() self.count = 22 while true do end end,
      },
      on = {
        ["victim:slow"] = function(self) while true do end end,
        ["victim:ask"] = function(self) while true do end end,
      },
    })
    """

  static let other = """
    return defineStore("other", {
      state = { count = 0 },
      actions = {
        loop = function(self) self.count = 1 while true do end end,
        open = function(self) self.count = 1 end,
      },
    })
    """

  private func host(
    _ files: [String: String] = [:],
    _ change: (inout ScriptLimits) -> Void = { _ in }
  ) async throws -> TestHost {
    var limits = ScriptLimits()
    limits.turn = 0.05
    limits.getter = 0.05
    limits.loading = 5
    change(&limits)
    let project = ["stores/victim.lua": LimitTests.store, "stores/other.lua": LimitTests.other]
    return try await TestHost(project.merging(files) { _, new in new }) { $0.scriptLimits = limits }
  }

  private func error(_ body: () async throws -> Void) async -> StoreError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? StoreError
    }
  }

  @Test(arguments: ["loop", "swallow"])
  func `An action that does not end is ended, and has never been`(_ action: String) async throws {
    let host = try await host()
    let heard = Mutex<[String]>([])
    let victim = try await host.host.store("victim")
    try await host.host.withStores { stores in
      _ = try stores.subscribe("*") { message in heard.withLock { $0.append(message.type) } }
    }
    let before = try await host.host.withStores { try $0.store("victim").state }
    let error = await error { try await victim.call(action) }
    #expect(error?.code == .timeLimit)
    #expect(error?.store == "victim")
    #expect(error?.member == action)
    #expect(error?.script == "stores/victim.lua")
    #expect((error?.line ?? 0) > 0)
    #expect(error?.message.contains("ran for longer than 0.05 s") == true)
    #expect(try await host.host.withStores { try $0.store("victim").state } == before)
    #expect(heard.withLock { $0 } == [])
    #expect(try await victim.call("add", 3) == 3)
    #expect(try await victim.get("double") == 6)
    // What it had subscribed to is not there either.
    try await host.host.send("victim:later")
    #expect(host.record.log == [])
  }

  @Test func `A memory bomb in an action is ended, and has never been`() async throws {
    let host = try await host {
      $0.memory = 24 << 20; $0.turn = 20
    }
    let victim = try await host.host.store("victim")
    let error = await error { try await victim.call("bomb") }
    #expect(error?.code == .memoryLimit)
    #expect(error?.store == "victim")
    #expect(error?.member == "bomb")
    #expect(error?.script == "stores/victim.lua")
    #expect(try await victim.get("count") == 0)
    #expect(await host.host.needsReplacement)
    #expect(await host.host.luaMemory < 8 << 20)
    #expect(try await victim.call("add", 1) == 1)
  }

  @Test func `An action inside an action, and a getter inside one, end the whole turn`()
    async throws
  {
    let host = try await host()
    let victim = try await host.host.store("victim")
    let nested = await error { try await victim.call("nested") }
    #expect(nested?.code == .timeLimit)
    #expect(nested?.script == "stores/other.lua")
    let read = await error { try await victim.call("read") }
    #expect(read?.code == .timeLimit)
    #expect(try await victim.get("count") == 0)
    #expect(try await host.host.store("other").get("count") == 0)
    #expect(try await victim.call("add", 1) == 1)
  }

  @Test func `A handler that does not end fails the turn that sent the message`() async throws {
    let host = try await host()
    let victim = try await host.host.store("victim")
    let error = await error { try await victim.call("sends") }
    #expect(error?.code == .timeLimit)
    #expect(try await victim.get("count") == 0)
    #expect(try await victim.call("add", 1) == 1)
    let sent = await self.error { _ = try await host.host.send("victim:slow") }
    #expect(sent?.code == .timeLimit)
    #expect(try await victim.call("add", 1) == 2)
  }

  @Test func `Groups and patches that were ended in their middle are over`() async throws {
    let host = try await host()
    let victim = try await host.host.store("victim")
    for _ in 0..<3 { #expect(await error { try await victim.call("groups") }?.code == .timeLimit) }
    #expect(try await victim.get("count") == 0)
    // A driver that is killed within its own group, and one whose call is.
    let bounded = try await self.host { $0.driver = 0.05 }
    let endless = "transaction(function() useStore('victim'):add(5) while true do end end)"
    #expect(await error { try await bounded.run(endless) }?.code == .timeLimit)
    #expect(
      await error { try await host.run("transaction(function() useStore('victim'):groups() end)") }
        != nil
    )
    for host in [host, bounded] {
      #expect(try await host.host.withStores { $0.isInTurn } == false)
      #expect(try await host.run("return useStore('victim'):add(1)") == 1)
    }
  }

  @Test func `Swift middleware hears that the call it surrounds has failed`() async throws {
    let host = try await host()
    let heard = Mutex<[String]>([])
    try await host.host.use(
      ActionMiddleware(failed: { call, _ in heard.withLock { $0.append(call.action) } })
    )
    let victim = try await host.host.store("victim")
    #expect(await error { try await victim.call("loop") }?.code == .timeLimit)
    #expect(heard.withLock { $0 } == ["loop"])
    #expect(try await victim.call("add", 1) == 1)
  }

  @Test func `A module that was ended while it was loaded can be loaded again`() async throws {
    let host = try await host([
      "lib/slow.lua":
        "local n = 0 while useStore('other').count == 0 do n = n + 1 end return 'loaded'"
    ])
    let victim = try await host.host.store("victim")
    for _ in 0..<2 {
      #expect(await error { try await victim.call("requires") }?.code == .timeLimit)
    }
    try await host.host.store("other").call("open")
    #expect(try await victim.call("requires") == "loaded")
  }

  @Test func `What was committed before stays, and what came after does not`() async throws {
    let host = try await host()
    let victim = try await host.host.store("victim")
    #expect(await error { try await victim.call("commits") }?.code == .timeLimit)
    #expect(try await victim.get("count") == 21)
    #expect(await error { try await victim.call("waits") }?.code == .timeLimit)
    #expect(try await victim.get("count") == 3)
  }

  @Test func `A getter that does not end is ended, and read again the next time`() async throws {
    let host = try await host()
    let victim = try await host.host.store("victim")
    for _ in 0..<2 {
      let error = await error { _ = try await victim.get("endless") }
      #expect(error?.code == .timeLimit)
      #expect(error?.store == "victim")
      #expect(error?.member == "endless")
    }
    #expect(await error { _ = try await victim.get("sometimes") }?.code == .timeLimit)
    try await victim.call("add", 2)
    #expect(try await victim.get("sometimes") == 2)
  }

  @Test func `A getter that ran out of somebody else's time is no poisoned value`() async throws {
    let getter = """
      return defineStore("late", {
        state = { n = 2 },
        getters = { sum = function(self) local s = 0 for i = 1, 2000000 do s = s + self.n end return s end },
        actions = {
          waste = function(self)
            while true do pcall(function() return self.sum end) end
          end,
        },
      })
      """
    let host = try await host(["stores/late.lua": getter]) {
      $0.turn = 0.02; $0.getter = 30
    }
    let late = try await host.host.store("late")
    #expect(await error { try await late.call("waste") }?.code == .timeLimit)
    #expect(try await late.get("sum") == 4_000_000)
  }

  @Test func `A driver catches that one of its calls was ended, and goes on`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local victim = useStore("victim")
      local codes = array()
      for _, name in ipairs { "loop", "swallow", "nested", "sends" } do
        local ok, err = pcall(function() return victim[name](victim) end)
        codes[#codes + 1] = ok and "ok" or err.code
      end
      local ok, err = pcall(function() return victim.endless end)
      codes[#codes + 1] = ok and "ok" or err.code
      codes[#codes + 1] = victim:add(4)
      local grouped = pcall(function() transaction(function() victim:add(1) victim:loop() end) end)
      codes[#codes + 1] = grouped
      codes[#codes + 1] = victim.count
      return codes
      """
    )
    #expect(
      result == [
        "timeLimit", "timeLimit", "timeLimit", "timeLimit", "timeLimit", 4, false, 4,
      ]
    )
  }

  @Test func `A driver has the time that it is given, from one call to the next`() async throws {
    let free = try await host()
    #expect(
      try await free.run("local n = 0 for i = 1, 8000000 do n = n + 1 end return n") == 8_000_000
    )
    let bounded = try await host { $0.driver = 0.05 }
    #expect(
      await error { try await bounded.run("while true do pcall(error) end") }?.code == .timeLimit
    )
    #expect(try await bounded.run(#"return useStore("victim"):add(1)"#) == 1)
  }

  @Test func `Middleware, watchers, subscribers and conditions have limits as well`() async throws {
    let host = try await host([
      "middleware/slow.lua":
        #"return function(call, next) if call.action == "add" and call.args[1] == 42 then while true do end end return next() end"#,
      "stores/watcher.lua": """
      return defineStore("watcher", function()
        local victim = useStore("victim")
        local seen = ref(0)
        watch(function() return victim.count end, function(value)
          if value == 13 then while true do end end
          seen.value = value
        end)
        return { seen = seen }
      end)
      """,
    ])
    let victim = try await host.host.store("victim")
    #expect(await error { try await victim.call("add", 42) }?.code == .timeLimit)
    #expect(try await victim.get("count") == 0)
    #expect(try await victim.call("add", 13) == 13)
    #expect(host.record.reports.contains { $0.code == .timeLimit })
    #expect(try await victim.call("add", 1) == 14)
    #expect(try await host.host.store("watcher").get("seen") == 14)
  }

  @Test func `A project that does not end its loading is refused`() async throws {
    for (path, script) in [
      ("stores/endless.lua", "while true do end"),
      ("stores/endless.lua", #"return defineStore("endless", function() while true do end end)"#),
      ("moonstore.lua", "while true do pcall(error) end"),
      ("plugins/endless.lua", "return function(context) while true do end end"),
    ] {
      let error = await error {
        _ = try await host([path: script]) { $0.loading = 0.05 }
      }
      #expect(error?.code == .timeLimit)
      #expect(error?.script == path)
      #expect(error?.line == 1)
    }
  }

  @Test func `Settings that can be none are refused at the start`() async throws {
    let changes: [(String, (inout ScriptLimits) -> Void)] = [
      ("scriptLimits.turn", { $0.turn = -1 }), ("scriptLimits.turn", { $0.turn = .nan }),
      ("scriptLimits.getter", { $0.getter = 0 }),
      ("scriptLimits.loading", { $0.loading = .infinity }),
      ("scriptLimits.driver", { $0.driver = -0.5 }), ("scriptLimits.memory", { $0.memory = -1 }),
      ("scriptLimits.memory", { $0.memory = 10 }),
    ]
    for (name, change) in changes {
      let error = await error { _ = try await host([:], change) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.hasPrefix(name) == true)
    }
  }

  @Test func `After every kind of attack the shop trades its day right`() async throws {
    let shop = try await TestHost(shop: [:]) { configuration in
      configuration.scriptLimits.turn = 0.5
      configuration.scriptLimits.driver = 0.2
      configuration.scriptLimits.memory = 64 << 20
    }
    for attack in [
      "while true do end", "while true do pcall(error) end",
      "coroutine.wrap(function() while true do pcall(error) end end)()",
      "xpcall(error, function() while true do end end)",
      "local t = {} while true do t = { t } end",
    ] {
      #expect(await error { try await shop.run(attack) } != nil)
    }
    let day = #"""
      local products, cart, order = useStore("products"), useStore("cart"), useStore("order")
      for i = 1, 20 do products:add({ id = "p" .. i, name = "Thing " .. i, priceMinor = 100 * i, stock = 50 }) end
      local total = 0
      for n = 1, 60 do
        cart:addItem("p" .. (n % 20 + 1), n % 3 + 1)
        local made = order:createOrder({ customerName = "Customer " .. n })
        total = total + made.total
      end
      local left = 0
      for i = 1, 20 do left = left + products.items["p" .. i].stock end
      return { total, left }
      """#
    var total = 0
    var left = 20 * 50
    for n in 1...60 {
      total += (n % 20 + 1) * 100 * (n % 3 + 1)
      left -= n % 3 + 1
    }
    #expect(try await shop.run(day) == [.integer(Int64(total)), .integer(Int64(left))])
  }
}
