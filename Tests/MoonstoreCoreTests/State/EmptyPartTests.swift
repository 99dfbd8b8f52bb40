import MoonValue
import MoonstoreCore
import Testing

/// An empty part that was never declared is an array or a map only once its first key says so.
struct EmptyPartTests {
  let system = StoreSystem()

  private func makeStore(_ part: Value = .empty) throws -> Store {
    try system.define("store", state: ["part": part])
  }

  private func failing(_ body: () throws -> Void) {
    _ = failure {
      try system.turn {
        try body()
        throw Refusal(reason: "on purpose")
      }
    }
  }

  @Test func `The first key decides: 1 makes an array, anything else a map`() throws {
    let store = try makeStore()
    try store.set("part[1]", "a")
    #expect(try store.get("part") == ["a"])
    try store.set("part", 1)
    try store.set("part", .empty)
    try store.set("part.name", "a")
    #expect(try store.get("part") == ["name": "a"])
  }

  @Test func `Nil into an empty part decides nothing`() throws {
    let store = try makeStore()
    try store.remove("name", from: "part")
    #expect(try store.part("part")?.kind == .undetermined)
    try store.set("part[1]", "a")
    #expect(try store.get("part") == ["a"])
  }

  @Test func `What was declared stays what it is`() throws {
    let list = try makeStore([])
    #expect(failure { try list.set("part.name", 1) }?.code == .notData)
    #expect(try list.get("part") == [])
    try list.set("part", .empty)
    #expect(try list.get("part") == [])
    let map = try StoreSystem().define("store", state: ["part": [:]])
    try map.set("part[1]", "a")
    #expect(try map.get("part") == .map([1: "a"]))
    try map.set("part", .empty)
    #expect(try map.get("part") == [:])
  }

  @Test func `A decision that was undone can be made otherwise`() throws {
    let store = try makeStore()
    failing { try store.set("part.name", 1) }
    #expect(try store.part("part")?.kind == .undetermined)
    try store.set("part[1]", "a")
    try store.set("part[2]", "b")
    #expect(try store.get("part") == ["a", "b"])
  }

  @Test func `A map that was undone takes other fields`() throws {
    let store = try makeStore()
    failing { try store.set("part.name", 1) }
    try store.set("part.other", 2)
    try store.set("part.third", 3)
    #expect(try store.get("part") == ["other": 2, "third": 3])
    #expect(try store.keys(of: "part") == ["other", "third"])
  }

  @Test func `A map with integer keys that was undone takes names`() throws {
    let store = try makeStore()
    failing { try store.set("part[7]", 1) }
    try store.set("part.other", 2)
    try store.set("part.other", 3)
    #expect(try store.get("part") == ["other": 3])
  }

  @Test func `A map that was emptied and made an array goes back to its fields`() throws {
    let store = try makeStore(["a": 1, "b": 2])
    let part = try #require(try store.part("part"))
    failing {
      try store.remove("a", from: "part")
      try store.remove("b", from: "part")
      system.tree.decide(.array, for: part)
      system.tree.insert(.integer(5), into: part, at: 0)
    }
    #expect(try store.get("part") == ["a": 1, "b": 2])
    try store.set("part.c", 3)
    #expect(try store.get("part") == ["a": 1, "b": 2, "c": 3])
  }

  @Test func `Readers of an empty part hear of its first key`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["part": .empty],
        getters: ["copy": { try $0.get("part") }]
      )
    )
    #expect(try store.get("copy") == .empty)
    try store.set("part.a", 1)
    #expect(try store.get("copy") == ["a": 1])
    try store.remove("a", from: "part")
    #expect(try store.get("copy") == [:])
  }
}
