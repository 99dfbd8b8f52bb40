import MoonValue
import MoonstoreCore
import Testing

struct MessageHandlerTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `A cancelled handler hears nothing, and cancelling twice cancels one`() throws {
    let first = try system.subscribe("one") { [log] _ in log.add("first") }
    _ = try system.subscribe("one") { [log] _ in log.add("second") }
    first.cancel()
    first.cancel()
    #expect(!first.isActive)
    try system.send("one")
    #expect(log.entries == ["second"])
  }

  @Test func `The same handler twice is two handlers`() throws {
    let body: (Message) -> Void = { [log] _ in log.add("heard") }
    let first = try system.subscribe("one", body)
    _ = try system.subscribe("one", body)
    try system.send("one")
    first.cancel()
    first.cancel()
    try system.send("one")
    #expect(log.count("heard") == 3)
  }

  @Test func `A handler that is cancelled during delivery is passed over`() throws {
    var second: Subscription?
    _ = try system.subscribe("one") { [log] _ in
      log.add("first")
      second?.cancel()
    }
    second = try system.subscribe("one") { [log] _ in log.add("second") }
    _ = try system.subscribe("one") { [log] _ in log.add("third") }
    try system.send("one")
    #expect(log.entries == ["first", "third"])
  }

  @Test func `A handler that cancels itself does not hide the next one`() throws {
    var own: Subscription?
    own = try system.subscribe("one") { [log] _ in
      log.add("once")
      own?.cancel()
    }
    _ = try system.subscribe("one") { [log] _ in log.add("next") }
    try system.send("one")
    try system.send("one")
    #expect(log.entries == ["once", "next", "next"])
  }

  @Test(arguments: ["one", "*"])
  func `A handler that is added during delivery hears from the next message on`(type: String) throws
  {
    var isAdded = false
    _ = try system.subscribe("one") { [system, log] _ in
      guard !isAdded else { return }
      isAdded = true
      _ = try system.subscribe(type) { _ in log.add("new") }
    }
    try system.send("one")
    #expect(log.entries == [])
    try system.send("one")
    #expect(log.entries == ["new"])
  }

  @Test func `A handler that fails undoes its own writes only, is reported, and the others run`()
    throws
  {
    let store = try system.defineCounter()
    var reports: [StoreError] = []
    _ = system.observeReports { reports.append($0) }
    _ = try system.subscribe("one") { _ in try store.call("increment") }
    _ = try system.subscribe("one", owner: "bad") { _ in
      try store.call("increment", 10)
      throw Refusal(reason: "broken")
    }
    _ = try system.subscribe("one") { _ in try store.call("increment") }
    try system.turn {
      try store.call("increment", 100)
      try system.send("one")
    }
    #expect(try store.get("count") == 102)
    #expect(reports.count == 1)
    #expect(reports.first?.store == "bad")
    #expect(reports.first?.member?.contains("one") == true)
    #expect(reports.first?.underlying as? Refusal == Refusal(reason: "broken"))
  }

  @Test func `What a failing handler had sent is not sent`() throws {
    _ = try system.subscribe("*") { [log] message in log.add(message.type) }
    _ = try system.subscribe("one") { [system] _ in
      try system.send("never")
      throw Refusal(reason: "broken")
    }
    try system.send("one")
    #expect(log.entries == ["one"])
  }

  @Test func `A message counts as handled when one handler has done its work`() throws {
    _ = try system.subscribe("mixed") { _ in throw Refusal(reason: "broken") }
    _ = try system.subscribe("mixed") { _ in }
    _ = try system.subscribe("failed") { _ in throw Refusal(reason: "broken") }
    try system.send("mixed")
    try system.send("failed")
    try system.send("nobody")
    #expect(system.bus.unhandledMessages.map(\.type) == ["nobody", "failed"])
    #expect(system.bus.unhandledCount == 2)
  }

  @Test func `The handlers of a store go with it`() throws {
    var definition = StoreDefinition("store")
    definition.on["one"] = { [log] _, _ in log.add("heard") }
    let store = try system.define(definition)
    try system.send("one")
    try store.dispose()
    try system.send("one")
    try system.define(definition)
    try system.send("one")
    #expect(log.entries == ["heard", "heard"])
  }

  @Test func `A definition with a handler for nothing registers nothing`() {
    var definition = StoreDefinition("store")
    definition.on["a"] = { [log] _, _ in log.add("heard") }
    definition.answers[""] = { _, _ in .null }
    #expect(failure { try system.define(definition) }?.code == .invalidArgument)
    #expect(!system.registry.has("store"))
    #expect(failure { try system.send("a") } == nil)
    #expect(log.entries == [])
  }
}
