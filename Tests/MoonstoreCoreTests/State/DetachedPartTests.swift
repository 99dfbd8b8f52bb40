import MoonValue
import MoonstoreCore
import Testing

struct DetachedPartTests {
  let system = StoreSystem()

  private func write(_ node: StateNode) -> StoreError? {
    failure {
      try system.turn { try system.tree.assign("written", .integer(1), in: node) }
    }
  }

  @Test func `A part that was replaced can be read and not written`() throws {
    let store = try system.define("store", state: ["user": ["name": "Ada"]])
    let old = try #require(try store.part("user"))
    try store.set("user", ["name": "Grace"])
    #expect(write(old)?.code == .detached)
    #expect(old.value == ["name": "Ada"])
    #expect(old.path == nil)
    #expect(try store.get("user") == ["name": "Grace"])
  }

  @Test func `Parts inside of a removed part are detached as well`() throws {
    let store = try system.define("store", state: ["user": ["address": ["city": "London"]]])
    let inner = try #require(try store.part("user")?.slots.first?.node)
    #expect(inner.path == ["store", "user", "address"])
    try store.remove("user")
    #expect(write(inner)?.code == .detached)
    #expect(inner.path == nil)
  }

  @Test func `A part whose removal was undone is writable again`() throws {
    let store = try system.define("store", state: ["user": ["name": "Ada"]])
    let part = try #require(try store.part("user"))
    _ = failure {
      try system.turn {
        try store.remove("user")
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(try store.part("user") === part)
    #expect(write(part) == nil)
    #expect(try store.get("user") == ["name": "Ada", "written": 1])
  }

  @Test func `A part that was added by an undone turn is detached`() throws {
    let store = try system.define("store", state: [:])
    var part: StateNode?
    _ = failure {
      try system.turn {
        try store.set("user", ["name": "Ada"])
        part = try store.part("user")
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(write(try #require(part))?.code == .detached)
    #expect(try store.state == [:])
  }

  @Test func `The path of a part follows when elements move`() throws {
    let store = try system.define("store", state: ["list": [["id": 1], ["id": 2], ["id": 3]]])
    let list = try #require(try store.part("list"))
    let last = try #require(list.slots[2].node)
    #expect(last.path == ["store", "list", 3])
    try system.turn { system.tree.remove(from: list, at: 0) }
    #expect(last.path == ["store", "list", 2])
    try system.turn { system.tree.reorder(list, [1, 0]) }
    #expect(last.path == ["store", "list", 1])
  }

  @Test func `A copy has a life of its own`() throws {
    let store = try system.define("store", state: ["a": ["list": [1]]])
    let part = try #require(try store.part("a"))
    try system.turn {
      try system.tree.assign("b", .node(system.tree.copy(part)), in: store.live.root)
    }
    try store.set("b.list[2]", 2)
    #expect(try store.state == ["a": ["list": [1]], "b": ["list": [1, 2]]])
    try store.set("a.list[1]", 9)
    #expect(try store.state == ["a": ["list": [9]], "b": ["list": [1, 2]]])
  }

  @Test func `Frozen parts are read-only all the way down`() throws {
    let node = try #require(system.frozen(["inner": ["list": [1]]]).node)
    #expect(write(node)?.code == .readOnly)
    let inner = try #require(node.slots.first?.node)
    #expect(write(inner)?.code == .readOnly)
    let copy = system.tree.copy(inner)
    #expect(!copy.isFrozen)
    #expect(copy.value == ["list": [1]])
  }

  @Test func `The parts of a disposed store are detached`() throws {
    let store = try system.define("store", state: ["user": ["name": "Ada"]])
    let part = try #require(try store.part("user"))
    try store.dispose()
    #expect(write(part)?.code == .detached)
  }
}
