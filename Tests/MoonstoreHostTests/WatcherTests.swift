import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What watchers own, when they begin, and what becomes of those that do not settle.
struct WatcherTests {
  @Test func `What a callback makes outlives the next run of its watcher`() async throws {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local heard = {}
      local src = defineStore("src", { state = function() return { n = 0 } end })
      local made
      watch(function() return src.n end, function(n)
        if n > 1 then return end
        made = defineStore("made", function()
          local x = ref(0)
          watch(x, function(v) heard[#heard + 1] = v end)
          return { x = x }
        end)
        watch(function() return made.x end, function(v) heard[#heard + 1] = "outer " .. v end)
      end)
      src.n = 1
      made.x = 1
      src.n = 2
      made.x = 2
      return heard
      """#
    )
    #expect(result == [1, "outer 1", 2, "outer 2"])
  }

  @Test func `What a source makes ends with its next evaluation, and its disposer says so`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local s = defineStore("s", { state = function() return { a = 0, b = 0 } end })
      local stops, heard = {}, 0
      local outer = watch(function()
        local a = s.a
        stops[#stops + 1] = watch(function() return s.b end, function() heard = heard + 1 end)
        return a
      end, function() end)
      s.b = 1
      s.a = 1
      s.b = 2
      local first = stops[1]()
      outer()
      s.b = 3
      return { heard, first, stops[2]() }
      """#
    )
    #expect(result == [2, false, false])
  }

  @Test
  func `What an immediate callback writes is told on the next line, and the next change is heard`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local s = defineStore("s", { state = function() return { v = 1 } end })
      local heard = array()
      watch(function() return s.v end, function(v) heard[#heard + 1] = v end)
      watch(function() return s.v end, function(v) if v > 0 then s.v = 0 end end, { immediate = true })
      local line = #heard
      s.v = 1
      return { line, heard, s.v }
      """#
    )
    #expect(result == [1, [0, 1, 0], 0])
  }

  @Test func `A loop of watchers fails the call, is undone and named with script and line`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local s = defineStore("s", { state = function() return { a = 0, b = 0 } end })
      local told = 0
      store.subscribe(s, function() told = told + 1 end)
      watch(function() return s.a end, function(v) s.b = v + 1 end)
      watch(function() return s.b end, function(v) s.a = v + 1 end)
      local ok, err = pcall(function() s.a = 1 end)
      local names = err.message:find("driver:4", 1, true) and err.message:find("driver:5", 1, true)
      return { ok, err.code, names ~= nil, s.a, s.b }
      """#
    )
    #expect(result == [false, "endlessLoop", true, 0, 0])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `A watcher that was ended in a turn that failed hears what the turn kept`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local s = defineStore("s", { state = function() return { n = 0 } end })
      local heard = array()
      local stop = watch(function() return s.n end, function(v) heard[#heard + 1] = v end)
      pcall(transaction, function() s.n = 5 stop() error("no") end)
      s.n = 1
      transaction(function()
        s.n = 2
        pcall(transaction, function() stop() error("no") end)
      end)
      return { heard, stop(), stop() }
      """#
    )
    #expect(result == [[1, 2], true, false])
  }
}
