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
    #expect(error?.message.contains("'ping' in Swift") == true)
    #expect(error?.message.contains("'pong' in Swift") == true)
    #expect(error?.message.contains("\(system.limits.loopLength)") == true)
    first.cancel()
    #expect(try ping.integer("count") == 0)
    #expect(try pong.integer("count") == 0)
    #expect(try ping.call("increment") == 1)
  }

  @Test func `Watchers without end are stopped and named, and the store works on`() throws {
    let counter = try system.defineCounter()
    var reports: [StoreError] = []
    _ = system.observeReports { reports.append($0) }
    let effect = Effect(in: system.graph, label: "the restless one") {
      try counter.set("count", .integer(try counter.integer("count") + 1))
    }
    let before = try counter.integer("count")
    let error = failure { try counter.call("increment", 5) }
    #expect(error?.code == .endlessLoop)
    #expect(error?.message.contains("the restless one") == true)
    #expect(try counter.integer("count") == before)
    #expect(reports.isEmpty)
    effect.dispose()
    #expect(try counter.call("increment") == .integer(before + 1))
  }

  @Test func `A turn whose watchers do not settle is undone with what subscribers did in it`()
    throws
  {
    let counter = try system.defineCounter()
    let other = try system.define("other", state: ["seen": 0])
    _ = try counter.subscribe { _ in try other.set("seen", try counter.get("count")) }
    let observer = RecordingObserver()
    _ = system.observe(observer)
    let effect = Effect(in: system.graph, label: "restless") {
      let count = try counter.integer("count")
      if count > 0 { try counter.set("count", .integer(count + 1)) }
    }
    #expect(failure { try counter.call("increment") }?.code == .endlessLoop)
    #expect(try counter.get("count") == 0)
    #expect(try other.get("seen") == 0)
    #expect(observer.changes.isEmpty)
    effect.dispose()
    try counter.call("increment")
    #expect(try other.get("seen") == 1)
    #expect(observer.changes.map(\.store) == ["counter", "other"])
  }

  @Test func `What was final before a loop stays, and is heard`() throws {
    let counter = try system.defineCounter()
    let other = try system.define("other", state: ["a": 0])
    var heard: [Value] = []
    let watcher = Effect(in: system.graph) { heard.append(try other.get("a")) }
    let effect = Effect(in: system.graph, label: "restless") {
      let count = try counter.integer("count")
      if count > 0 { try counter.set("count", .integer(count + 1)) }
    }
    let error = failure {
      try system.turn {
        try other.set("a", 7)
        try system.commit()
        try counter.set("count", 1)
      }
    }
    #expect(error?.code == .endlessLoop)
    #expect(try other.get("a") == 7)
    #expect(try counter.get("count") == 0)
    #expect(heard.last == 7)
    effect.dispose()
    watcher.dispose()
  }

  @Test func `Chains of watchers and subscribers as long as the limit settle`() throws {
    let counter = try system.defineCounter()
    let up = Effect(in: system.graph) {
      let count = try counter.integer("count")
      if count > 0, count < 900 { try counter.set("count", .integer(count + 1)) }
    }
    try counter.call("increment")
    #expect(try counter.get("count") == 900)
    up.dispose()
    try counter.set("count", 0)
    let told = try counter.subscribe { _ in
      let count = try counter.integer("count")
      if count < 900 { try counter.call("increment") }
    }
    try counter.call("increment")
    #expect(try counter.get("count") == 900)
    told.cancel()
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
