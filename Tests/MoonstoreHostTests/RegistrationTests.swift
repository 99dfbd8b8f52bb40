import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Registrations of scripts, of every kind: what ends them, and what a turn that fails makes of that.
struct RegistrationTests {
  /// For each kind: `begin(hear)` registers and gives what ends it, `tell()` lets it hear.
  static let kinds: [(name: String, lua: String)] = [
    (
      "bus.subscribe",
      """
      begin = function(hear) return bus.subscribe("ping", hear) end
      tell = function() bus.send("ping") end
      """
    ),
    (
      "bus.unsubscribe",
      """
      begin = function(hear)
        bus.subscribe("ping", hear)
        return function() return bus.unsubscribe("ping", hear) end
      end
      tell = function() bus.send("ping") end
      """
    ),
    (
      "bus.answer",
      """
      begin = function(hear) return bus.answer("ask", hear) end
      tell = function() pcall(bus.request, "ask") end
      """
    ),
    (
      "bus.use",
      """
      begin = function(hear)
        return bus.use(function(message) if message.type == "ping" then hear() end return message end)
      end
      tell = function() bus.send("ping") end
      """
    ),
    (
      "registry.on",
      """
      begin = function(hear) return registry.on("beat", hear) end
      tell = function() registry.emit("beat") end
      """
    ),
    (
      "registry.off",
      """
      begin = function(hear)
        registry.on("beat", hear)
        return function() return registry.off("beat", hear) end
      end
      tell = function() registry.emit("beat") end
      """
    ),
    (
      "store.subscribe",
      """
      begin = function(hear) return store.subscribe(target, hear) end
      tell = function() target:touch() end
      """
    ),
    (
      "store.onAction",
      """
      begin = function(hear) return store.onAction(target, hear) end
      tell = function() target:touch() end
      """
    ),
    (
      "applyMiddleware",
      """
      begin = function(hear)
        return applyMiddleware(target, { function(call, next) hear() return next() end, function(call, next) return next() end })
      end
      tell = function() target:touch() end
      """
    ),
    (
      "provide",
      """
      begin = function(hear) return provide("key", hear) end
      tell = function() inject("key", function() end)() end
      """
    ),
    (
      "watch",
      """
      begin = function(hear) return watch(function() return target.n end, hear) end
      tell = function() target:touch() end
      """
    ),
    (
      "effects.on a message",
      """
      begin = function(hear) return effects.on("ping", hear) end
      tell = function() bus.send("ping") end
      """
    ),
    (
      "effects.on an action",
      """
      begin = function(hear) return effects.on({ action = "target:touch" }, hear) end
      tell = function() target:touch() end
      """
    ),
    (
      "effects.on a change",
      """
      begin = function(hear) return effects.on({ change = target }, hear) end
      tell = function() target:touch() end
      """
    ),
    (
      "useComposedStore",
      """
      begin = function(hear)
        local composed = useComposedStore(function() return { target = target } end, { onChange = hear })
        return composed.dispose
      end
      tell = function() target:touch() end
      """
    ),
  ]

  private static func script(_ kind: Int, _ rest: String) -> String {
    """
    local target = defineStore("target", {
      state = { n = 0 }, actions = { touch = function(self) self.n = self.n + 1 end },
    })
    local begin, tell
    local heard = 0
    \(kinds[kind].lua)
    local function hear() heard = heard + 1 end
    local function hears()
      local before = heard
      tell()
      return heard > before
    end
    \(rest)
    """
  }

  private func expect(
    _ kind: Int,
    _ rest: String,
    sourceLocation: SourceLocation = #_sourceLocation
  )
    async throws
  {
    let test = try await TestHost([:])
    let result = try await test.run(RegistrationTests.script(kind, rest))
    let name = RegistrationTests.kinds[kind].name
    #expect(result == "right", "\(name): \(result)", sourceLocation: sourceLocation)
    #expect(test.record.reports.isEmpty, "\(name)", sourceLocation: sourceLocation)
  }

  @Test(arguments: kinds.indices)
  func `What was ended in a turn that failed hears again, and the same disposer ends it`(kind: Int)
    async throws
  {
    try await expect(
      kind,
      """
      local stop = begin(hear)
      if not hears() then return "does not hear at first" end
      local first, second
      pcall(transaction, function()
        first, second = stop(), stop()
        error("no")
      end)
      if first ~= true or second ~= false then return "in the turn: " .. tostring(first) .. tostring(second) end
      if not hears() then return "does not hear after the turn that failed" end
      if stop() ~= true then return "the disposer is dead" end
      if hears() then return "hears after its end" end
      if stop() ~= false then return "the disposer ends it twice" end
      return "right"
      """
    )
  }

  @Test(arguments: kinds.indices)
  func `What was registered in a turn that failed is gone, and its disposer says so`(kind: Int)
    async throws
  {
    try await expect(
      kind,
      """
      local stop
      pcall(transaction, function()
        stop = begin(hear)
        error("no")
      end)
      if hears() then return "hears" end
      if stop() ~= false then return "the disposer says that it stood" end
      return "right"
      """
    )
  }

  @Test(arguments: kinds.indices)
  func `A part of a turn that fails undoes what it ended, and the turn ends it all the same`(
    kind: Int
  )
    async throws
  {
    try await expect(
      kind,
      """
      local stop = begin(hear)
      local inner, outer
      transaction(function()
        pcall(function()
          inner = stop()
          error("no")
        end)
        outer = stop()
      end)
      if inner ~= true or outer ~= true then return tostring(inner) .. tostring(outer) end
      if hears() then return "hears" end
      if stop() ~= false then return "the disposer ends it twice" end
      return "right"
      """
    )
  }

  @Test func `The first of several with the same name is ended by that name, also after a failure`()
    async throws
  {
    let test = try await TestHost([:])
    let result = try await test.run(
      """
      local heard = 0
      local function hear() heard = heard + 1 end
      local stops = {}
      for i = 1, 4 do stops[i] = bus.subscribe("ping", hear) end
      pcall(transaction, function()
        for _ = 1, 3 do bus.unsubscribe("ping", hear) end
        stops[4]()
        assert(bus.unsubscribe("ping", hear) == false)
        error("no")
      end)
      assert(bus.unsubscribe("ping", hear) and bus.unsubscribe("ping", hear))
      assert(stops[1]() == false and stops[2]() == false)
      bus.send("ping")
      assert(bus.unsubscribe("ping", hear) and stops[4]() and not bus.unsubscribe("ping", hear))
      assert(not bus.unsubscribe("other", hear) and not registry.off("ping", hear))
      bus.send("ping")
      return heard
      """
    )
    #expect(result == 2)
  }

  @Test func `A listener that listens again in a turn that fails is what it was`() async throws {
    let test = try await TestHost([:])
    let result = try await test.run(
      """
      local target = defineStore("target", { state = { n = 0 }, actions = {
        touch = function(self) self.n = self.n + 1 end } })
      local heard, api = 0, nil
      local stop = effects.on({ { change = target }, { action = "target:touch" } }, function(event, own)
        heard, api = heard + 1, own
      end)
      target:touch()
      assert(heard == 2, heard)
      pcall(transaction, function()
        api.unsubscribe()
        api.subscribe()
        error("no")
      end)
      target:touch()
      assert(heard == 4, heard)
      assert(stop() == true and stop() == false)
      target:touch()
      return heard
      """
    )
    #expect(result == 4)
  }

  // MARK: Hooks

  private static let vault = """
    return defineStore("vault", {
      permissions = { "read", "call" }, state = { n = 0 },
      actions = { add = function(self) self.n = self.n + 1 return self.n end },
    })
    """

  @Test func `A hook without the right to write cannot veto a call; what it raises is reported`()
    async throws
  {
    let test = try await TestHost([
      "stores/vault.lua": RegistrationTests.vault,
      "stores/zspy.lua": """
      defineStore("spy", { state = { n = 0 } })
      function onLoad()
        store.onAction(useStore("vault"), function(call)
          useStore("spy").n = 1
          error("veto", 0)
        end)
      end
      """,
    ])
    #expect(try await test.run("return useStore('vault'):add()") == 1)
    #expect(try await test.run("return useStore('spy').n") == 0)
    let report = try #require(test.record.reports.first)
    #expect(report.message == "veto")
    #expect(report.script == "stores/zspy.lua")
    #expect(report.line == 3)
    #expect(test.record.reports.count == 1)
  }

  @Test func `A hook with the right to write vetoes a call`() async throws {
    let test = try await TestHost([
      "stores/vault.lua": RegistrationTests.vault.replacing(
        "\"call\" }",
        with: "\"call\", \"write\" }"
      ),
      "stores/zguard.lua": """
      defineStore("guard", {})
      function onLoad() store.onAction(useStore("vault"), function(call) error("veto", 0) end) end
      """,
    ])
    #expect(
      try await test.run("return select(2, pcall(useStore('vault').add, useStore('vault')))")
        == "veto"
    )
    #expect(try await test.run("return useStore('vault').n") == 0)
    #expect(test.record.reports.isEmpty)
  }

  @Test func `A reload that takes the right to write away takes the veto away`() async throws {
    let test = try await TestHost([
      "stores/vault.lua": RegistrationTests.vault.replacing(
        "\"call\" }",
        with: "\"call\", \"write\" }"
      ),
      "stores/zguard.lua": """
      defineStore("guard", {})
      function onLoad() store.onAction(useStore("vault"), function(call) error("veto", 0) end) end
      """,
    ])
    #expect(try await test.run("return pcall(useStore('vault').add, useStore('vault'))") == false)
    try await test.reload(["stores/vault.lua": RegistrationTests.vault])
    #expect(try await test.run("return useStore('vault'):add()") == 1)
  }

  @Test func `A reload keeps the order of hooks beside an effect on the same action`() async throws
  {
    func hook(_ name: String) -> String {
      """
      defineStore("\(name.lowercased())", {})
      function onLoad()
        store.onAction(useStore("target"), function(call)
          inject("note")("\(name)")
          call.args[1] = (call.args[1] or "") .. "\(name)"
        end)
      end
      """
    }
    let test = try await TestHost([
      "stores/a-target.lua": """
      local order = ""
      provide("note", function(name) order = order .. name end)
      defineStore("target", { permissions = { "read", "call", "write" }, state = { n = 0 },
        actions = { touch = function(self) self.n = self.n + 1 end, take = function(self)
          local taken = order
          order = ""
          return taken
        end } })
      """,
      "stores/b.lua": hook("b"), "stores/c.lua": hook("c"),
      "stores/d.lua": """
      defineStore("d", {})
      function onLoad() effects.on({ action = "target:touch" }, function() inject("note")("effect") end) end
      """,
    ])
    let order =
      "useStore('target'):take() useStore('target'):touch() return useStore('target'):take()"
    // Taking is an action too, so the hooks hear of it as well.
    #expect(try await test.run(order) == "bceffectbc")
    try await test.reload(["stores/b.lua": hook("B")])
    #expect(try await test.run(order) == "BceffectBc")
    try await test.reload(["stores/c.lua": hook("C")])
    #expect(try await test.run(order) == "BCeffectBC")
  }

  // MARK: Addresses

  @Test func `What a script registers above its store hears what is addressed to the store`()
    async throws
  {
    let early = """
      local heard = {}
      local own = "early" .. ":"
      bus.subscribe(own .. "heard", function(m) heard[#heard + 1] = m.payload end)
      bus.answer(own .. "asked", function(r) return r.payload end)
      bus.subscribe(own .. "handled", function(m) bus.respond(m, "handled") end)
      defineStore("early", { actions = { heard = function() return table.concat(heard, ",") end } })
      """
    let test = try await TestHost(["stores/early.lua": early])
    for script in ["", early] {
      let result = try await test.run(
        """
        \(script)
        bus.send("early" .. ":heard", 1, { to = "early" })
        assert(bus.request("early" .. ":asked", 2, { to = "early" }) == 2)
        assert(bus.request("early" .. ":handled", 2, { to = "early" }) == "handled")
        return useStore("early"):heard()
        """.replacing("\"early\"", with: script.isEmpty ? "\"early\"" : "\"late\"")
      )
      #expect(result == "1")
    }
  }
}
