import MoonValue
import MoonstoreCore
import Testing

struct TurnTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `An action that fails leaves no trace in any store`() throws {
    let cart = try system.defineCounter("cart")
    let stock = try system.define(
      StoreDefinition(
        "stock",
        state: ["left": 5],
        actions: [
          "take": { store, _ in
            try store.set("left", 4)
            try cart.call("increment")
            throw Refusal(reason: "no")
          }
        ]
      )
    )
    let error = failure { try stock.call("take") }
    #expect(error?.underlying as? Refusal == Refusal(reason: "no"))
    #expect(error?.store == "stock")
    #expect(error?.member == "take")
    #expect(try stock.get("left") == 5)
    #expect(try cart.get("count") == 0)
    #expect(try cart.get("double") == 0)
  }

  @Test(arguments: 0...6)
  func `A turn that fails at any point has never been`(point: Int) throws {
    let a = try system.defineCounter("a")
    let b = try system.define("b", state: ["list": [1, 2], "map": ["x": 1]])
    for type in ["note", "*"] {
      _ = try system.subscribe(type) { [log] _ in log.add("heard") }
    }
    _ = try system.answer("ask") { _ in
      try a.call("increment")
      return .null
    }
    let changes = try a.subscribe { [log] _ in log.add("changed") }
    let before = try [a.state, b.state]
    let steps: [() throws -> Void] = [
      { try a.call("increment") },
      { [system] in try system.send("note") },
      { try b.set("list[3]", 3) },
      { try b.patch(["map": ["y": 2]]) },
      { try b.patch { store in try store.set("map", ["z": 3]) } },
      { try b.reset() },
    ]
    let error = failure {
      try system.turn {
        for step in steps.prefix(point) { try step() }
        throw Refusal(reason: "at \(point)")
      }
    }
    #expect(error?.underlying as? Refusal == Refusal(reason: "at \(point)"))
    #expect(try [a.state, b.state] == before)
    #expect(log.entries == [])
    try system.turn { for step in steps { try step() } }
    #expect(try a.get("double") == 2)
    #expect(log.count("heard") == 2)
    #expect(log.count("changed") == 1)
    changes.cancel()
  }

  @Test func `An inner call that fails undoes its own writes only`() throws {
    let counter = try system.defineCounter()
    try system.turn {
      try counter.call("increment")
      _ = failure { try counter.call("countAndFail") }
      try counter.call("increment")
    }
    #expect(try counter.get("count") == 2)
  }

  @Test func `Getters read in the middle of a turn that fails are right afterwards`() throws {
    let counter = try system.defineCounter()
    #expect(try counter.get("double") == 0)
    _ = failure {
      try system.turn {
        try counter.call("increment", 21)
        let double = try counter.get("double")
        #expect(double == 42)
        throw Refusal(reason: "no")
      }
    }
    #expect(try counter.get("double") == 0)
  }

  @Test func `What a turn registered and then failed is not there`() throws {
    let counter = try system.defineCounter()
    let watch: () throws -> Void = { [system, log] in
      _ = try system.subscribe("note") { _ in log.add("handler") }
      _ = try system.answer("ask") { _ in .null }
      _ = system.bus.use { _ in
        log.add("message middleware")
        return true
      }
      _ = try counter.subscribe { _ in log.add("subscriber") }
      _ = try counter.onAction(ActionMiddleware(before: { _ in log.add("hook") }))
      _ = system.use(ActionMiddleware(before: { _ in log.add("middleware") }))
      _ = system.registry.onEvent { _ in log.add("event") }
    }
    _ = failure {
      try system.turn {
        try watch()
        throw Refusal(reason: "no")
      }
    }
    try counter.call("increment")
    try system.send("note")
    try system.defineCounter("other")
    #expect(log.entries == [])
    #expect(failure { _ = try system.request("ask") }?.code == .noResponder)
  }

  @Test func `What a turn ended and then failed is still there, in its order`() throws {
    let counter = try system.defineCounter()
    var all: [Subscription] = []
    for number in 1...3 {
      all += [
        try system.subscribe("note") { [log] _ in log.add("handler \(number)") },
        system.bus.use { [log] _ in
          log.add("message middleware \(number)")
          return true
        },
        try counter.subscribe { [log] _ in log.add("subscriber \(number)") },
        try counter.onAction(ActionMiddleware(before: { [log] _ in log.add("hook \(number)") })),
        system.use(ActionMiddleware(before: { [log] _ in log.add("middleware \(number)") })),
      ]
    }
    let answer = try system.answer("ask") { _ in 1 }
    func play() throws -> [String] {
      try counter.call("increment")
      try system.send("note")
      _ = try system.request("ask")
      return log.take()
    }
    let before = try play()
    #expect(before.count == 3 * 6)
    _ = failure {
      try system.turn {
        for subscription in all { subscription.cancel() }
        answer.cancel()
        throw Refusal(reason: "no")
      }
    }
    #expect(all.count { $0.isActive } == all.count)
    #expect(try play() == before)
    for subscription in all { subscription.cancel() }
    #expect(try play() == [])
    #expect(all.count { $0.isActive } == 0)
  }

  @Test func `What was committed within a turn stays when the turn fails, and is told`() throws {
    let counter = try system.defineCounter()
    _ = try system.subscribe("*") { [log] message in log.add(message.type) }
    _ = try counter.subscribe { [log] change in log.add("\(change.patches.last?.new ?? .null)") }
    _ = failure {
      try system.turn {
        try counter.call("increment")
        try system.send("before")
        try system.commit()
        try counter.call("increment")
        try system.send("after")
        throw Refusal(reason: "no")
      }
    }
    #expect(try counter.get("count") == 1)
    #expect(log.entries == ["before", "1"])
  }

  @Test func `A savepoint from before a commit reaches back to the commit`() throws {
    let counter = try system.defineCounter()
    try system.turn {
      let savepoint = system.savepoint()
      try counter.set("count", 1)
      try system.commit()
      try counter.set("count", 2)
      system.rollBack(to: savepoint)
    }
    #expect(try counter.get("count") == 1)
  }

  @Test func `Savepoints nest`() throws {
    let counter = try system.defineCounter()
    var seen: [Value] = []
    try system.turn {
      try counter.set("count", 1)
      let outer = system.savepoint()
      try counter.set("count", 2)
      let inner = system.savepoint()
      try counter.set("count", 3)
      system.rollBack(to: inner)
      seen.append(try counter.get("count"))
      system.rollBack(to: outer)
      seen.append(try counter.get("count"))
    }
    #expect(seen == [2, 1])
    #expect(system.savepoint() == -1)
    system.rollBack(to: -1)
    #expect(try counter.get("count") == 1)
  }
}
