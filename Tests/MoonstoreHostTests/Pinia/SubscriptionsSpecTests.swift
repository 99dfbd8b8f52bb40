import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for subscriptions checks: its thirteen cases.
///
/// Departures. There is one time at which subscribers hear: once for each turn, when it has committed; so
/// Pinia's three times of flushing are one. A direct write before or after a patch is told, where Pinia's
/// later subscribers miss it. `$subscribe` of a component ends with the component; ours ends with its store.
@Suite struct SubscriptionsSpecTests {
  private func play(_ lua: String) async throws -> Value {
    try await TestHost([
      "stores/s.lua": #"""
      return defineStore("s", {
        permissions = { "*" },
        state = function() return { name = "Eduardo", n = 0, list = { 1 } } end,
        actions = {
          several = function(self) self.n = 1 self.n = 2 self.name = "x" end,
          mixed = function(self) self.n = 1 store.patch(self, { name = "y" }) self.n = 2 end,
          back = function(self) self.n = 5 self.n = 0 end,
          fail = function(self) self.n = 9 error("no") end,
        },
      })
      """#
    ]).run(
      #"""
      local s = useStore("s")
      local log = array()
      local function note(...)
        local parts = { ... }
        for i = 1, #parts do parts[i] = tostring(parts[i]) end
        log[#log + 1] = table.concat(parts, " ")
      end
      \#(lua)
      return log
      """#
    )
  }

  @Test func `A direct write is told with its kind, store, path and values`() async throws {
    let log = try await play(
      #"""
      store.subscribe(s, function(change, state)
        local c = change.changes[1]
        note(change.type, change.storeId, c.operation, c.path, c.old, c.new, state.name, change.payload == nil)
      end)
      s.name = "Ed"
      """#
    )
    #expect(log == ["direct s set s.name Eduardo Ed Ed true"])
  }

  @Test func `A patch is told with its payload, as one`() async throws {
    let log = try await play(
      #"""
      store.subscribe(s, function(change) note(change.type, #change.changes, change.payload.name) end)
      store.patch(s, { name = "Ed", n = 3 })
      """#
    )
    #expect(log == ["patch 2 Ed"])
  }

  @Test func `A patch by a function is told as one, without payload`() async throws {
    let log = try await play(
      #"""
      store.subscribe(s, function(change) note(change.type, #change.changes, change.payload == nil) end)
      store.patch(s, function(state) state.name = "Ed" state.n = 3 table.insert(state.list, 2) end)
      """#
    )
    #expect(log == ["patch function 3 true"])
  }

  @Test func `An action is told once, when it has ended, with all of its changes in order`()
    async throws
  {
    let log = try await play(
      #"""
      store.subscribe(s, function(change)
        local paths = {}
        for i, c in ipairs(change.changes) do paths[i] = c.path .. "=" .. tostring(c.new) end
        note(change.type, table.concat(paths, " "))
      end)
      s:several()
      note("returned")
      """#
    )
    #expect(log == ["direct s.n=1 s.n=2 s.name=x", "returned"])
  }

  @Test func `A direct write beside a patch is told`() async throws {
    let log = try await play(
      #"""
      store.subscribe(s, function(change) note(change.type, #change.changes, s.n, s.name) end)
      s:mixed()
      store.patch(s, { n = 3 })
      s.n = 4
      """#
    )
    #expect(log == ["direct 3 2 y", "patch 1 3 y", "direct 1 4 y"])
  }

  @Test func `Once hears the first change only`() async throws {
    let log = try await play(
      #"store.subscribe(s, function() note(s.n) end, { once = true }) s.n = 1 s.n = 2"#
    )
    #expect(log == ["1"])
  }

  @Test func `Immediate hears at once as well`() async throws {
    let log = try await play(
      #"store.subscribe(s, function(change, state) note(change and change.type or "now", state.n) end, { immediate = true }) s.n = 1"#
    )
    #expect(log == ["now 0", "direct 1"])
  }

  @Test
  func `A subscription that was ended hears no more, and ending it twice takes no other away`()
    async throws
  {
    let log = try await play(
      #"""
      local stop = store.subscribe(s, function() note("first") end)
      store.subscribe(s, function() note("second") end)
      s.n = 1
      note(stop(), stop())
      s.n = 2
      """#
    )
    #expect(log == ["first", "second", "true false", "second"])
  }

  @Test func `Two handles of one store share its subscribers, each hears once`() async throws {
    let log = try await play(
      #"""
      local other = useStore("s")
      store.subscribe(s, function() note("one") end)
      store.subscribe(other, function() note("two") end)
      s.n = 1
      store.patch(other, { n = 2 })
      """#
    )
    #expect(log == ["one", "two", "one", "two"])
  }

  @Test func `Subscribers end with their store`() async throws {
    let log = try await play(
      #"""
      store.subscribe(s, function() note("heard") end)
      s.n = 1
      store.dispose(s)
      s = defineStore("s", { permissions = { "*" }, state = { n = 0 } })
      s.n = 2
      """#
    )
    #expect(log == ["heard"])
  }

  @Test func `A turn that fails is not told`() async throws {
    let log = try await play(#"store.subscribe(s, function() note("heard") end) pcall(s.fail, s)"#)
    #expect(log == [])
  }

  @Test func `A write of what is there already is not told, one that goes back is`() async throws {
    let log = try await play(
      #"""
      store.subscribe(s, function(change) note(#change.changes, s.n) end)
      s.n = 0
      s:back()
      """#
    )
    #expect(log == ["2 0"])
  }

  @Test func `A subscriber that writes is told of that afterwards, and all hear in order`()
    async throws
  {
    let log = try await play(
      #"""
      store.subscribe(s, function()
        note("first", s.n)
        if s.n == 1 then s.n = 10 end
      end)
      store.subscribe(s, function(change) note("second", change.changes[1].new) end)
      s.n = 1
      """#
    )
    #expect(log == ["first 1", "second 1", "first 10", "second 10"])
  }

  @Test func `A subscriber that fails is reported and stops nobody`() async throws {
    let host = try await TestHost(["stores/counter.lua": counterScript])
    let result = try await host.run(
      #"""
      local c, heard = useStore("counter"), 0
      store.subscribe(c, function() error("broken subscriber") end)
      store.subscribe(c, function() heard = heard + 1 end)
      c:add(1)
      return { c.count, heard }
      """#
    )
    #expect(result == [1, 1])
    #expect(host.record.reports.count == 1)
    #expect(host.record.reports.first?.message.contains("broken subscriber") == true)
  }
}
