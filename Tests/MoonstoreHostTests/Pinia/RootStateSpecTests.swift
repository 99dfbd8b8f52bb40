import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suites for the root state and for rendering on servers check.
///
/// The first has five cases, the second eight, of which five carry over. The root of a host is its stores'
/// ids and their states.
///
/// Of the second suite, separate worlds and a store without state are here. Not here, with the reason: state
/// that is there before its store (three cases of hydration) comes with saved state, which a host does not
/// have yet; three more concern rendering.
@Suite struct RootStateSpecTests {
  private func states(_ host: TestHost) async throws -> [String: Value] {
    var states: [String: Value] = [:]
    for id in await host.host.storeIDs { states[id] = try await host.host.store(id).state() }
    return states
  }

  private let a = #"return defineStore("a", { permissions = { "*" }, state = { n = 0 } })"#
  private let b =
    #"return defineStore("b", { permissions = { "*" }, state = { text = "b", list = { 1, { deep = true } } } })"#

  @Test func `A host that was closed has no stores to give`() async throws {
    let host = try await TestHost(["stores/a.lua": a])
    await host.host.close()
    let error = await #expect(throws: StoreError.self) { try await host.host.store("a") }
    #expect(error?.code == .closed)
  }

  @Test func `A host without stores has no state`() async throws {
    #expect(try await states(TestHost([:])) == [:])
  }

  @Test func `One store is one state`() async throws {
    #expect(try await states(TestHost(["stores/a.lua": a])) == ["a": ["n": 0]])
  }

  @Test func `Several stores are several states, and one that is made later is one more`()
    async throws
  {
    let host = try await TestHost(["stores/a.lua": a, "stores/b.lua": b])
    try await host.run(#"defineStore("c", { actions = {} })"#)
    #expect(
      try await states(host) == [
        "a": ["n": 0], "b": ["text": "b", "list": [1, ["deep": true]]], "c": [:],
      ]
    )
    #expect(await host.host.storeIDs == ["a", "b", "c"])
  }

  @Test func `States of stores and of hosts do not mix`() async throws {
    let one = try await TestHost(["stores/a.lua": a, "stores/b.lua": b])
    let two = try await TestHost(["stores/a.lua": a, "stores/b.lua": b])
    try await one.run(
      #"local a, b = useStore("a"), useStore("b") a.n = 5 b.list = a.n > 1 and { a.n } or {} a.n = 6"#
    )
    #expect(try await states(one) == ["a": ["n": 6], "b": ["text": "b", "list": [5]]])
    #expect(
      try await states(two) == ["a": ["n": 0], "b": ["text": "b", "list": [1, ["deep": true]]]]
    )
  }

  @Test func `A store without state has actions and getters all the same`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"""
      return defineStore("a", {
        getters = { one = function() return 1 end },
        actions = { two = function(self) return self.one + 1 end },
      })
      """#
    ])
    #expect(try await host.run(#"local a = useStore("a") return { a.one, a:two() }"#) == [1, 2])
    #expect(try await states(host) == ["a": [:]])
  }
}
