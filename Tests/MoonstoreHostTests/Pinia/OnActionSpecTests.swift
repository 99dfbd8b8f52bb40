import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for `$onAction` checks: all eleven cases.
///
/// Departures: `after` and `onError` are heard even when another of them fails, whose error is reported; and a
/// hook ends with its store, since there are no components that it could end with.
@Suite struct OnActionSpecTests {
  private func host() async throws -> TestHost {
    try await TestHost([
      "stores/main.lua": #"""
      return defineStore("main", {
        permissions = { "*" },
        state = { user = "Eduardo" },
        actions = {
          direct = function(self, name) self.user = name return self.user end,
          patched = function(self, name) store.patch(self, { user = name }) end,
          later = function(self, name) sleep(1) self.user = name return self.user end,
          nested = function(self, name) return self:direct(name .. "!") end,
          fail = function(self) error("no " .. self.user) end,
          failLater = function(self) sleep(1) error("late") end,
          several = function() return 1, nil, 3 end,
          hookAndFail = function(self)
            store.onAction(self, function(call) self.user = "hooked" end)
            error("no")
          end,
        },
      })
      """#
    ])
  }

  /// Runs a driver with a store `m` and a list `log`, and gives what is in the list.
  private func play(_ lua: String) async throws -> Value {
    try await host().run(
      #"""
      local m = useStore("main")
      local log = array()
      local function note(...) log[#log + 1] = table.concat({ ... }, " ") end
      \#(lua)
      return log
      """#
    )
  }

  @Test func `A hook gets the store, the name and the arguments`() async throws {
    let log = try await play(
      #"""
      store.onAction(m, function(call)
        note(call.name, call.args[1], call.args.n, tostring(call.store == m), call.store.user)
      end)
      m:direct("Cleiton")
      m:several(1, nil, 3)
      """#
    )
    #expect(log == ["direct Cleiton 1 true Eduardo", "several 1 3 true Cleiton"])
  }

  @Test func `A hook that was ended hears no more`() async throws {
    let log = try await play(
      #"""
      local stop = store.onAction(m, function(call) note(call.name) end)
      m:direct("a")
      stop()
      m:direct("b")
      """#
    )
    #expect(log == ["direct"])
  }

  @Test func `Ending a hook twice takes no other away`() async throws {
    let log = try await play(
      #"""
      local stop = store.onAction(m, function(call) note("first") end)
      store.onAction(m, function(call) note("second") end)
      note(tostring(stop()), tostring(stop()))
      m:direct("a")
      """#
    )
    #expect(log == ["true false", "second"])
  }

  @Test func `Several hooks each hear, and each of several afters`() async throws {
    let log = try await play(
      #"""
      for i = 1, 2 do
        store.onAction(m, function(call)
          note("before", i)
          call.after(function(result) note("after", i, result) end)
          call.after(function(result) note("and", i, result) end)
        end)
      end
      m:direct("x")
      """#
    )
    #expect(log == ["before 1", "before 2", "after 1 x", "and 1 x", "after 2 x", "and 2 x"])
  }

  @Test func `After gets what the action returned, all of it`() async throws {
    let log = try await play(
      #"""
      store.onAction(m, function(call)
        call.after(function(...) note(select("#", ...), tostring((select(2, ...))), (select(3, ...))) end)
      end)
      local a, b, c = m:several()
      note(a, tostring(b), c)
      """#
    )
    #expect(log == ["3 nil 3", "1 nil 3"])
  }

  @Test func `After of an action that waits comes with its result, once it is there`() async throws
  {
    let log = try await play(
      #"""
      store.onAction(m, function(call)
        note("before", m.user)
        call.after(function(result) note("after", result, m.user) end)
      end)
      note("got", m:later("Cleiton"))
      """#
    )
    #expect(log == ["before Eduardo", "after Cleiton Cleiton", "got Cleiton"])
  }

  @Test(arguments: [("fail", "no Eduardo"), ("failLater", "late")])
  func `onError gets the error of an action that fails, and the caller does too`(
    action: String,
    text: String
  ) async throws {
    let log = try await play(
      #"""
      store.onAction(m, function(call)
        call.after(function() note("never") end)
        call.onError(function(err) note("heard", tostring(err):match("\#(text)$")) end)
      end)
      local ok, err = pcall(m.\#(action), m)
      note(tostring(ok), tostring(err):match("\#(text)$"))
      """#
    )
    #expect(log == [.string("heard \(text)"), .string("false \(text)")])
  }

  @Test func `Calls in calls are heard in their order`() async throws {
    let log = try await play(
      #"""
      store.onAction(m, function(call)
        local name = call.name
        note("before", name)
        call.after(function(result) note("after", name, result) end)
      end)
      m:nested("a")
      """#
    )
    #expect(log == ["before nested", "before direct", "after direct a!", "after nested a!"])
  }

  @Test func `Two handles of one store share its hooks`() async throws {
    let log = try await play(
      #"""
      local other = useStore("main")
      store.onAction(m, function(call) note("one", call.name) end)
      store.onAction(other, function(call) note("two", call.name) end)
      m:direct("a")
      other:direct("b")
      """#
    )
    #expect(log == ["one direct", "two direct", "one direct", "two direct"])
  }

  @Test func `Hooks end with their store`() async throws {
    let log = try await play(
      #"""
      store.onAction(m, function(call) note(call.name) end)
      m:direct("a")
      registry.unregister("main")
      m = defineStore("main", { state = {}, actions = { direct = function() note("anew") end } })
      m:direct("b")
      """#
    )
    #expect(log == ["direct", "anew"])
  }

  @Test func `A hook of a turn that failed is not there`() async throws {
    let log = try await play(#"pcall(m.hookAndFail, m) m:direct("a") note(m.user)"#)
    #expect(log == ["a"])
  }

  @Test func `An after that fails concerns neither the action nor the others, and is reported`()
    async throws
  {
    let host = try await host()
    let result = try await host.run(
      #"""
      local m = useStore("main")
      local heard = false
      store.onAction(m, function(call)
        call.after(function() error("broken after") end)
        call.after(function() heard = true end)
      end)
      return { m:direct("x"), heard }
      """#
    )
    #expect(result == ["x", true])
    #expect(host.record.reports.map(\.message).contains { $0.contains("broken after") })
  }
}
