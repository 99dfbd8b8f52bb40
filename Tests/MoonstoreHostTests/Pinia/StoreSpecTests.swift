import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for stores checks: sixteen of its nineteen cases; the other three concern Vue.
///
/// | case | here, or where |
/// |---|---|
/// | one store of an id, state as it begins, no state at all | first three tests |
/// | reset is one notification | fourth; of what, in `StateSpecTests` |
/// | state replaced, a watcher runs once | fifth |
/// | what is taken out cannot be changed from outside | sixth |
/// | disposed of, then made anew | seventh, and `LifespanSpecTests` |
/// | state that is no plain data, names that clash, no id | eighth to tenth: errors, where Pinia warns |
/// | hydration (two cases) | not here: it comes with saved state |
/// | outlives its user | `LifespanSpecTests` |
@Suite struct StoreSpecTests {
  private static let main = #"""
    return defineStore("main", {
      permissions = { "*" },
      state = function() return { a = true, nested = { foo = "foo", bar = { n = 1 } } } end,
    })
    """#

  private func failure(_ definition: String) async -> StoreError? {
    await #expect(throws: StoreError.self) { _ = try await TestHost(["stores/s.lua": definition]) }
  }

  @Test func `Everybody gets the same store`() async throws {
    let host = try await TestHost(["stores/main.lua": Self.main])
    #expect(
      try await host.run(
        #"local a, b = useStore("main"), useStore("main") a.a = false return { a == b, b.a }"#
      )
        == [true, false]
    )
  }

  @Test func `A store begins with its state, anew in each host`() async throws {
    let one = try await TestHost(["stores/main.lua": Self.main])
    let two = try await TestHost(["stores/main.lua": Self.main])
    try await one.run(#"useStore("main").nested.bar.n = 2"#)
    let initial: Value = ["a": true, "nested": ["foo": "foo", "bar": ["n": 1]]]
    #expect(try await two.host.store("main").state() == initial)
    #expect(try await one.host.store("main").state() != initial)
  }

  @Test func `A store needs no state`() async throws {
    let host = try await TestHost(["stores/s.lua": #"return defineStore("s", {})"#])
    #expect(try await host.host.store("s").state() == [:])
    let result = try await host.run(
      #"local s = useStore("s") return { next(s) == nil, s.anything == nil }"#
    )
    #expect(result == [true, true])
  }

  @Test func `A reset is one notification, and none when nothing changes`() async throws {
    let host = try await TestHost(["stores/main.lua": Self.main])
    let result = try await host.run(
      #"""
      local m, heard = useStore("main"), array()
      m.a, m.nested.foo = false, "bar"
      store.subscribe(m, function(change) heard[#heard + 1] = change.type end)
      store.reset(m)
      store.reset(m)
      return heard
      """#
    )
    #expect(result == ["reset"])
  }

  @Test func `Replacing the state runs a watcher once`() async throws {
    let host = try await TestHost(["stores/main.lua": Self.main])
    let result = try await host.run(
      #"""
      local m, runs = useStore("main"), 0
      watch(function() return tostring(m.a) .. m.nested.foo .. m.nested.bar.n end, function() runs = runs + 1 end)
      store.patch(m, { a = false, nested = { foo = "x", bar = { n = 5 } } })
      return { runs, m.nested.bar.n }
      """#
    )
    #expect(result == [1, 5])
  }

  @Test func `A copy of the state is nobody's state`() async throws {
    let host = try await TestHost(["stores/main.lua": Self.main])
    let result = try await host.run(
      #"""
      local m = useStore("main")
      local copy = store.copy(store.state(m))
      copy.nested.foo = "changed"
      return { m.nested.foo, copy.nested.foo }
      """#
    )
    #expect(result == ["foo", "changed"])
  }

  @Test func `A store that was disposed of is made anew from its definition`() async throws {
    let host = try await TestHost(["stores/main.lua": Self.main])
    let result = try await host.run(
      #"""
      local m = useStore("main")
      m.a = "old"
      store.dispose(m)
      local has = registry.has("main")
      defineStore("main", { permissions = { "*" }, state = { a = "new" } })
      -- Its owner is another one, so that the old handle does not reach it.
      return { has, registry.has("main"), useStore("main").a, pcall(function() return m.a end) == false }
      """#
    )
    #expect(result == [false, true, "new", true])
  }

  @Test(arguments: ["setmetatable({}, { __index = {} })", "coroutine.create(print)", "print"])
  func `State that is no plain data is an error`(value: String) async throws {
    let error = await failure("return defineStore(\"s\", { state = { x = \(value) } })")
    #expect(error?.code == .notData)
    #expect(error?.message.hasPrefix("s.x: ") == true)
  }

  @Test(arguments: [
    #"state = { x = 1 }, getters = { x = function() end }"#,
    #"state = { x = 1 }, actions = { x = function() end }"#,
    #"getters = { x = function() end }, actions = { x = function() end }"#,
  ])
  func `Two things of one name are an error that names it`(parts: String) async throws {
    let error = await failure("return defineStore(\"s\", { \(parts) })")
    #expect(error?.code == .invalidDefinition)
    #expect(error?.message.contains("'x'") == true)
    #expect(error?.line == 1)
  }

  @Test(arguments: [
    #"defineStore({ state = {} })"#, #"defineStore("", {})"#, #"defineStore("s")"#,
    "defineStore(nil, {})",
  ])
  func `A store without an id or a definition is an error`(call: String) async throws {
    let error = await failure("return \(call)")
    #expect(error?.code == .invalidDefinition || error?.code == .invalidArgument)
    #expect(error?.script == "stores/s.lua")
    #expect(error?.line == 1)
  }
}
