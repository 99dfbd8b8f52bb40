import MoonValue
import MoonstoreCore
import Testing

/// The behaviours that Pinia's specs of state and of stores check, for stores of Swift.
struct StateTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `Each store begins with a state of its own`() throws {
    func define(in system: StoreSystem) throws -> Store {
      try system.define("store", state: ["a": true, "nested": ["foo": "foo"]])
    }
    let one = try define(in: system)
    let two = try define(in: StoreSystem())
    try one.set("nested.foo", "bar")
    #expect(try one.state == ["a": true, "nested": ["foo": "bar"]])
    #expect(try two.state == ["a": true, "nested": ["foo": "foo"]])
  }

  @Test func `A store needs no state`() throws {
    let store = try system.define(StoreDefinition("empty"))
    #expect(try store.state == [:])
    try store.reset()
    #expect(try store.state == [:])
  }

  @Test func `The same id is the same store`() throws {
    let store = try system.defineCounter()
    let again = try system.store("counter")
    try store.call("increment")
    #expect(try again.get("count") == 1)
    #expect(again.live === store.live)
  }

  @Test func `A copy of the state does not follow it, and cannot change it`() throws {
    let store = try system.define("store", state: ["list": [1]])
    var copy = try store.state
    try store.set("list[2]", 2)
    #expect(copy == ["list": [1]])
    copy = [:]
    #expect(try store.state == ["list": [1, 2]])
  }

  @Test func `What is set is copied, parts as well`() throws {
    let store = try system.define("store", state: [:])
    let part: Value = ["x": [1]]
    try store.set("a", part)
    try store.set("b", part)
    try store.set("a.x[1]", 2)
    #expect(try store.state == ["a": ["x": [2]], "b": ["x": [1]]])
  }

  @Test func `Reset gives the state of the beginning, and takes away what was added`() throws {
    var count = 0
    let store = try system.define(
      StoreDefinition(
        "store",
        state: {
          count += 1
          return ["n": .integer(Int64(count)), "nested": ["a": 1], "list": []]
        }()
      )
    )
    try store.patch(["n": 50, "added": true, "nested": ["b": 2], "list": [1]])
    try store.reset()
    #expect(try store.state == ["n": 2, "nested": ["a": 1], "list": []])
  }

  @Test func `Reset is one change, and none when there is nothing to do`() throws {
    let store = try system.define("store", state: ["a": 1, "b": 1, "same": [1]])
    _ = try store.subscribe { [log] in log.add("\($0.kind.rawValue) \($0.patches.count)") }
    try store.reset()
    #expect(log.entries == [])
    try store.patch(["a": 2, "b": 2])
    try store.reset()
    #expect(log.entries == ["patch 2", "reset 2"])
  }

  @Test func `A reset whose state fails changes nothing`() throws {
    var isBroken = false
    let store = try system.define(
      StoreDefinition(
        "store",
        state: try {
          if isBroken { throw Refusal(reason: "broken") }
          return ["n": 1]
        }()
      )
    )
    try store.set("n", 2)
    isBroken = true
    #expect(failure { try store.reset() }?.underlying as? Refusal == Refusal(reason: "broken"))
    #expect(try store.get("n") == 2)
  }

  @Test func `A definition whose state fails registers nothing`() {
    let definition = StoreDefinition("store", state: try { throw Refusal(reason: "broken") }())
    let error = failure { try system.define(definition) }
    #expect(error?.underlying as? Refusal == Refusal(reason: "broken"))
    #expect(system.registry.count == 0)
  }

  @Test func `A field is read as a Swift type`() throws {
    struct Item: Decodable, Equatable {
      let name: String
      let count: Int
    }
    let store = try system.define("store", state: ["items": [["name": "a", "count": 2]]])
    #expect(try store.get("items", as: [Item].self) == [Item(name: "a", count: 2)])
    let error = failure { _ = try store.get("items", as: [Int].self) }
    #expect(error?.code == .notData)
    #expect(error?.message.contains("store.items") == true)
  }

  @Test func `A watcher of the whole state hears of every part`() throws {
    let store = try system.define("store", state: ["nested": ["deep": [1]]])
    let effect = Effect(in: system.graph) { [log] in log.add("\(try store.state)") }
    _ = log.take()
    try store.set("nested.deep[2]", 2)
    try store.set("new", 1)
    try store.remove("nested")
    #expect(log.entries.count == 3)
    #expect(try log.entries.last == "\(store.state)")
    effect.dispose()
  }

  // What Pinia's lifespan specs check: a store lives until it is disposed, whatever made it.
  @Test func `State outlives the scope in which the store was made`() throws {
    var store: Store? = try system.defineCounter()
    try store?.call("increment")
    store = nil
    #expect(try system.store("counter").get("count") == 1)
  }

  @Test func `A store that is made again begins anew`() throws {
    let store = try system.defineCounter()
    try store.call("increment")
    #expect(try store.get("double") == 2)
    try store.dispose()
    let new = try system.defineCounter()
    #expect(try new.get("double") == 0)
    #expect(store.isDisposed)
    #expect(!new.isDisposed)
  }
}
