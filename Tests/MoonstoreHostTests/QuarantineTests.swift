import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// A script that runs over its limits again and again is not run any more, and the host says so.
@Suite(.serialized) struct QuarantineTests {
  private static let evil = """
    local function maybe(n) if n == 13 then while true do end end return n end
    effects.on("evil:beat", function() log.info("beat") end)
    return defineStore("evil", {
      permissions = { "*" },
      state = { n = 1 },
      getters = { double = function(self) return maybe(self.n) * 2 end },
      actions = {
        set = function(self, n) self.n = maybe(n) return n end,
        start = function(self) spawn(function() sleep(0.1) log.info("slept") end) end,
      },
      on = { ["evil:set"] = function(self, message) self.n = message.payload end },
      answers = { ["evil:ask"] = function(self) return self.n end },
    })
    """

  private func host(_ files: [String: String] = [:]) async throws -> TestHost {
    let project = [
      "stores/evil.lua": QuarantineTests.evil,
      "stores/good.lua": """
      return defineStore("good", {
        dependencies = { "evil" },
        actions = { pass = function(self, n) return useStore("evil"):set(n) end, fine = function() return 1 end },
      })
      """,
    ].merging(files) { _, new in new }
    return try await TestHost(project) {
      $0.scriptLimits.turn = 0.01
      $0.scriptLimits.getter = 0.01
      $0.scriptLimits.overruns = 3
    }
  }

  private func overrun(_ host: TestHost, times: Int = 3) async {
    for _ in 0..<times {
      #expect(await code { try await host.host.call("good", "pass", [13]) } == .timeLimit)
    }
  }

  @Test func `After so many overruns it is not run, and its state can still be read`() async throws
  {
    let host = try await host()
    try await host.host.call("evil", "set", [2])
    await overrun(host, times: 2)
    #expect(try await host.host.call("evil", "set", [3]) == 3)
    #expect(await host.host.quarantinedScripts == [])
    await overrun(host, times: 1)

    #expect(await host.host.quarantinedScripts == ["stores/evil.lua"])
    let report = try #require(host.record.reports.last { $0.code == .quarantined })
    #expect(report.script == "stores/evil.lua")
    #expect(
      report.message
        == "stores/evil.lua ran over its limits 3 times within 60.0 s; it is not run any more until it is reloaded"
    )
    let evil = try await host.host.store("evil")
    #expect(await code { try await evil.call("set", 4) } == .quarantined)
    #expect(await code { _ = try await evil.get("double") } == .quarantined)
    #expect(await code { _ = try await host.host.request("evil:ask") } == .quarantined)
    #expect(await code { try await host.host.call("good", "pass", [4]) } == .quarantined)
    try await host.host.send("evil:set", 9)
    try await host.host.send("evil:beat")
    #expect(try await evil.get("n") == 3)
    #expect(!host.record.log.contains("beat"))
    // The one whose calls ended there has done nothing wrong.
    #expect(try await host.host.call("good", "fine") == 1)
    #expect(
      try await host.run(
        "local ok, err = pcall(function() return useStore('evil'):set(5) end) return err.code"
      ) == "quarantined"
    )
  }

  private static let attacker = """
    return defineStore("attacker", {
      actions = {
        loop = function(self) local evil = useStore("evil") while true do evil:set(1) end end,
        caught = function(self)
          local evil = useStore("evil")
          while true do pcall(function() evil:set(1) error("again") end) end
        end,
        wrapped = function(self)
          local evil = useStore("evil")
          coroutine.wrap(function() while true do evil:set(1) end end)()
        end,
        reads = function(self) local evil = useStore("evil") while true do local _ = evil.double end end,
        sends = function(self) for i = 1, 1e6 do bus.send("evil:set", 1) end end,
        asks = function(self) while true do bus.request("evil:ask") end end,
        spawns = function(self) spawn(function() local evil = useStore("evil") while true do evil:set(1) end end) end,
      },
    })
    """

  @Test(arguments: ["loop", "caught", "wrapped", "reads", "sends", "asks", "spawns"])
  func `A script that calls another one without end is blamed, and not the one that it calls`(
    _ action: String
  ) async throws {
    let host = try await TestHost([
      "stores/evil.lua": QuarantineTests.evil, "stores/attacker.lua": QuarantineTests.attacker,
    ]) {
      $0.scriptLimits.turn = 0.1
      $0.scriptLimits.overruns = 3
    }
    for _ in 0..<3 { _ = await code { try await host.host.call("attacker", action) } }
    #expect(await host.host.quarantinedScripts == ["stores/attacker.lua"])
    #expect(try await host.host.call("evil", "set", [5]) == 5)
  }

  @Test(arguments: [1, 2, 5, 20])
  func `The innermost call that lasts is blamed, however deep it is`(depth: Int) async throws {
    let host = try await TestHost([
      "stores/evil.lua": QuarantineTests.evil,
      "stores/good.lua": """
      return defineStore("good", {
        actions = {
          deep = function(self, n)
            if n > 0 then return self:deep(n - 1) end
            for _ = 1, 10 do useStore("evil"):set(1) end
            return useStore("evil"):set(13)
          end,
        },
      })
      """,
    ]) {
      $0.scriptLimits.turn = 0.1
      $0.scriptLimits.overruns = 3
    }
    for _ in 0..<3 {
      #expect(
        await code { try await host.host.call("good", "deep", [.integer(Int64(depth))]) }
          == .timeLimit
      )
    }
    // Of very deep calls only the outermost ones are known one by one.
    let blamed = depth < 12 ? "stores/evil.lua" : "stores/good.lua"
    #expect(await host.host.quarantinedScripts == [blamed])
  }

  @Test func `A reload takes it out again, with its state`() async throws {
    let host = try await host()
    try await host.host.call("evil", "set", [7])
    await overrun(host)
    #expect(await host.host.quarantinedScripts == ["stores/evil.lua"])
    #expect(try await !host.host.reload(["stores/evil.lua"]).isRefused)
    #expect(await host.host.quarantinedScripts == [])
    let evil = try await host.host.store("evil")
    #expect(try await evil.get("n") == 7)
    #expect(try await evil.call("set", 8) == 8)
    #expect(try await evil.get("double") == 16)
    #expect(try await host.host.call("good", "pass", [6]) == 6)
    try await host.host.send("evil:set", 9)
    #expect(try await host.host.request("evil:ask") == 9)
  }

  @Test func `A module's overruns are those of the script that has called it`() async throws {
    let host = try await host([
      "lib/loop.lua": "return function() while true do end end",
      "stores/user.lua":
        #"return defineStore("user", { actions = { go = function() require("lib.loop")() end } })"#,
    ])
    for _ in 0..<3 { #expect(await code { try await host.host.call("user", "go") } == .timeLimit) }
    #expect(await host.host.quarantinedScripts == ["stores/user.lua"])
  }

  @Test func `Middleware is told of and runs on: calls do not pass it by`() async throws {
    let host = try await host([
      "middleware/guard.lua":
        "return function(call, next) if call.args[1] == 666 then while true do end end return next() end"
    ])
    for _ in 0..<3 {
      #expect(await code { try await host.host.call("evil", "set", [666]) } == .timeLimit)
    }
    #expect(await host.host.quarantinedScripts == [])
    #expect(
      host.record.reports.contains {
        $0.code == .quarantined && $0.script == "middleware/guard.lua"
      }
    )
    #expect(await code { try await host.host.call("evil", "set", [666]) } == .timeLimit)
    #expect(try await host.host.call("evil", "set", [5]) == 5)
  }

  @Test func `Calls of a driver count, and are refused from the next line on`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local evil, codes = useStore("evil"), {}
      for i = 1, 5 do codes[i] = select(2, pcall(evil.set, evil, 13)).code end
      return codes
      """
    )
    #expect(result == ["timeLimit", "timeLimit", "timeLimit", "quarantined", "quarantined"])
    #expect(await host.host.quarantinedScripts == ["stores/evil.lua"])
  }

  @Test func `Calls of a session count`() async throws {
    let host = try await host()
    let session = try await host.host.openSession()
    for _ in 0..<3 {
      #expect(await session.submit("useStore('evil'):set(13)").error?.code == .timeLimit)
    }
    #expect(await host.host.quarantinedScripts == ["stores/evil.lua"])
    #expect(await session.submit("useStore('evil'):set(1)").error?.code == .quarantined)
    #expect(await session.submit("useStore('evil').n").text == "1")
  }

  @Test func `Without a number, and with overruns far apart, nobody is quarantined`() async throws {
    let host = try await host()
    var limits = ScriptLimits()
    limits.turn = 0.01
    limits.overruns = nil
    try await host.host.setScriptLimits(limits)
    await overrun(host, times: 6)
    limits.overruns = 2
    limits.overrunSeconds = 0.000_001
    try await host.host.setScriptLimits(limits)
    await overrun(host, times: 6)
    #expect(await host.host.quarantinedScripts == [])
    limits.overruns = 0
    #expect(await code { try await host.host.setScriptLimits(limits) } == .invalidArgument)
  }
}
