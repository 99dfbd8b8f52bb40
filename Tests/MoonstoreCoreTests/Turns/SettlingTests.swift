import MoonValue
import MoonstoreCore
import Testing

/// What hears of changes and changes things itself.
struct SettlingTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `A subscriber that writes settles, and each round is told once`() throws {
    let counter = try system.defineCounter()
    _ = try counter.subscribe { [log] change in
      let count = try counter.integer("count")
      log.add("\(count)")
      if count < 4 { try counter.call("increment") }
    }
    try counter.call("increment")
    #expect(log.entries == ["1", "2", "3", "4"])
  }

  @Test func `Subscribers without end are stopped with an error that shows them`() throws {
    let ping = try system.defineCounter("ping")
    let pong = try system.defineCounter("pong")
    let first = try ping.subscribe { _ in try pong.call("increment") }
    _ = try pong.subscribe { _ in try ping.call("increment") }
    let error = failure { try ping.call("increment") }
    #expect(error?.code == .endlessLoop)
    #expect(error?.message.contains("ping -> pong") == true)
    #expect(error?.message.contains("\(system.limits.settleRounds)") == true)
    first.cancel()
    let count = try ping.integer("count")
    #expect(try ping.call("increment") == .integer(count + 1))
  }

  @Test func `Watchers without end are stopped and named, and the store works on`() throws {
    let counter = try system.defineCounter()
    var reports: [StoreError] = []
    system.onReport = { reports.append($0) }
    let effect = Effect(in: system.graph, label: "the restless one") {
      try counter.set("count", .integer(try counter.integer("count") + 1))
    }
    let error = failure { try counter.call("increment") }
    let all = reports + (error.map { [$0] } ?? [])
    #expect(all.contains { $0.code == .endlessLoop && $0.message.contains("the restless one") })
    effect.dispose()
    let count = try counter.integer("count")
    #expect(try counter.call("increment") == .integer(count + 1))
  }

  @Test func `A subscriber that sends and a handler that writes settle`() throws {
    let counter = try system.defineCounter()
    let seen = try system.define("seen", state: ["last": 0])
    _ = try counter.subscribe { [system] _ in
      try system.send("counted", try counter.get("count"))
    }
    _ = try system.subscribe("counted") { message in try seen.set("last", message.payload) }
    try counter.call("increment", 7)
    #expect(try seen.get("last") == 7)
  }

  @Test func `A subscriber may call an action that fails`() throws {
    let counter = try system.defineCounter()
    _ = try counter.subscribe { [log] _ in
      log.add(failure { try counter.call("countAndFail") } == nil ? "done" : "failed")
    }
    try counter.call("increment")
    #expect(log.entries == ["failed"])
    #expect(try counter.get("count") == 1)
  }
}
