import MoonValue
import MoonstoreCore
import Testing

/// Effects that read stores.
struct WatcherTests {
  let system = StoreSystem()
  let log = RunLog()

  private func watch(_ store: Store, _ name: String) -> Effect {
    Effect(in: system.graph, label: "watcher of \(name)") { [log] in
      log.add("\(name) \(try store.get(name))")
    }
  }

  @Test func `A watcher runs once for a turn, after it has committed`() throws {
    let counter = try system.defineCounter()
    let effect = watch(counter, "count")
    try system.turn {
      try counter.call("increment")
      try counter.call("increment")
      log.add("end of turn")
    }
    #expect(log.entries == ["count 0", "end of turn", "count 2"])
    effect.dispose()
    try counter.call("increment")
    #expect(log.entries.count == 3)
  }

  @Test func `A watcher runs after messages were delivered, so it sees the whole turn`() throws {
    let counter = try system.defineCounter()
    _ = try system.subscribe("note") { _ in try counter.call("increment", 10) }
    let effect = watch(counter, "count")
    try system.turn {
      try counter.call("increment")
      try system.send("note")
    }
    #expect(log.entries == ["count 0", "count 11"])
    effect.dispose()
  }

  @Test func `A watcher of a getter runs when its value has changed`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["n": 1],
        getters: ["isPositive": { .bool(try $0.integer("n") > 0) }]
      )
    )
    let effect = watch(store, "isPositive")
    try store.set("n", 5)
    try store.set("n", -5)
    #expect(log.entries == ["isPositive true", "isPositive false"])
    effect.dispose()
  }

  @Test func `A watcher of a getter does not run for a turn that failed`() throws {
    let counter = try system.defineCounter()
    let effect = watch(counter, "double")
    _ = failure { try counter.call("countAndFail") }
    #expect(log.entries == ["double 0"])
    try counter.call("increment")
    #expect(log.entries == ["double 0", "double 2"])
    effect.dispose()
  }

  @Test func `A watcher never sees what a turn that failed had written`() throws {
    let counter = try system.defineCounter()
    let effect = watch(counter, "count")
    _ = failure { try counter.call("countAndFail") }
    #expect(!log.entries.contains("count 1"))
    effect.dispose()
  }

  @Test func `A watcher that writes settles, and its writes are told`() throws {
    let counter = try system.defineCounter()
    let copy = try system.define("copy", state: ["count": 0])
    _ = try copy.subscribe { [log] change in log.add("\(change.patches[0].new ?? .null)") }
    let effect = Effect(in: system.graph) { try copy.set("count", try counter.get("count")) }
    try counter.call("increment")
    #expect(try copy.get("count") == 1)
    #expect(log.entries == ["1"])
    effect.dispose()
  }

  @Test func `A watcher that fails is reported by its name, and the others run`() throws {
    let counter = try system.defineCounter()
    var reports: [StoreError] = []
    _ = system.observeReports { reports.append($0) }
    let failing = Effect(in: system.graph, label: "the bad one") {
      if try counter.get("count") == 1 { throw Refusal(reason: "broken") }
    }
    let effect = watch(counter, "count")
    try counter.call("increment")
    #expect(reports.map(\.member) == ["the bad one"])
    #expect(reports.first?.underlying as? Refusal == Refusal(reason: "broken"))
    #expect(log.entries == ["count 0", "count 1"])
    effect.dispose()
    failing.dispose()
  }

  @Test func `A watcher's messages are delivered before the call returns`() throws {
    let counter = try system.defineCounter()
    _ = try system.subscribe("changed") { [log] message in log.add("\(message.payload)") }
    let effect = Effect(in: system.graph) { [system] in
      try system.send("changed", try counter.get("count"))
    }
    _ = log.take()
    try counter.call("increment")
    #expect(log.entries == ["1"])
    effect.dispose()
  }

  @Test func `What a watcher wrote after a turn that failed is a turn of its own`() throws {
    let counter = try system.defineCounter()
    let copy = try system.define("copy", state: ["runs": 0])
    let effect = Effect(in: system.graph) {
      _ = try counter.get("count")
      let runs = try system.graph.untracked { try copy.integer("runs") }
      try copy.set("runs", .integer(runs + 1))
    }
    _ = failure {
      try system.turn {
        try counter.call("increment")
        try system.commit()
        throw Refusal(reason: "no")
      }
    }
    #expect(try copy.get("runs") == 2)
    #expect(!system.isInTurn)
    _ = failure { try copy.set("nowhere.to", 1) }
    #expect(try copy.get("runs") == 2)
    effect.dispose()
  }
}
