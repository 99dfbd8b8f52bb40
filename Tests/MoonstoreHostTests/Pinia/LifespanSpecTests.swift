import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for the life of stores checks: four of its five cases.
///
/// Its owners are components and apps; ours are the drivers and scripts that make or use a store. The fifth
/// case, a store used before an app is there, has no counterpart: a script always runs in a host.
@Suite struct LifespanSpecTests {
  @Test func `State lives on when the driver that made the store has ended`() async throws {
    let host = try await TestHost([:])
    try await host.run(
      #"defineStore("s", { permissions = { "*" }, state = { n = 1 }, getters = { double = function(self) return self.n * 2 end } })"#
    )
    try await host.run(#"useStore("s").n = 5"#)
    #expect(try await host.run(#"return { useStore("s").n, useStore("s").double }"#) == [5, 10])
  }

  @Test func `Watchers of a store stop when it is disposed of, those outside hear on`() async throws
  {
    let host = try await TestHost([
      "stores/s.lua": #"""
      local inside = 0
      return defineStore("s", function()
        local n = ref(0)
        watch(n, function() inside = inside + 1 end)
        return { n = n, add = function() n.value = n.value + 1 end, inside = function() return inside end }
      end, { permissions = { "*" } })
      """#
    ])
    let result = try await host.run(
      #"""
      local s = useStore("s")
      local heard = 0
      store.subscribe(s, function() heard = heard + 1 end)
      s:add() s:add()
      local add, inside = s.add, s.inside
      local before = inside()
      registry.unregister("s")
      local ok, err = pcall(add)
      return { before, heard, ok, tostring(err):match("disposed") }
      """#
    )
    #expect(result == [2, 2, false, "disposed"])
  }

  @Test func `State and getters stay live through a watcher that ends`() async throws {
    let host = try await TestHost(["stores/counter.lua": counterScript])
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local seen = array()
      local stop = watch(function() return c.double end, function(value) seen[#seen + 1] = value end)
      c:add(1)
      stop()
      c:add(1)
      watch(function() return c.double end, function(value) seen[#seen + 1] = value end)
      c:add(1)
      return { seen, c.double }
      """#
    )
    #expect(result == [[2, 6], 6])
  }

  @Test func `A store that is made anew starts over, and old handles find it`() async throws {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local function make() return defineStore("s", { permissions = { "*" }, state = { n = 1 } }) end
      local s = make()
      s.n = 9
      store.dispose(s)
      local ok, err = pcall(function() return s.n end)
      make()
      return { ok, err.code, s.n }
      """#
    )
    #expect(result == [false, "disposed", 1])
  }
}
