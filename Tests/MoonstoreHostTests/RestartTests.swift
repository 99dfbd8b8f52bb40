import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing
import TestSupport

/// A script that was ended in the middle of its work is loaded anew before its code is called again.
@Suite(.serialized) struct RestartTests {
  private static let victim = """
    local cache, steps = {}, 0
    local function forever() while true do end end
    log.info("loaded")
    return defineStore("victim", {
      permissions = { "*" },
      state = function() return { n = 0, id = random.id(), optional = 1, kind = 1 } end,
      getters = {
        half = function(self) steps = steps + 1 cache.half = self.n if self.n == 13 then forever() end return steps end,
      },
      actions = {
        set = function(self, n) self.n = n end,
        change = function(self) self.optional = nil self.kind = { "list" } end,
        fill = function(self) cache.a = 1 steps = 7 forever() cache.b = 2 end,
        bomb = function(self)
          cache.a = 1
          local t = {}
          while true do t[#t + 1] = { #t } end
        end,
        look = function(self) return { a = cache.a or 0, steps = steps } end,
        wait = function(self) cache.waits = true steps = 5 sleep(0.02) return { waits = cache.waits or false, steps = steps } end,
        make = function(self)
          local own = 0
          defineStore("made", {
            permissions = { "*" },
            state = { n = 5 },
            actions = { go = function(made) own = own + 1 made.n = made.n + 1 forever() end,
              own = function(made) return own end },
          })
        end,
      },
      on = { ["victim:now"] = function(self) cache.a = 1 forever() end },
    })
    """

  private static let other = """
    local seen = 0
    return defineStore("other", {
      permissions = { "*" },
      actions = {
        look = function(self) seen = seen + 1 return seen end,
        wait = function(self) seen = seen + 1 sleep(0.02) return seen end,
      },
    })
    """

  private func host(
    _ files: [String: String] = [:],
    _ change: (inout HostConfiguration) -> Void = { _ in }
  ) async throws -> TestHost {
    let project = [
      "stores/victim.lua": RestartTests.victim, "stores/other.lua": RestartTests.other,
    ]
    return try await TestHost(project.merging(files) { _, new in new }, sleeping: .forReal) {
      $0.scriptLimits.turn = 0.05
      $0.scriptLimits.getter = 0.05
      $0.scriptLimits.memory = 32 << 20
      $0.scriptLimits.overruns = nil
      change(&$0)
    }
  }

  private let fresh: Value = ["a": 0, "steps": 0]

  @Test(arguments: ["fill", "bomb"])
  func `A cache that an action had half filled when it was ended is as after loading`(
    action: String
  ) async throws {
    let host = try await host { $0.scriptLimits.turn = action == "bomb" ? 20 : 0.05 }
    let victim = try await host.host.store("victim")
    let end: StoreError.Code = action == "bomb" ? .memoryLimit : .timeLimit
    #expect(await code { try await victim.call(action) } == end)
    #expect(try await victim.call("look") == fresh)
    #expect(host.record.log == ["loaded", "loaded"])
    #expect(host.record.reports.isEmpty)
    let events = try await host.host.withStores { $0.registry.recentEvents().map(\.type) }
    #expect(events.contains("script:restarted") && !events.contains("script:reloaded"))
  }

  @Test func `One that has kept all of the memory lets go of it, and leaves room for others`()
    async throws
  {
    let host = try await host([
      "stores/hog.lua": """
      local kept = {}
      return defineStore("hog", { permissions = { "*" }, actions = {
        hoard = function() while true do kept[#kept + 1] = ("x"):rep(1000) .. #kept end end,
        count = function() return #kept end,
      } })
      """
    ]) { $0.scriptLimits.turn = 20 }
    for _ in 0..<3 {
      #expect(await code { try await host.host.call("hog", "hoard") } == .memoryLimit)
      #expect(try await host.host.call("hog", "count") == 0)
      #expect(try await host.host.call("other", "look").integerValue ?? 0 > 0)
    }
    #expect(host.record.reports.isEmpty, "\(host.record.reports.map(\.message))")
    #expect(await host.host.luaMemory < 36 << 20)
  }

  @Test func `State, identity and the number of the version are what they were`() async throws {
    let host = try await host()
    let victim = try await host.host.store("victim")
    try await victim.call("set", 9)
    try await victim.call("change")
    let before = try await victim.state()
    #expect(before["optional"] == nil)
    #expect(await code { try await victim.call("fill") } == .timeLimit)
    #expect(try await victim.call("look") == fresh)
    // Its defaults come to something else now, and its field is a list where the default is a number.
    #expect(try await victim.state() == before)
    let versions = try await host.host.versions(of: "stores/victim.lua")
    #expect(versions.map(\.number) == [1])
    #expect(versions.first?.isLive == true)
    #expect(try await host.host.reload().isEmpty)
  }

  @Test func `A handler and a getter that were ended count as well, when and as they are read`()
    async throws
  {
    let host = try await host()
    let victim = try await host.host.store("victim")
    #expect(await code { try await host.host.send("victim:now") } == .timeLimit)
    #expect(try await victim.call("look") == fresh)
    try await victim.call("set", 13)
    #expect(await code { _ = try await victim.get("half") } == .timeLimit)
    try await host.host.withStores { try $0.store("victim").set("n", 1) }
    // It is anew although nobody has called an action since.
    #expect(try await victim.get("half") == 1)
    #expect(host.record.log.count == 3)
  }

  @Test func `A driver's next line has the new code`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local victim = useStore("victim")
      local ok, err = pcall(function() victim:fill() end)
      return { code = err.code, look = victim:look() }
      """
    )
    #expect(result == ["code": "timeLimit", "look": fresh])
    try await host.host.call("victim", "set", [13])
    #expect(
      try await host.run(
        """
        local victim = useStore("victim")
        local ok, err = pcall(function() return victim.half end)
        return { code = err.code, look = victim:look() }
        """
      ) == ["code": "timeLimit", "look": fresh]
    )
    let session = try await host.host.openSession()
    #expect(await session.submit("useStore('victim'):fill()").error?.code == .timeLimit)
    var view = ReplView()
    view.wantsData = true
    #expect(await session.submit("useStore('victim'):look()", view).values == [fresh])
    await session.close()
  }

  @Test func `What waits in it ends on the code that it began with, and others' waits go on`()
    async throws
  {
    let host = try await host()
    let own = Task { try await host.host.call("victim", "wait") }
    let others = Task { try await host.host.call("other", "wait") }
    try await eventually("the call waits", { try await host.host.call("other", "look") != 1 })
    #expect(await code { try await host.host.call("victim", "fill") } == .timeLimit)
    #expect(try await host.host.call("victim", "look") == fresh)
    _ = try await own.value
    #expect((try await others.value).integerValue ?? 0 > 1)
    // The one that nobody has ended was not loaded anew.
    #expect((try await host.host.call("other", "look")).integerValue ?? 0 > 2)
    #expect(host.record.reports.isEmpty)
  }

  @Test func `An action that waits meanwhile sees what it had, and its store is the new one's`()
    async throws
  {
    let isOver = Atomic(false)
    let host = try await host {
      // Long enough for what does not loop, beside other tests on few processors as well.
      $0.scriptLimits.turn = 0.5
      $0.sleep = { _ in
        while !isOver.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
      }
    }
    let waiting = Task { try await host.host.call("victim", "wait") }
    try await eventually(
      "the call waits",
      { try await host.host.call("victim", "look")["steps"] != 0 }
    )
    #expect(await code { try await host.host.call("victim", "fill") } == .timeLimit)
    #expect(try await host.host.outdatedWork().map(\.count) == [1])
    isOver.store(true, ordering: .relaxed)
    #expect(try await waiting.value == ["waits": true, "steps": 7])
    #expect(try await host.host.call("victim", "look") == fresh)
  }

  @Test func `Whoever was further up on the stack is loaded anew as well, and nobody else`()
    async throws
  {
    let through = """
      local count = 0
      return defineStore("through", {
        permissions = { "*" },
        actions = { go = function() count = count + 1 useStore("victim"):fill() end, count = function() return count end,
          ask = function() count = count + 1 return bus.request("through:now") end },
        answers = { ["through:now"] = function() coroutine.wrap(function() useStore("victim"):fill() end)() end },
      })
      """
    let host = try await host(["stores/through.lua": through])
    _ = try await host.host.call("other", "look")
    for action in ["go", "ask"] {
      #expect(await code { try await host.host.call("through", action) } == .timeLimit)
      #expect(try await host.host.call("through", "count") == 0)
      #expect(try await host.host.call("victim", "look") == fresh)
    }
    #expect(try await host.host.call("other", "look") == 2)
  }

  @Test func `A module on the stack speaks for the script that requires it`() async throws {
    let module = """
      local calls = 0
      return { go = function() calls = calls + 1 while true do end end, calls = function() return calls end }
      """
    func user(_ id: String, _ go: String) -> String {
      """
      local lib = require("lib.lib")
      local loads = 0
      return defineStore("\(id)", { permissions = { "*" },
        actions = { go = \(go), calls = function() loads = loads + 1 return lib.calls() + loads end } })
      """
    }
    let host = try await host([
      "lib/lib.lua": module, "stores/a.lua": user("a", "function() lib.go() end"),
      "stores/b.lua": user("b", "lib.go"),
    ])
    #expect(try await host.host.call("b", "calls") == 1)
    #expect(await code { try await host.host.call("a", "go") } == .timeLimit)
    #expect(try await host.host.call("a", "calls") == 1)
    #expect(try await host.host.call("b", "calls") == 2)
    // Here nothing but the module is on the stack, and it could be either's.
    #expect(await code { try await host.host.call("b", "go") } == .timeLimit)
    #expect(try await host.host.call("b", "calls") == 1)
    #expect(try await host.host.call("a", "calls") == 1)
  }

  @Test func `A store that it made while it ran keeps its state and its code`() async throws {
    let host = try await host()
    try await host.host.call("victim", "make")
    #expect(await code { try await host.host.call("made", "go") } == .timeLimit)
    #expect(try await host.host.store("made").get("n") == 5)
    // As after any reload: its code is what its script's old version has made, until it is defined again.
    #expect(try await host.host.call("made", "own") == 1)
    #expect(try await host.host.call("victim", "look") == fresh)
    #expect(try await host.host.call("victim", "set", [3]) == .null)
  }

  @Test func `A kill while a reload loads leaves the running version as it is`() async throws {
    let host = try await host { $0.scriptLimits.loading = 0.5 }
    #expect(try await host.host.call("other", "look") == 1)
    let report = try await host.reload(["stores/other.lua": "while true do end"])
    #expect(report.failures.first?.code == .timeLimit)
    #expect(try await host.host.call("other", "look") == 2)
    // Its own last words are its code; they are ended, and it goes on fresh.
    let host2 = try await self.host(
      ["stores/other.lua": "function onUnload() while true do end end " + RestartTests.other]
    ) { $0.scriptLimits.loading = 0.5 }
    #expect(try await host2.host.call("other", "look") == 1)
    #expect(try await host2.reload(["stores/other.lua": RestartTests.other]).isRefused)
    #expect(try await host2.host.call("other", "look") == 1)
  }

  @Test func `One that cannot be loaded anew goes on as it is, and that is reported once`()
    async throws
  {
    // It loads once, and never again.
    let script = """
      local n = 0
      if inject("seen", false) then error("no second time") end
      return defineStore("once", { permissions = { "*" },
        actions = { go = function() n = n + 1 while true do end end, count = function() return n end } })
      """
    let host = try await host([
      "stores/once.lua": script,
      "stores/provider.lua": """
      return defineStore("provider", { actions = { provide = function() provide("seen", true) end } })
      """,
    ])
    try await host.host.call("provider", "provide")
    #expect(await code { try await host.host.call("once", "go") } == .timeLimit)
    #expect(try await host.host.call("once", "count") == 1)
    let reports = host.record.reports.map(\.message)
    #expect(reports.count == 1)
    #expect(reports.first?.contains("cannot be loaded anew") == true)
    #expect(reports.first?.contains("no second time") == true)
    // Nor is it tried again before it is ended again.
    #expect(try await host.host.call("once", "count") == 1)
    #expect(host.record.reports.count == 1)
  }

  @Test func `One whose loading is ended is not loaded again and again, and quarantine counts on`()
    async throws
  {
    let host = try await host([
      "stores/heavy.lua": """
      log.info("heavy")
      if inject("seen", false) then while true do end end
      return defineStore("heavy", { permissions = { "*" },
        actions = { go = function() while true do end end, fine = function() return 1 end } })
      """,
      "stores/provider.lua": """
      return defineStore("provider", { actions = { provide = function() provide("seen", true) end } })
      """,
    ]) {
      $0.scriptLimits.loading = 0.1
      $0.scriptLimits.overruns = 3
    }
    try await host.host.call("provider", "provide")
    let loads = { host.record.log.filter { $0 == "heavy" }.count }
    #expect(await code { try await host.host.call("heavy", "go") } == .timeLimit)
    #expect(try await host.host.call("heavy", "fine") == 1)
    #expect(loads() == 2)
    // The action, its loading, and this one.
    #expect(await code { try await host.host.call("heavy", "go") } == .timeLimit)
    #expect(await host.host.quarantinedScripts == ["stores/heavy.lua"])
    #expect(await code { try await host.host.call("heavy", "fine") } == .quarantined)
    #expect(loads() == 2)
  }

  @Test func `Two that end each other while they are loaded are each loaded once`() async throws {
    func script(_ id: String, _ other: String) -> String {
      """
      log.info("\(id)")
      function onLoad() if inject("seen", false) then useStore("\(other)"):go() end end
      return defineStore("\(id)", { permissions = { "*" },
        actions = { go = function() while true do end end, fine = function() return 1 end } })
      """
    }
    let host = try await host([
      "stores/a.lua": script("a", "b"), "stores/b.lua": script("b", "a"),
      "stores/provider.lua": """
      return defineStore("provider", { actions = { provide = function() provide("seen", true) end } })
      """,
    ]) { $0.scriptLimits.loading = 0.1 }
    try await host.host.call("provider", "provide")
    #expect(await code { try await host.host.call("a", "go") } == .timeLimit)
    #expect(try await host.host.call("b", "fine") == 1)
    #expect(try await host.host.call("a", "fine") == 1)
    #expect(host.record.log.filter { $0 == "a" }.count == 2)
    #expect(host.record.log.filter { $0 == "b" }.count == 2)
  }

  @Test func `Middleware and plugins that were ended are loaded anew in their places`() async throws
  {
    let host = try await host([
      "middleware/a.lua": """
      local n = 0
      return function(call, next)
        n = n + 1
        if call.args[1] == "loop" then while true do end end
        local result = next()
        if call.action == "echo" then return "a" .. n .. result end
        return result
      end
      """,
      "middleware/b.lua": """
      return function(call, next)
        local result = next()
        if call.action == "echo" then return "b" .. result end
        return result
      end
      """,
      "plugins/p.lua": """
      local made = 0
      return function(context) made = made + 1 return { actions = { ["p"] = function() made = made + 10 while made > 10 do end return made end } } end
      """,
      "stores/echo.lua":
        #"return defineStore("echo", { permissions = { "*" }, actions = { echo = function(self, x) return x end } })"#,
    ])
    #expect(try await host.host.call("echo", "echo", ["x"]) == "a1bx")
    #expect(await code { try await host.host.call("echo", "echo", ["loop"]) } == .timeLimit)
    #expect(try await host.host.call("echo", "echo", ["x"]) == "a1bx")
    #expect(await code { try await host.host.call("echo", "p") } == .timeLimit)
    #expect(await code { try await host.host.call("echo", "p") } == .timeLimit)
    #expect(try await host.host.call("echo", "echo", ["x"]) == "a1bx")
    #expect(host.record.reports.isEmpty)
  }

  @Test func `Setup stores keep their refs, and watch once`() async throws {
    let host = try await host([
      "stores/setup.lua": """
      local calls = 0
      return defineStore("setup", function()
        local shown, hidden = ref(1), ref(10)
        local sum = computed(function() return shown.value + hidden.value end)
        watch(function() return shown.value end, function(v) log.info("saw " .. v) end)
        return {
          shown = shown, sum = sum,
          grow = function() calls = calls + 1 shown.value = shown.value + 1 hidden.value = hidden.value + 1 return calls end,
          loop = function() calls = calls + 1 hidden.value = 0 while true do end end,
        }
      end)
      """
    ])
    _ = try await host.host.call("setup", "grow")
    #expect(await code { try await host.host.call("setup", "loop") } == .timeLimit)
    #expect(try await host.host.store("setup").get("sum") == 13)
    #expect(try await host.host.call("setup", "grow") == 1)
    #expect(try await host.host.store("setup").get("sum") == 15)
    #expect(host.record.log.filter { $0.hasPrefix("saw") } == ["saw 2", "saw 3"])
  }

  @Test func `What a guard takes back is loaded for that, and not once more`() async throws {
    func script(_ body: String) -> String {
      """
      log.info("loaded")
      return defineStore("guarded", { permissions = { "*" }, actions = { go = function() \(body) end } })
      """
    }
    let host = try await host(["stores/guarded.lua": script("return 1")])
    var options = ReloadOptions()
    options.guardedTurns = 10
    try await host.reload(["stores/guarded.lua": script("while true do end")], options)
    #expect(await code { try await host.host.call("guarded", "go") } == .timeLimit)
    #expect(try await host.host.call("guarded", "go") == 1)
    #expect(try await host.host.versions(of: "stores/guarded.lua").first?.isLive == true)
    // (The host's other script that says so is loaded once.)
    #expect(host.record.log == Array(repeating: "loaded", count: 4))
  }

  @Test func `A script that was taken back to an older version stays there`() async throws {
    let looping = RestartTests.other.replacing(
      "look =",
      with: "loop = function() while true do end end, look ="
    )
    let host = try await host(["stores/other.lua": looping])
    try await host.reload(["stores/other.lua": looping + "\n-- newer"])
    try await host.host.reload("stores/other.lua", to: 1)
    #expect(await code { try await host.host.call("other", "loop") } == .timeLimit)
    #expect(try await host.host.call("other", "look") == 1)
    #expect(try await host.host.versions(of: "stores/other.lua").first?.isLive == true)
    #expect(try await host.host.reload().isEmpty)
  }
}
