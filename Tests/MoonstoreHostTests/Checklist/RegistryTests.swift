import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// The registry of the document that the project began from, as it should have been: R1 to R15.
@Suite struct RegistryTests {
  private func host(_ extra: [String: String] = [:]) async throws -> TestHost {
    try await TestHost(
      [
        "stores/base.lua":
          #"return defineStore("base", { name = "The base", metadata = { team = "a" }, state = { n = 1 }, permissions = { "*" } })"#,
        "stores/top.lua":
          #"return defineStore("top", { dependencies = { "base" }, permissions = { "*" }, state = { n = 1 } })"#,
      ].merging(extra) { $1 }
    )
  }

  @Test func `R1 Registering keeps the whole record, and refuses what would break it`() async throws
  {
    let host = try await host()
    let record = try await host.run(
      #"""
      local list = { "base" }
      registry.register({ id = "mine", name = "Mine", dependencies = list, permissions = { "read" },
        metadata = { a = 1 } }, { state = { n = 0 } })
      list[2] = "top"
      return registry.record("mine")
      """#
    )
    #expect(
      record == [
        "id": "mine", "name": "Mine", "metadata": ["a": 1], "dependencies": ["base"],
        "dependents": [], "permissions": ["read"], "version": 1, "script": "driver",
      ]
    )
    for (bad, code) in [
      (#"registry.register({ id = "base" }, {})"#, "duplicateStore"),
      (#"registry.register({ id = "" }, {})"#, "invalidDefinition"),
      (#"registry.register({ id = "x", dependencies = { "x" } }, {})"#, "dependencyCycle"),
      (#"registry.register({ id = "x", dependencies = { "bse" } }, {})"#, "missingDependency"),
      (#"registry.register({ id = "x", permissions = { "raed" } }, {})"#, "invalidDefinition"),
      (#"registry.register({ id = "x", colour = 1 }, {})"#, "invalidArgument"),
      (#"registry.register({ name = "x" }, {})"#, "invalidArgument"),
      (#"registry.register({ id = "x" }, { state = { f = print } })"#, "notData"),
    ] as [(String, Value)] {
      let result = try await host.run(
        "local ok, err = pcall(function() \(bad) end) return { ok, err.code, registry.has('x') }"
      )
      #expect(result == [false, code, false], "\(bad)")
    }
    // A new store of an id has nothing of the old one.
    let again = try await host.run(
      #"""
      registry.unregister("mine")
      registry.register({ id = "mine" }, {})
      return registry.record("mine")
      """#
    )
    #expect(again["permissions"] == .null)
    #expect(again["dependencies"] == [])
  }

  @Test func `R2 Unregistering refuses, cascades or is forced, and takes all along`() async throws {
    let host = try await host([
      "stores/ear.lua":
        #"return defineStore("ear", { permissions = { "*" }, on = { ping = function() log.info("heard") end } })"#
    ])
    let result = try await host.run(
      #"""
      local ok, err = pcall(registry.unregister, "base")
      local unknown = select(2, pcall(registry.unregister, "bse"))
      bus.send("ping")
      local gone = registry.unregister("ear")
      bus.send("ping")
      defineStore("ear", { on = { ping = function() log.info("again") end } })
      bus.send("ping")
      local forced = registry.unregister("base", { force = true })
      local valid, missing = registry.validateDependencies("top")
      defineStore("base", { permissions = { "*" } })
      return { ok, err.code, err.message, unknown.code, gone, forced, valid, missing,
        registry.unregister("base", { cascade = true }), registry.ids() }
      """#
    )
    #expect(
      result == [
        false, "hasDependents", "the store 'base' cannot go: top depends on it", "unknownStore",
        ["ear"], ["base"], false, ["base"], ["top", "base"], ["ear"],
      ]
    )
    #expect(host.record.log == ["heard", "again"])
  }

  @Test func `R2 Nobody unregisters a store of others without the right`() async throws {
    let host = try await TestHost(["stores/a.lua": #"return defineStore("a", {})"#])
    let result = try await host.run(
      #"local ok, err = pcall(registry.unregister, "a") return { err.code, registry.has("a") }"#
    )
    #expect(result == ["permissionDenied", true])
  }

  @Test func `R2 A script that fails after it has unregistered has changed nothing`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      local base, top = useStore("base"), useStore("top")
      local ok = pcall(transaction, function()
        registry.unregister("base", { cascade = true })
        assert(not registry.has("base"))
        assert(not pcall(function() return base.n end))
        defineStore("base", { state = { n = 5 } })
        error("no")
      end)
      return { ok, registry.ids(), base.n, registry.resolveDependencies("top") }
      """#
    )
    #expect(result == [false, ["base", "top"], 1, ["base"]])
  }

  @Test func `R3 Dependencies are resolved in order, or the circle and the missing one are named`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      registry.register({ id = "z", dependencies = { "top", "base" } }, {})
      local unknown = select(2, pcall(registry.resolveDependencies, "nope"))
      registry.unregister("base", { force = true })
      local missing = select(2, pcall(registry.resolveDependencies, "z"))
      return { registry.has("z"), unknown.code, missing.code, missing.message }
      """#
    )
    #expect(
      result == [
        true, "unknownStore", "missingDependency",
        "the store 'top' depends on 'base', which is not there",
      ]
    )
    #expect(
      try await self.host().run(
        #"registry.register({ id = "z", dependencies = { "top", "base" } }, {}) return registry.resolveDependencies("z")"#
      ) == ["base", "top"]
    )
  }

  @Test func `R4 Validation says what is missing, also of unknown stores`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      local a = { registry.validateDependencies("top") }
      local b = { registry.validateDependencies("nope") }
      registry.register({ id = "z", dependencies = { "top" } }, {})
      registry.unregister("base", { force = true })
      local c = { registry.validateDependencies("z") }
      return { a, b, c }
      """#
    )
    #expect(result == [[true, []], [false, ["nope"]], [false, ["base"]]])
  }

  @Test func `R5 Events are numbered, bounded, in order, and undone with their turn`() async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local seen = array()
      registry.on("outer", function(event) registry.emit("inner", { of = event.sequence }) seen[#seen + 1] = "outer" end)
      registry.on("*", function(event) seen[#seen + 1] = "* " .. event.type end)
      registry.on("outer", function() error("listener") end)
      registry.emit("outer", { a = 1 }, { target = "base" })
      -- What a driver's group does shows at once, and goes with it.
      pcall(transaction, function() registry.emit("never") error("no") end)
      local last = registry.recentEvents(1)[1]
      for i = 1, 1001 - last.sequence do registry.emit("fill") end
      return { seen, last.type, last.source, #registry.recentEvents(5000), registry.recentEvents(5000)[1].sequence,
        registry.droppedEvents() }
      """#
    )
    #expect(result[0]?.arrayValue?.prefix(4) == ["outer", "* outer", "* inner", "* never"])
    #expect(result[1] == "inner")
    #expect(result[2] == "driver")
    // One more than a thousand leaves the last five hundred, from the 502nd on.
    #expect(result[3] == 500)
    #expect(result[4] == 502)
    #expect(result[5] == 501)
    #expect(host.record.reports.first?.message.contains("listener") == true)
    #expect(host.record.reports.count == 1)
  }

  @Test func `R5 Events that cause each other without end stop with an error`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      registry.on("a", function() registry.emit("b") end)
      registry.on("b", function() registry.emit("a") end)
      local before = #registry.recentEvents(1000)
      local ok, err = pcall(registry.emit, "a")
      local names = err.message:find("'a' at driver:1", 1, true) and err.message:find("'b' at driver:2", 1, true)
      return { ok, err.code, names ~= nil, #registry.recentEvents(1000) - before }
      """#
    )
    #expect(result == [false, "endlessLoop", true, 0])
  }

  @Test func `R5 The types of the registry itself cannot be forged`() async throws {
    let host = try await host()
    for type in ["store:registered", "permission:denied", "", "*"] {
      let code = try await host.run(
        "local ok, err = pcall(registry.emit, '\(type)') return err.code"
      )
      #expect(code == "invalidArgument")
    }
  }

  @Test func `R6 A disposer works once, and takes no other listener with it`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      local count = 0
      local function listener() count = count + 1 end
      local first = registry.on("x", listener)
      local second = registry.on("x", listener)
      registry.emit("x")
      local a, b = first(), first()
      registry.emit("x")
      return { count, a, b, second() }
      """#
    )
    #expect(result == [3, true, false, true])
  }

  @Test func `R7 A listener is removed by name, and one that removes itself hides nobody`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local seen = array()
      local off
      off = registry.on("x", function() seen[#seen + 1] = "first" off() end)
      local function second() seen[#seen + 1] = "second" end
      registry.on("x", second)
      registry.emit("x") registry.emit("x")
      return { seen, registry.off("x", second), registry.off("x", second), registry.off("y", print) }
      """#
    )
    #expect(result == [["first", "second", "second"], true, false, false])
  }

  @Test func `R8 The registry gives the same handle as useStore, with the asker's rights`()
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua":
        #"return defineStore("a", { permissions = { "read" }, state = { n = 1 } })"#
    ])
    let result = try await host.run(
      #"""
      local a = registry.get("a")
      return { a == useStore("a"), rawequal(a, useStore("a")), registry.get("nope") == nil, a.n,
        (pcall(function() a.n = 2 end)) }
      """#
    )
    #expect(result == [true, true, true, 1, false])
  }

  @Test func `R9 A store is there or not`() async throws {
    let host = try await host()
    #expect(
      try await host.run(#"return { registry.has("base"), registry.has("nope") }"#) == [
        true, false,
      ]
    )
  }

  @Test func `R10 All stores come in a table of the asker's own`() async throws {
    let host = try await host()
    let result = try await host.run(
      #"""
      local all = registry.all()
      all.base = nil
      return { registry.has("base"), registry.all().top == useStore("top"), all.top.n }
      """#
    )
    #expect(result == [true, true, 1])
  }

  @Test func `R11 A permission is checked for the one who asks, and refusals are events`()
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua": """
      return defineStore("a", {
        permissions = { "read", "call:hello", { action = "write", resource = "open", principal = "driver" } },
        state = { open = 1, shut = 1 },
        actions = { hello = function() return 1 end, bye = function() end },
      })
      """
    ])
    let result = try await host.run(
      #"""
      local events = array()
      registry.on("permission:denied", function(event) events[#events + 1] = event.payload.what end)
      local a = useStore("a")
      a.open = 2
      local ok, err = pcall(function() a.shut = 2 end)
      local ok2, err2 = pcall(a.bye, a)
      local c = registry.checkPermission
      return { a:hello(), a.open, ok, err.message, ok2, err2.message, c("a", "read"), c("a", "write"),
        c("a", "write:open"), c("a", "call"), c("a", "call:hello"), c("a", "admin"), c("nope", "read"),
        (pcall(c, "a", "fly")), events }
      """#
    )
    #expect(
      result == [
        1, 2, false, "permission denied: the script 'driver' may not write to 'a.shut'", false,
        "permission denied: the script 'driver' may not call 'a:bye'", true, false, true, false,
        true,
        false, false, false, ["a.shut", "a:bye"],
      ]
    )
  }

  @Test func `R12 and R13 Stores are counted and listed in order, also for getters`() async throws {
    let host = try await host([
      "stores/counter.lua": """
      return defineStore("counter", {
        getters = {
          count = function() return registry.count() end,
          last = function() return registry.ids()[registry.count()] end,
        },
      })
      """
    ])
    let result = try await host.run(
      #"""
      local counter = useStore("counter")
      local before = { counter.count, counter.last }
      defineStore("late", {})
      local after = { counter.count, counter.last }
      registry.unregister("late")
      return { before, after, counter.count, registry.ids() }
      """#
    )
    #expect(result == [[3, "top"], [4, "late"], 3, ["base", "counter", "top"]])
  }

  @Test func `R14 Recent events come oldest first, ten of them where nothing is said`() async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      for i = 1, 20 do registry.emit("e" .. i) end
      local events = registry.recentEvents()
      return { #events, events[1].type, events[10].type, #registry.recentEvents(3),
        (pcall(registry.recentEvents, -1)), (pcall(registry.recentEvents, 1.5)) }
      """#
    )
    #expect(result == [10, "e11", "e20", 3, false, false])
  }

  @Test
  func `R15 What the registry shows is data of one's own, and listeners go with their script`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local record = registry.record("base")
      record.name = "other"
      return { registry.record("base").name, registry.record("base").metadata.team,
        (pcall(function() registry.has = nil end)) }
      """#
    )
    #expect(result == ["The base", "a", false])
  }

  @Test func `R1 to R15 work from Swift`() async throws {
    let host = try await host().host
    let seen = try await host.withStores { stores in
      let registry = stores.registry
      var types: [String] = []
      let off = registry.onEvent("store:unregistered") {
        types.append("\($0.type) \($0.target ?? "")")
      }
      try stores.define(StoreDefinition("native"))
      try registry.unregister("native")
      off.cancel()
      off.cancel()
      try registry.emit("shop:opened", ["at": 9], target: "base")
      return types + [
        "\(registry.count)", registry.ids.joined(separator: ","),
        "\(try registry.missingDependencies("top"))", registry.recentEvents(1)[0].source,
      ]
    }
    #expect(seen == ["store:unregistered native", "2", "base,top", "[]", "swift"])
  }
}
