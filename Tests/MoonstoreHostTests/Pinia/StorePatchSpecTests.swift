import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for `$patch` checks: nine of its twelve cases; the other three concern its refs.
///
/// One departure: a table that is patched in is copied, so that nobody holds a part of the state from before.
@Suite struct StorePatchSpecTests {
  private func run(_ lua: String) async throws -> Value {
    let definition = { (id: String) in
      #"""
      return defineStore("\#(id)", {
        permissions = { "*" },
        state = function()
          return { n = 0, name = "a", nested = { foo = "foo", deep = { x = 1, y = 2 } }, list = { 1, { k = 1 } }, item = null }
        end,
        getters = { double = function(self) return self.n * 2 end },
      })
      """#
    }
    return try await TestHost([
      "stores/main.lua": definition("main"), "stores/other.lua": definition("other"),
    ]).run("local m = useStore(\"main\")\n" + lua)
  }

  @Test func `A patch leaves what it does not name`() async throws {
    #expect(
      try await run(#"store.patch(m, { n = 5 }) return { m.n, m.name, m.double, #m.list }"#)
        == [5, "a", 10, 2]
    )
  }

  @Test func `Nested maps merge at every depth`() async throws {
    let result = try await run(
      #"store.patch(m, { nested = { deep = { y = 3, z = 4 } } }) return store.state(m).nested"#
    )
    #expect(result == ["foo": "foo", "deep": ["x": 1, "y": 3, "z": 4]])
  }

  @Test func `Arrays are replaced whole, also by an empty one`() async throws {
    let result = try await run(
      #"""
      store.patch(m, { list = { { k = 2 } } })
      local first = store.copy(m.list)
      store.patch(m, { list = array() })
      return { first, #m.list }
      """#
    )
    #expect(result == [[["k": 2]], 0])
  }

  @Test func `Arrays inside of maps are replaced whole`() async throws {
    let result = try await run(
      #"""
      store.patch(m, { nested = { list = { 1, 2, 3 } } })
      store.patch(m, { nested = { list = { 4 } } })
      return store.state(m).nested
      """#
    )
    #expect(result == ["foo": "foo", "deep": ["x": 1, "y": 2], "list": [4]])
  }

  @Test func `Several fields change in one patch, which is heard of once`() async throws {
    let result = try await run(
      #"""
      local heard, n = 0
      store.subscribe(m, function(change) heard, n = heard + 1, #change.changes end)
      store.patch(m, { n = 1, name = "b", item = { id = 1 }, nested = { foo = "bar" } })
      return { heard, n, m.n, m.name, m.item.id, m.nested.foo }
      """#
    )
    #expect(result == [1, 4, 1, "b", 1, "bar"])
  }

  @Test func `A function gets the state itself, and what it does is one patch`() async throws {
    let result = try await run(
      #"""
      local kinds, same = array()
      store.subscribe(m, function(change) kinds[#kinds + 1] = change.type end)
      store.patch(m, function(state)
        same = state == store.state(m)
        state.n = state.n + 1
        table.insert(state.list, 3)
        state.nested.deep.x = 9
      end)
      return { same, kinds, m.n, #m.list, m.nested.deep.x }
      """#
    )
    #expect(result == [true, ["patch function"], 1, 3, 9])
  }

  @Test func `A part of another store that is patched in is a copy`() async throws {
    let result = try await run(
      #"""
      local other = useStore("other")
      other.nested.foo = "other"
      store.patch(m, { item = other.nested, list = other.list })
      other.nested.foo = "later"
      other.list[1] = 99
      return { m.item.foo, m.list[1], other.nested.foo, m.item == other.nested }
      """#
    )
    #expect(result == ["other", 1, "later", false])
  }

  @Test func `A part that was replaced keeps what it had, and is no longer the state`() async throws
  {
    let result = try await run(
      #"""
      store.patch(m, { item = { id = 1 } })
      local old = m.item
      store.patch(m, { item = null })
      store.patch(m, { item = { id = 2 } })
      local ok, err = pcall(function() old.id = 3 end)
      return { old.id, m.item.id, ok, err.code }
      """#
    )
    #expect(result == [1, 2, false, "detached"])
  }

  @Test func `Null is a value of its own, and a getter or action cannot be patched`() async throws {
    let result = try await run(
      #"""
      store.patch(m, { name = null })
      local ok, err = pcall(store.patch, m, { n = 7, double = 1 })
      return { m.name == null, ok, err.code, m.n }
      """#
    )
    #expect(result == [true, false, "readOnly", 0])
  }

  @Test func `A patch that fails leaves all as it was, and the next is heard of`() async throws {
    // In Pinia a patch function that throws mutes subscribers until one succeeds.
    let result = try await run(
      #"""
      local heard = 0
      store.subscribe(m, function() heard = heard + 1 end)
      local ok = pcall(store.patch, m, function(state) state.n = 5 error("no") end)
      local after = { ok, heard, m.n }
      m.n = 1
      return { after, heard, m.n }
      """#
    )
    #expect(result == [[false, 0, 0], 1, 1])
  }
}
