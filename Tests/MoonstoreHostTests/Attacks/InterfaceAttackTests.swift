import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// Attacks on what the host itself gives to scripts: the turn is undone, others are as they were.
@Suite(.serialized) struct InterfaceAttackTests {
  private func shop(_ files: [String: String]) async throws -> TestHost {
    let project = try AttackedShop.shop().merging(files) { _, new in new }
    return try await TestHost(project) { $0.grantsFiles = true }
  }

  private func error(_ body: () async throws -> Void) async -> StoreError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? StoreError
    }
  }

  /// The shop trades its day in the host that was attacked.
  private func check(_ host: TestHost) async throws {
    let result = try await host.host.run(
      script: TestProject.shop + "/trading.lua",
      name: "trading.lua"
    )
    #expect(result.value["orders"] != nil)
    #expect(try await host.host.withStores { $0.isInTurn } == false)
  }

  @Test(
    arguments: [
      "1", "0", "-1", "1 << 62", "math.mininteger", "1.5", "0/0", "1/0", "true", "false", "{}",
      "print", "self",
      "null", "''", "'\\0'", "'\\xff'", "('x'):rep(100000)", "coroutine.create(print)", "self.list",
      "handle", "message",
    ]
  )
  func `Whatever is used as a key of whatever the host gives, the host lives`(key: String)
    async throws
  {
    let host = try await shop([
      "stores/evil.lua": """
      return defineStore("evil", {
        permissions = { "*" },
        state = { n = 0, list = { 1 }, map = map({ a = 1 }) },
        getters = { twice = function(self) return self.n * 2 end },
        actions = {
          try = function(self, message)
            local handle = useStore("evil")
            local _, err = pcall(useStore, "nobody")
            local things = { self, self.list, self.map, store.state(self), handle, message, null, err, ref(1),
              computed(function() return 1 end), string, bus, settings, array(), registry.describe("evil") }
            for _, thing in pairs(things) do
              pcall(function() return thing[\(key)] end)
              pcall(function() thing[\(key)] = 1 end)
              pcall(function() thing[\(key)] = nil end)
              pcall(function() return thing[\(key)](thing, \(key)) end)
              pcall(next, thing, \(key)) pcall(rawget, thing, \(key)) pcall(rawset, thing, \(key), \(key))
              pcall(function() return thing .. \(key) end) pcall(function() return thing == \(key), thing < \(key) end)
              pcall(table.insert, thing, \(key)) pcall(table.insert, thing, \(key), \(key)) pcall(table.remove, thing, \(key))
              pcall(tostring, thing) pcall(function() return #thing end) pcall(setmetatable, thing, \(key))
            end
            for _, call in ipairs({ useStore, store.patch, store.reset, store.copy, store.subscribe, store.onAction,
              bus.send, bus.request, bus.subscribe, bus.answer, bus.respond, json.encode, json.decode, registry.get,
              registry.describe, registry.emit, secure, inject, provide, spawn, sleep, array, map, require, time.iso,
              random.id, random.integer, log.info, defineStore, composeStores, namespace }) do
              pcall(call, \(key)) pcall(call, self, \(key)) pcall(call, \(key), \(key)) pcall(call, self, \(key), \(key))
            end
          end,
        },
        on = { ["evil:keys"] = function(self, message) self:try(message) end },
      })
      """
    ])
    _ = try? await host.host.call("evil", "try")
    _ = try? await host.host.send("evil:keys", ["a": 1])
    #expect(try await host.host.withStores { $0.isInTurn } == false)
    #expect(try await host.run("return useStore('products').productCount") == 0)
  }

  /// What a getter may not do.
  private static let effects = [
    "self.n = 1", "self.list[1] = 2", "table.insert(self.list, 1)", "self:add(1)",
    "store.patch(self, { n = 1 })", "store.reset(self)", "store.dispose(self)",
    "useStore('products'):add({ id = 'x', name = 'x', priceMinor = 1, stock = 1 })",
    "bus.send('evil')", "bus.request('evil:ask')", "bus.subscribe('*', print)", "sleep(0.1)",
    "commit()", "transaction(function() self.n = 2 end)", "spawn(print)",
    "registry.emit('evil')", "registry.unregister('evil')", "defineStore('late', { state = {} })",
    "effects.on('evil', print)", "bus.use(function(m) return m end)", "provide('evil', 1)",
  ]

  @Test(arguments: effects, [false, true])
  func `A getter that writes, sends or waits gets an error, and has done nothing`(
    effect: String,
    catches: Bool
  ) async throws {
    let body =
      catches ? "local ok = pcall(function() \(effect) end) return ok" : "\(effect) return true"
    let host = try await shop([
      "stores/evil.lua": """
      return defineStore("evil", {
        permissions = { "*" },
        state = { n = 0, list = { 0 } },
        getters = { value = function(self) \(body) end, inside = function(self) \(body) end },
        actions = {
          add = function(self, n) self.n = self.n + n end,
          -- Inside of a turn, where others may write, and under a name that was used before.
          look = function(self) return self.n >= 0 and self.inside end,
        },
      })
      """
    ])
    let before = try await host.host.store("evil").state()
    let stores = await host.host.storeIDs
    let seen = try await host.run("return bus.messageCount()")
    if catches {
      #expect(try await host.host.store("evil").get("value") == false)
      #expect(try await host.host.store("evil").call("look") == false)
    } else {
      let inside = await error { _ = try await host.host.store("evil").call("look") }
      #expect(inside?.script?.hasPrefix("stores/") == true)
      let error = await error { _ = try await host.host.store("evil").get("value") }
      #expect(error?.member == "value")
      #expect(error?.script?.hasPrefix("stores/") == true)
    }
    #expect(try await host.host.store("evil").state() == before)
    #expect(await host.host.storeIDs == stores)
    #expect(try await host.run("return bus.messageCount()") == seen)
    #expect(try await host.host.store("products").get("productCount") == 0)
  }

  @Test(
    arguments: [
      // Swallows what it surrounds: the caller gets nothing, and nothing is done.
      ("return nil", 0), ("return 'forged'", 0),
      // Goes on twice.
      ("next() return next()", 1), ("pcall(next) pcall(next) return next()", 1),
      ("coroutine.wrap(next)() return next()", 1),
      // Goes on when the call is over.
      ("late = next return next()", 1),
      ("error('no')", 0), ("next() error('no')", 0),
    ]
  )
  func `Middleware that swallows or doubles next does an action at most once`(
    body: String,
    count: Int
  ) async throws {
    let host = try await shop([
      "middleware/evil.lua": """
      late = nil
      return function(call, next)
        if call.action == "late" then return late and late() end
        if call.action ~= "count" then return next() end
        \(body)
      end
      """,
      "stores/counter.lua": """
      return defineStore("counter", {
        state = { n = 0 },
        actions = { count = function(self) self.n = self.n + 1 return self.n end, late = function() end },
      })
      """,
    ])
    let counter = try await host.host.store("counter")
    _ = try? await counter.call("count")
    let done = try await counter.get("n").integerValue ?? -1
    // An error after the action undoes it, like any other.
    #expect(done <= 1 && done <= count, "\(done)")
    _ = try? await counter.call("late")
    #expect(try await counter.get("n").integerValue == done)
    try await check(host)
  }

  @Test func `Who stops listening while being told, and makes others stop, breaks no delivery`()
    async throws
  {
    let host = try await shop([
      "stores/evil.lua": """
      local heard = {}
      local ends = {}
      local function listen(name, fn)
        ends[name] = store.subscribe(useStore("products"), function(...)
          heard[#heard + 1] = name
          if fn then fn(...) end
        end)
      end
      return defineStore("evil", {
        dependencies = { "products" },
        actions = {
          listen = function()
            listen("first", function() ends.first() ends.second() listen("late") end)
            listen("second")
            listen("third", function() error("evil") end)
            listen("fourth")
          end,
          heard = function() local all = array(heard) heard = {} return all end,
        },
      })
      """
    ])
    let add = { (id: String) in
      try await host.host.store("products").call(
        "add",
        ["id": .string(id), "name": "x", "priceMinor": 1, "stock": 1]
      )
    }
    let evil = try await host.host.store("evil")
    try await evil.call("listen")
    _ = try await add("a")
    let first = try await evil.call("heard")
    // Whether the second one still hears of what was under way is the bus's choice; the others do.
    let names = first.arrayValue?.compactMap(\.stringValue) ?? []
    #expect(names.filter { $0 != "second" } == ["first", "third", "fourth"])
    _ = try await add("b")
    let later = try await evil.call("heard").arrayValue?.compactMap(\.stringValue) ?? []
    #expect(later.sorted() == ["fourth", "late", "third"])
    #expect(host.record.reports.allSatisfy { $0.message.contains("evil") })
    try await check(host)
  }

  @Test func `A payload is what it was when it was sent`() async throws {
    let host = try await shop([
      "stores/evil.lua": """
      local payload = { id = "a", deep = { n = 1 } }
      return defineStore("evil", {
        state = { seen = array() },
        actions = {
          send = function(self)
            bus.send("evil:news", payload)
            payload.id, payload.deep.n, payload.more = "changed", 2, print
          end,
          again = function(self) payload = setmetatable({}, { __index = error, __pairs = error, __len = error })
            bus.send("evil:news", payload) end,
        },
        on = {
          ["evil:news"] = function(self, message)
            self.seen[#self.seen + 1] = { id = message.payload.id or "none", n = message.payload.deep and message.payload.deep.n or 0 }
            pcall(function() message.payload.id = "forged" end)
            pcall(function() message.type = "forged" end)
            pcall(rawset, message, "payload", {})
          end,
        },
      })
      """,
      "stores/other.lua": """
      return defineStore("other", {
        state = { seen = array() },
        on = { ["evil:news"] = function(self, message) self.seen[#self.seen + 1] = message.payload.id or "none" end },
      })
      """,
    ])
    let evil = try await host.host.store("evil")
    try await evil.call("send")
    #expect(try await evil.get("seen") == [["id": "a", "n": 1]])
    #expect(try await host.host.store("other").get("seen") == ["a"])
    _ = try? await evil.call("again")
    try await check(host)
  }

  @Test(
    arguments: [
      "error('half')", "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
      "while true do end", "self.n = print", "bus.request('nobody:there')",
      "useStore('nobody')", "pcall(error) error({ code = 'half' })",
      "coroutine.wrap(function() error('half') end)()", "store.dispose(self) error('half')",
    ]
  )
  func `An action that fails after half its writes has never been`(body: String) async throws {
    let project = try AttackedShop.shop().merging([
      "stores/evil.lua": """
      return defineStore("evil", {
        permissions = { "*" },
        dependencies = { "products", "cart" },
        state = { n = 0, list = {} },
        actions = {
          half = function(self)
            self.n = 7
            table.insert(self.list, "x")
            useStore("products"):add({ id = "half", name = "x", priceMinor = 1, stock = 5 })
            useStore("cart"):addItem("half", 1)
            bus.send("evil:happened")
            bus.subscribe("*", function() log.error("ESCAPED") end)
            \(body)
          end,
        },
      })
      """
    ]) { _, new in new }
    let host = try await TestHost(project) {
      $0.grantsFiles = true
      $0.scriptLimits.turn = 0.2
      $0.scriptLimits.memory = 32 << 20
    }
    let ids = ["evil", "products", "cart", "order"]
    let picture = { () async throws -> [Value] in
      try await host.host.withStores { stores in try ids.map { try stores.store($0).state } }
    }
    let before = try await picture()
    let messages = try await host.run("return bus.messageCount()")
    #expect(await error { try await host.host.store("evil").call("half") } != nil)
    #expect(try await picture() == before)
    #expect(try await host.run("return bus.messageCount()") == messages)
    try await host.host.setScriptLimits(ScriptLimits())
    try await check(host)
    #expect(!host.record.log.contains("ESCAPED"))
  }

  @Test(
    arguments: [
      "useStore(other):ping(depth + 1)", "pcall(useStore(other).ping, useStore(other), depth + 1)",
      "bus.send(other .. ':ping')", "bus.request(other .. ':ask')",
      "spawn(function() useStore(other):ping(1) end)", "return useStore(other).value",
      "coroutine.wrap(function() useStore(other):ping(depth + 1) end)()",
      "transaction(function() useStore(other):ping(depth + 1) end)",
    ]
  )
  func `Two stores that call each other without end are stopped, and undone`(body: String)
    async throws
  {
    func store(_ id: String, _ other: String) -> String {
      """
      local other = "\(other)"
      local function go(self, depth)
        \(body)
      end
      return defineStore("\(id)", {
        permissions = { "*" },
        state = { n = 0 },
        getters = { value = function(self) return useStore(other).value end },
        actions = { ping = function(self, depth) self.n = self.n + 1 return go(self, depth or 1) end },
        on = { ["\(id):ping"] = function(self) self:ping(1) end },
        answers = { ["\(id):ask"] = function(self) self:ping(1) return 1 end },
      })
      """
    }
    let project = try AttackedShop.shop().merging([
      "stores/a.lua": store("a", "b"), "stores/b.lua": store("b", "a"),
    ]) { _, new in new }
    let host = try await TestHost(project) {
      $0.grantsFiles = true
      $0.scriptLimits.turn = 1
    }
    let clock = ContinuousClock()
    let began = clock.now
    let failure = await error { try await host.host.store("a").call("ping", 1) }
    #expect(clock.now - began < .seconds(10))
    // What is caught at each level, or begins when the turn is final, ends without an error of this call.
    if !body.contains("pcall"), !body.contains("spawn") {
      #expect(failure != nil)
      for id in ["a", "b"] { #expect(try await host.host.store(id).get("n") == 0) }
    }
    try await host.host.setScriptLimits(ScriptLimits())
    try await check(host)
  }

  @Test func `An error whose text never ends holds up a driver for one turn`() async throws {
    let project = try AttackedShop.shop().merging([
      "stores/evil.lua": """
      return defineStore("evil", {
        actions = {
          fail = function()
            error(setmetatable({}, { __tostring = function() while true do end end }))
          end,
        },
      })
      """
    ]) { _, new in new }
    let host = try await TestHost(project) {
      $0.grantsFiles = true
      $0.scriptLimits.turn = 0.05
    }
    #expect(await error { try await host.run("useStore('evil'):fail()") } != nil)
    try await host.host.setScriptLimits(ScriptLimits())
    try await check(host)
  }
}
