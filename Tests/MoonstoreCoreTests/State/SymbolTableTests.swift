import MoonValue
import MoonstoreCore
import Testing

struct SymbolTableTests {
  let system = StoreSystem()

  @Test
  func `Names that begin, end and are long alike stay apart, however they are mixed`() throws {
    let names = ["total", "tidal", "tepal", "tical"]
    var state: [Value.Key: Value] = [:]
    for (index, name) in names.enumerated() { state[.string(name)] = .integer(Int64(index)) }
    let store = try system.define(StoreDefinition("store", state: .map(state)))
    for _ in 0..<3 {
      for (index, name) in names.enumerated() {
        #expect(try store.get(name) == .integer(Int64(index)))
      }
      #expect(throws: StoreError.self) { try store.get("tonal") }
    }
  }

  @Test func `Names that look alike and have other bytes stay apart`() throws {
    let composed = "caf\u{E9}s"
    let decomposed = "cafe\u{301}s"
    let store = try system.define(
      StoreDefinition("store", state: .map([.string(composed): 1, .string(decomposed): 2]))
    )
    for _ in 0..<3 {
      #expect(try store.get(composed) == 1)
      #expect(try store.get(decomposed) == 2)
    }
  }

  @Test func `A name that was unknown is found once it is given`() throws {
    let store = try system.define(StoreDefinition("store", state: ["a": 1]))
    #expect(throws: StoreError.self) { try store.get("later") }
    try store.patch(["later": 2])
    #expect(try store.get("later") == 2)
    _ = try system.define(StoreDefinition("other", state: ["": 3, "later": 4]))
    #expect(try system.store("other").get("") == 3)
    #expect(try system.store("other").get("later") == 4)
  }

  @Test func `Getters and actions with names alike are told apart`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        getters: ["total": { _ in 1 }, "tidal": { _ in 2 }],
        actions: ["tepal": { _, _ in 3 }, "tical": { _, _ in 4 }]
      )
    )
    for _ in 0..<3 {
      #expect(try store.get("total") == 1)
      #expect(try store.get("tidal") == 2)
      #expect(try store.call("tepal") == 3)
      #expect(try store.call("tical") == 4)
      #expect(throws: StoreError.self) { try store.call("total") }
      #expect(throws: StoreError.self) { try store.get("tepal") }
    }
  }
}
