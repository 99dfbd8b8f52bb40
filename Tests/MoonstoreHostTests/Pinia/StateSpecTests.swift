import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for state checks: fifteen of its 22 cases; the other seven concern its refs.
///
/// | case | here, or where |
/// |---|---|
/// | read on the store and on its whole state, write on either, nested too | first three tests |
/// | replace the state | fourth; Pinia's `$state =` merges the top level, as `store.patch` does |
/// | watch a field, a nested field, the whole | fifth and sixth |
/// | reset, of nested state, of none, of a setup store | seventh to tenth |
/// | maps and sets that came from elsewhere | `StateTests`: state is plain data, tables for both |
///
/// Departures: reset works for setup stores too, and takes away fields that were added.
@Suite struct StateSpecTests {
  private func run(_ lua: String) async throws -> Value {
    try await TestHost([
      "stores/main.lua": #"""
      return defineStore("main", {
        permissions = { "*" },
        state = function() return { name = "Eduardo", counter = 0, nested = { n = 0, list = { 1 } } } end,
        getters = { upper = function(self) return self.name:upper() end },
      })
      """#,
      "stores/setup.lua": #"""
      return defineStore("setup", function()
        local n = ref(0)
        local nested = ref({ list = { 1 } })
        local hidden = ref(7)
        return {
          n = n, nested = nested,
          change = function()
            n.value = 5
            nested.value.list[2] = 2
            hidden.value = hidden.value + 1
          end,
          hidden = function() return hidden.value end,
        }
      end)
      """#,
      "stores/empty.lua":
        #"return defineStore("empty", { permissions = { "*" }, getters = { one = function() return 1 end } })"#,
    ]).run("local m, state = useStore(\"main\"), store.state(useStore(\"main\"))\n" + lua)
  }

  @Test func `A field is the same on the store and in its state`() async throws {
    #expect(
      try await run(#"return { m.name, state.name, m.nested == state.nested, state.upper == nil }"#)
        == ["Eduardo", "Eduardo", true, true]
    )
  }

  @Test func `A write on the store is one in its state, and the other way round`() async throws {
    let result = try await run(
      #"""
      m.name = "Ed"
      local first = { state.name, m.upper }
      state.name = "Mia"
      return { first, m.name, m.upper }
      """#
    )
    #expect(result == [["Ed", "ED"], "Mia", "MIA"])
  }

  @Test func `A nested write is seen on both`() async throws {
    let result = try await run(
      #"m.nested.n = 3 state.nested.list[2] = 9 return { state.nested.n, #m.nested.list, m.nested.list[2] }"#
    )
    #expect(result == [3, 2, 9])
  }

  @Test func `Parts that were taken from replaced state say so, the store shows the new`()
    async throws
  {
    let result = try await run(
      #"""
      local nested = m.nested
      store.patch(m, function(state) state.nested = { n = 8, list = {} } end)
      local ok, err = pcall(function() nested.n = 1 end)
      return { m.nested.n, #m.nested.list, ok, err.code, nested.n }
      """#
    )
    #expect(result == [8, 0, false, "detached", 0])
  }

  @Test func `A watched field is heard of once for each change, with old and new value`()
    async throws
  {
    let result = try await run(
      #"""
      local seen = array()
      watch(function() return m.name end, function(value, old) seen[#seen + 1] = { value, old } end)
      m.name = "Ed"
      m.name = "Ed"
      m.counter = 9
      state.name = "Mia"
      return seen
      """#
    )
    #expect(result == [["Ed", "Eduardo"], ["Mia", "Ed"]])
  }

  @Test
  func `What changes deep inside is heard of by who reads it, and by subscribers of the path`()
    async throws
  {
    let result = try await run(
      #"""
      local seen, deep, whole = array(), 0, 0
      watch(function() return m.nested.list[1] end, function(value) seen[#seen + 1] = value end)
      store.subscribe(m, function() deep = deep + 1 end, { path = "nested.list" })
      store.subscribe(m, function() whole = whole + 1 end)
      m.nested.list[1] = 2
      m.nested.n = 1
      m.nested = { n = 0, list = { 3 } }
      return { seen, deep, whole }
      """#
    )
    #expect(result == [[2, 3], 2, 3])
  }

  @Test func `Reset brings back what the state began with`() async throws {
    let result = try await run(
      #"""
      m.name, m.counter = "Ed", 5
      m.added = "extra"
      store.reset(m)
      return { m.name, m.counter, m.added == nil, m.upper }
      """#
    )
    #expect(result == ["Eduardo", 0, true, "EDUARDO"])
  }

  @Test func `Reset of nested state shares nothing with what was there`() async throws {
    let result = try await run(
      #"""
      local before = m.nested
      m.nested.n = 4
      table.insert(m.nested.list, 2)
      store.reset(m)
      m.nested.n = 6
      store.reset(m)
      return { m.nested.n, #m.nested.list, m.nested.list[1] }
      """#
    )
    #expect(result == [0, 1, 1])
  }

  @Test func `Reset of a store without state does nothing, and takes away what was added`()
    async throws
  {
    let result = try await run(
      #"local e = useStore("empty") store.reset(e) e.x = 1 store.reset(e) return { e.x == nil, e.one }"#
    )
    #expect(result == [true, 1])
  }

  @Test func `Reset works for a setup store`() async throws {
    let result = try await run(
      #"""
      local s = useStore("setup")
      s:change()
      local changed = { s.n, #s.nested.list, s:hidden() }
      pcall(store.reset, s)
      return { changed, s.n, #s.nested.list }
      """#
    )
    // A driver may only read and call; the store itself lists no permissions.
    #expect(result == [[5, 2, 8], 5, 2])
    let host = try await TestHost([
      "stores/setup.lua": #"""
      local s
      s = defineStore("setup", function()
        local n = ref(0)
        return { n = n, add = function() n.value = n.value + 1 end, clear = function() store.reset(s) end }
      end)
      return s
      """#
    ])
    #expect(
      try await host.run(
        #"local s = useStore("setup") s:add() s:add() local n = s.n s:clear() s:add() return { n, s.n }"#
      )
        == [2, 1]
    )
  }
}
