import MoonValue
import MoonstoreCore
import Testing

struct StateTreeTests {
  let system = StoreSystem()

  @Test func `State is a tree of arrays, maps and plain values that comes back as it was put in`()
    throws
  {
    let state: Value = [
      "flag": true, "whole": 7, "fraction": 0.5, "text": "é", "nothing": .null,
      "bytes": .bytes([0xFF, 0]),
      "list": [1, [2, [3]], ["a": .null]],
      "map": ["inner": ["deep": "yes"]],
    ]
    let store = try system.define("tree", state: state)
    #expect(try store.state == state)
  }

  @Test func `Whole numbers and fractions stay what they are`() throws {
    let store = try system.define("tree", state: ["a": 1, "b": 1.0])
    #expect(try store.get("a") == .integer(1))
    #expect(try store.get("b") == .number(1))
    try store.set("a", 1.0)
    #expect(try store.get("a") == .number(1))
  }

  @Test func `What is written at a path stands there`() throws {
    let store = try system.define("tree", state: ["items": [["q": 1], ["q": 2]]])
    try store.set("items[2].q", 5)
    #expect(try store.state == ["items": [["q": 1], ["q": 5]]])
  }

  @Test func `A path that leads nowhere is an error that names its missing step`() throws {
    let store = try system.define("tree", state: ["items": [["q": 1]]])
    let error = failure { try store.set("items[3].q", 5) }
    #expect(error?.code == .unknownField)
    #expect(error?.message.contains("3") == true)
    #expect(failure { try store.set("nothing.q", 5) }?.message.contains("nothing") == true)
  }

  @Test func `An array takes its next index and refuses holes`() throws {
    let store = try system.define("tree", state: ["list": [1]])
    try store.set("list[2]", 2)
    let error = failure { try store.set("list[4]", 4) }
    #expect(error?.code == .notData)
    #expect(error?.message.contains("tree.list") == true)
    #expect(error?.message.contains("3") == true)
    #expect(try store.get("list") == [1, 2])
    #expect(failure { try store.set("list[0]", 0) }?.code == .notData)
  }

  @Test func `An array has no fields`() throws {
    let store = try system.define("tree", state: ["list": [1]])
    #expect(failure { try store.set("list.name", "x") }?.code == .notData)
    #expect(try store.get("list") == [1])
  }

  @Test func `Removing the last element shortens an array, another would leave a hole`() throws {
    let store = try system.define("tree", state: ["list": [1, 2, 3]])
    #expect(failure { try store.remove(1, from: "list") }?.code == .notData)
    try store.remove(3, from: "list")
    #expect(try store.get("list") == [1, 2])
    try store.remove(7, from: "list")
    #expect(try store.get("list") == [1, 2])
  }

  @Test func `Inserting, removing and reordering move the elements between`() throws {
    let store = try system.define("tree", state: ["list": [1, 2, 3]])
    let list = try #require(try store.part("list"))
    try system.turn {
      system.tree.insert(.integer(9), into: list, at: 0)
      system.tree.remove(from: list, at: 2)
      system.tree.reorder(list, [2, 0, 1])
    }
    #expect(try store.get("list") == [3, 9, 1])
  }

  @Test func `Readers of elements hear when elements move`() throws {
    let store = try system.define(
      StoreDefinition(
        "tree",
        state: ["list": [1, 2, 3]],
        getters: ["first": { try $0.get("list")[0] ?? .null }]
      )
    )
    #expect(try store.get("first") == 1)
    let list = try #require(try store.part("list"))
    try system.turn { system.tree.reorder(list, [2, 1, 0]) }
    #expect(try store.get("first") == 3)
    try system.turn { system.tree.remove(from: list, at: 0) }
    #expect(try store.get("first") == 2)
  }

  @Test func `Fields keep the order in which they were added`() throws {
    let store = try system.define("tree", state: ["z": 1])
    for name in ["m", "a", "k"] { try store.set(name, 1) }
    #expect(try store.keys() == ["z", "m", "a", "k"])
    try store.remove("m")
    #expect(try store.keys() == ["z", "a", "k"])
    try store.set("b", 1)
    #expect(try store.keys() == ["z", "a", "k", "b"])
  }

  @Test(arguments: [0, 24, 40])
  func `A field that was undone leaves no place in the order`(others: Int) throws {
    let store = try system.define("tree", state: ["map": ["z": 1]])
    for number in 0..<others { try store.set("map.field\(number)", 1) }
    _ = failure {
      try system.turn {
        try store.set("map.b", 1)
        try store.set("map.a", 1)
        throw Refusal(reason: "on purpose")
      }
    }
    try store.set("map.a", 1)
    try store.set("map.b", 1)
    #expect(try store.keys(of: "map").suffix(2) == ["a", "b"])
    #expect(try store.get("map")["a"] == 1)
  }

  @Test func `A removed field is gone, one that is null is there`() throws {
    let store = try system.define("tree", state: ["a": 1, "b": 2])
    try store.set("a", .null)
    try store.remove("b")
    #expect(try store.state == ["a": .null])
    #expect(try store.get("a") == .null)
    #expect(failure { _ = try store.get("b") }?.code == .unknownField)
  }

  @Test func `A whole number that is not 1 makes a map of an empty part`() throws {
    let store = try system.define("tree", state: ["scores": [:]])
    try store.set("scores[5]", 1)
    try store.set("scores[-2]", 2)
    try store.set("scores.name", 3)
    #expect(try store.get("scores") == .map([.integer(5): 1, .integer(-2): 2, "name": 3]))
    #expect(try store.keys(of: "scores") == [.integer(5), .integer(-2), "name"])
    try store.remove(.integer(5), from: "scores")
    #expect(try store.get("scores") == .map([.integer(-2): 2, "name": 3]))
  }

  @Test func `Writing what is there changes nothing`() throws {
    let store = try system.define("tree", state: ["a": 1, "n": .number(.nan)])
    var changes = 0
    let subscription = try store.subscribe { _ in changes += 1 }
    try store.set("a", 1)
    try store.set("n", .number(.nan))
    #expect(changes == 0)
    try store.set("a", 1.0)
    #expect(changes == 1)
    subscription.cancel()
  }

  @Test func `A definition whose state is no map is refused`() {
    #expect(failure { try system.define("tree", state: [1, 2]) }?.code == .invalidDefinition)
    #expect(failure { try system.define("tree", state: 1) }?.code == .invalidDefinition)
    #expect(!system.registry.has("tree"))
  }
}
