import MoonValue
import MoonstoreCore
import Testing

struct GetterTests {
  let system = StoreSystem()
  let log = RunLog()

  private func makeStore() throws -> Store {
    try system.define(
      StoreDefinition(
        "store",
        state: ["n": 1, "other": 1],
        getters: [
          "double": { [log] store in
            log.add("double")
            return .integer(try store.integer("n") * 2)
          },
          "quadruple": { [log] store in
            log.add("quadruple")
            return .integer(try store.integer("double") * 2)
          },
        ]
      )
    )
  }

  @Test func `A getter is lazy and cached`() throws {
    let store = try makeStore()
    #expect(log.entries == [])
    #expect(try store.get("double") == 2)
    #expect(try store.get("double") == 2)
    #expect(log.take() == ["double"])
    try store.set("other", 5)
    #expect(try store.get("double") == 2)
    #expect(log.take() == [])
    try store.set("n", 3)
    #expect(log.take() == [])
    #expect(try store.get("double") == 6)
    #expect(log.take() == ["double"])
  }

  @Test func `A getter follows through other getters`() throws {
    let store = try makeStore()
    #expect(try store.get("quadruple") == 4)
    try store.set("n", 2)
    #expect(try store.get("quadruple") == 8)
    #expect(log.count("double") == 2)
    #expect(log.count("quadruple") == 2)
  }

  @Test func `A getter whose source getter has kept its value is not evaluated`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["n": 1],
        getters: [
          "isOdd": { .bool(try $0.integer("n") % 2 == 1) },
          "text": { [log] store in
            log.add("text")
            return try store.get("isOdd") == true ? "odd" : "even"
          },
        ]
      )
    )
    #expect(try store.get("text") == "odd")
    try store.set("n", 3)
    #expect(try store.get("text") == "odd")
    #expect(log.entries == ["text"])
  }

  @Test func `A getter follows another store, in both directions`() throws {
    let a = try system.define(
      StoreDefinition(
        "a",
        state: ["n": 1],
        getters: [
          "sum": { [system] a in
            .integer(try a.integer("n") + system.store("b").integer("n"))
          }
        ]
      )
    )
    let b = try system.define(
      StoreDefinition(
        "b",
        state: ["n": 10],
        getters: ["product": { .integer(try $0.integer("n") * a.integer("n")) }]
      )
    )
    #expect(try a.get("sum") == 11)
    #expect(try b.get("product") == 10)
    try b.set("n", 20)
    #expect(try a.get("sum") == 21)
    try a.set("n", 2)
    #expect(try b.get("product") == 40)
  }

  @Test func `A getter that fails fails again without being run, until what it read changes`()
    throws
  {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["n": 0],
        getters: [
          "inverse": { [log] store in
            log.add("run")
            let n = try store.integer("n")
            guard n != 0 else { throw Refusal(reason: "zero") }
            return .number(1 / Double(n))
          }
        ]
      )
    )
    for _ in 0..<2 {
      let error = failure { _ = try store.get("inverse") }
      #expect(error?.underlying as? Refusal == Refusal(reason: "zero"))
      #expect(error?.store == "store")
      #expect(error?.member == "inverse")
    }
    #expect(log.entries == ["run"])
    try store.set("n", 4)
    #expect(try store.get("inverse") == 0.25)
  }

  @Test func `A circle of getters is an error that shows the path, and can be left`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["loops": true],
        getters: [
          "a": { try $0.get("b") },
          "b": { try $0.get("loops") == true ? try $0.get("a") : 1 },
        ]
      )
    )
    let error = failure { _ = try store.get("a") }
    #expect(error?.code == .getterCycle)
    #expect(error?.message.contains("store.a -> store.b -> store.a") == true)
    try store.set("loops", false)
    #expect(try store.get("a") == 1)
  }

  @Test func `A getter that writes, calls, sends, asks or patches is refused by its name`() throws {
    let other = try system.defineCounter("other")
    let attempts: [String: (Store) throws -> Void] = [
      "writes": { try $0.set("n", 2) },
      "writesElsewhere": { _ in try other.set("count", 2) },
      "calls": { _ in try other.call("increment") },
      "sends": { [system] _ in try system.send("note") },
      "asks": { [system] _ in _ = try system.request("ask") },
      "patches": { try $0.patch(["n": 2]) },
      "patchesByFunction": { try $0.patch { _ in } },
      "resets": { try $0.reset() },
    ]
    _ = try system.answer("ask") { _ in 1 }
    var definition = StoreDefinition("store", state: ["n": 1])
    definition.getters = attempts.mapValues { body in
      { store in
        try body(store)
        return 1
      }
    }
    let store = try system.define(definition)
    for name in attempts.keys.sorted() {
      let error = failure { _ = try store.get(name) }
      #expect(error?.code == .getterSideEffect)
      #expect(error?.message.contains("'store.\(name)'") == true)
      let inTurn = failure { try system.turn { _ = try store.get(name) } }
      #expect(inTurn?.code == .getterSideEffect)
    }
    #expect(try store.get("n") == 1)
    #expect(try other.get("count") == 0)
    #expect(system.bus.messageCount == 0)
  }

  @Test func `Nobody writes over a getter or an action`() throws {
    let store = try system.defineCounter()
    #expect(failure { try store.set("double", 1) }?.code == .readOnly)
    #expect(failure { try store.patch(["double": 1]) }?.code == .readOnly)
    #expect(failure { try store.set("increment", 1) }?.code == .readOnly)
    #expect(try store.get("double") == 0)
    #expect(try store.state == ["count": 0])
  }

  @Test func `An unknown name is an error with the name that was meant`() throws {
    let store = try makeStore()
    let error = failure { _ = try store.get("duoble") }
    #expect(error?.code == .unknownField)
    #expect(error?.message.contains("did you mean 'double'") == true)
  }

  @Test func `A getter that found a field missing sees it come`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        getters: ["late": { store in (try? store.get("field")) ?? "missing" }]
      )
    )
    #expect(try store.get("late") == "missing")
    try store.set("field", 1)
    #expect(try store.get("late") == 1)
    try store.remove("field")
    #expect(try store.get("late") == "missing")
  }
}
