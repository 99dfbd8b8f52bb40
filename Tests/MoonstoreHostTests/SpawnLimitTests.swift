import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// What a turn leaves behind is bounded, and keeps no other caller out for long.
@Suite(.serialized) struct SpawnLimitTests {
  private static let spawner = """
    local function double() spawn(double) spawn(double) end
    local function stubborn() pcall(spawn, stubborn) pcall(spawn, stubborn) end
    local function compute() for i = 1, 3e6 do end end
    return defineStore("spawner", {
      permissions = { "*" },
      state = { n = 0, done = 0 },
      actions = {
        many = function(self, n) self.n = n for i = 1, n do spawn(function() end) end return n end,
        caught = function(self, n)
          local ok, err
          for i = 1, n do ok, err = pcall(spawn, function() end) if not ok then break end end
          return { ok, err.code, err.message }
        end,
        double = function(self) double() return "returned" end,
        stubborn = function(self) stubborn() return "returned" end,
        compute = function(self, n)
          for i = 1, n do spawn(function() compute() self:finish() end) end
          return self.done
        end,
        finish = function(self) self.done = self.done + 1 end,
        get = function(self) return self.done end,
      },
    })
    """

  private func host(_ change: (inout HostConfiguration) -> Void = { _ in }) async throws -> TestHost
  {
    try await TestHost(["stores/spawner.lua": SpawnLimitTests.spawner]) {
      $0.limits.followUps = 100
      change(&$0)
    }
  }

  @Test func `A turn that would leave too much behind fails and has never been`() async throws {
    let host = try await host()
    #expect(try await host.host.call("spawner", "many", [100]) == 100)
    do {
      try await host.host.call("spawner", "many", [101])
      Issue.record("It was not refused")
    } catch {
      #expect(error.code == .overloaded)
      #expect(error.message.contains("spawn: 100 tasks and effects wait to begin"))
      #expect(error.script == "stores/spawner.lua")
    }
    #expect(try await host.host.store("spawner").get("n") == 100)
    let caught = try await host.host.call("spawner", "caught", [1_000])
    #expect(caught[0] == false)
    #expect(caught[1] == "overloaded")
    // All that waited has run or was undone, so that there is room again.
    #expect(try await host.host.call("spawner", "many", [100]) == 100)
  }

  @Test(arguments: ["double", "stubborn"])
  func `Tasks that spawn two tasks each end, and the call that began them returns`(
    _ action: String
  ) async throws {
    let host = try await host {
      $0.scriptLimits.turn = 1
      $0.scriptLimits.slice = 0.02
      $0.scriptLimits.overruns = 3
    }
    #expect(try await host.host.call("spawner", action) == "returned")
    // Meanwhile others are served.
    #expect(try await host.run("return 1") == 1)
    for _ in 0..<100_000 where await host.host.quarantinedScripts.isEmpty { await Task.yield() }
    #expect(await host.host.quarantinedScripts == ["stores/spawner.lua"])
    #expect(host.record.reports.contains { $0.code == .overloaded } == (action == "double"))
    #expect(await code { try await host.host.call("spawner", "get") } == .quarantined)
    #expect(try await host.host.reload(["stores/spawner.lua"]).isRefused == false)
    #expect(try await host.host.call("spawner", "get") == 0)
  }

  @Test func `Tasks that compute let other callers in between`() async throws {
    let host = try await host { $0.scriptLimits.slice = 0.01 }
    // The first may have ended before the call returns, and the others have not.
    _ = try await host.host.call("spawner", "compute", [10])
    var seen: [Int64] = []
    for _ in 0..<100_000 {
      let done = try await host.host.call("spawner", "get").integerValue ?? 0
      if seen.last != done { seen.append(done) }
      if done == 10 { break }
      await Task.yield()
    }
    #expect(seen.last == 10)
    #expect(seen.count >= 5, "callers got in after \(seen)")
  }

  @Test func `A driver that never waits makes room for what was put off`() async throws {
    let host = try await host { $0.scriptLimits.slice = 0.01 }
    let result = try await host.run(
      """
      local s = useStore("spawner")
      s:compute(5)
      local n = 0
      while s:get() < 5 and n < 1e6 do n = n + 1 end
      return s:get()
      """
    )
    #expect(result == 5)
  }

  @Test func `What is done soon is done before the driver's next line`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local s = useStore("spawner")
      for i = 1, 50 do spawn(function() s:finish() end) end
      sleep(0)
      return s:get()
      """
    )
    #expect(result == 50)
  }
}
