import MoonValue
import MoonstoreCore
import Testing

struct SymbolTableTests {
  let system = StoreSystem()

  @Test
  func `Names that begin, end and are long alike stay apart, however they are mixed`() throws {
    let names = ["total", "tidal", "tepal", "tical"]
    var state: ValueMap = [:]
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

  /// A field of a part, found as scripts find it: by its number in the form of the part.
  private func part(_ store: Store, _ field: String, _ name: String) throws -> Value? {
    let root = try system.registry.live(store.id).root
    let node = try #require(root.slots[root.position(of: .string(field))].node)
    let position = node.position(of: .string(name))
    return position < 0 || node.slots[position].isEmpty ? nil : node.slots[position].value
  }

  /// Puts one map after the other into a field, each of a form of its own; calls `between` after some.
  private func fill(_ store: Store, _ prefix: String, between: () throws -> Void = {}) throws {
    for first in 0..<100 {
      for second in 0..<60 {
        try store.set(
          "row",
          [.string("\(prefix)\(first)"): 1, .string("\(prefix)\(first)-\(second)"): 2]
        )
      }
      try between()
    }
  }

  @Test func `Keys of data leave room for what is defined, and maps work on without`() throws {
    let data = try system.define("data", state: ["row": [:], "last": [:]])
    for prefix in ["a", "b", "c", "d"] { try fill(data, prefix) }
    #expect(system.tree.symbols.count <= SymbolTable.dataLimit)
    #expect(system.tree.symbols.shapeCount <= Shape.maximumCount)
    #expect(try data.get("row") == ["d99": 1, "d99-59": 2])
    let store = try system.define(
      StoreDefinition("late", state: ["field": 1], getters: ["aNewGetter": { try $0.get("field") }])
    )
    #expect(try store.get("aNewGetter") == 1)
  }

  @Test func `Names and shapes that nothing has any more are given back between turns`() throws {
    let data = try system.define("data", state: ["row": [:], "kept": ["first": 1, "second": 2]])
    var most = 0
    for prefix in ["a", "b", "c", "d", "e", "f"] {
      try fill(data, prefix) {
        most = max(most, system.tree.symbols.count)
        _ = system.tree.reclaimNames()
      }
    }
    #expect(most > 4_096)
    #expect(most < 8_192)
    #expect(system.tree.symbols.shapeCount < 8_192)
    #expect(try data.get("kept") == ["first": 1, "second": 2])
    try data.set("kept.second", 3)
    #expect(try part(data, "kept", "second") == 3)
    #expect(try data.get("row") == ["f99": 1, "f99-59": 2])
  }

  @Test func `A number that was given back and means another name finds nothing of the old one`()
    throws
  {
    let data = try system.define("data", state: ["row": [:], "map": ["base": 1, "a1-1": 5]])
    try fill(data, "a")
    try data.set("map[\"a2-2\"]", 6)
    #expect(system.tree.reclaimNames())
    #expect(try data.get("map") == ["base": 1, "a1-1": 5, "a2-2": 6])
    try fill(data, "b")
    #expect(try part(data, "map", "a1-1") == 5)
    #expect(try part(data, "map", "a3-3") == nil)
    #expect(try part(data, "row", "a99-59") == nil)
    #expect(try part(data, "row", "b99-59") == 2)
    #expect(!system.tree.reclaimNames() || system.tree.symbols.count < 4_096)
  }

  @Test func `Each script has a share of the names of members, and long names are refused`() throws
  {
    let symbols = SymbolTable()
    for number in 0..<SymbolTable.ownerLimit {
      #expect(try symbols.intern(member: "name\(number)", of: "stores/a.lua") != 0)
    }
    let error = failure { _ = try symbols.intern(member: "more", of: "stores/a.lua") }
    #expect(error?.code == .invalidDefinition)
    #expect(error?.script == "stores/a.lua")
    #expect(error?.message.contains("'more' would be one more") == true)
    #expect(try symbols.intern(member: "name7", of: "stores/a.lua") != 0)
    #expect(try symbols.intern(member: "more", of: "stores/b.lua") != 0)
    #expect(symbols.intern("data") != 0)
    #expect(symbols.intern(String(repeating: "x", count: 65)) == 0)
    let long = failure {
      _ = try symbols.intern(member: String(repeating: "x", count: 2_000), of: nil)
    }
    #expect(long?.message.contains("has 2000 bytes, and may have 1024") == true)
  }

  @Test func `Members of stores that are gone give their names back`() throws {
    for round in 0..<10 {
      for number in 0..<500 {
        let name = "getter\(round)-\(number)"
        let store = try system.define(StoreDefinition("s\(number)", getters: [name: { _ in 1 }]))
        #expect(try store.get(name) == 1)
        try store.dispose()
      }
    }
    system.tree.symbols.reclaim()
    #expect(system.tree.symbols.count < 100)
  }
}
