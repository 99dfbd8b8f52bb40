import MoonValue
import MoonstoreCore
import Testing

struct MessageOrderTests {
  let system = StoreSystem()
  let log = RunLog()

  private func logAll() throws {
    _ = try system.subscribe("*") { [log] message in log.add(message.type) }
  }

  @Test func `Messages are delivered first in, first out, when the action has ended`() throws {
    try logAll()
    let store = try system.define(
      StoreDefinition(
        "store",
        actions: [
          "act": { [system, log] _, _ in
            try system.send("one")
            try system.send("two")
            log.add("end of action")
            return .null
          }
        ]
      )
    )
    try store.call("act")
    #expect(log.entries == ["end of action", "one", "two"])
  }

  @Test func `What a handler sends comes after what waits already`() throws {
    try logAll()
    _ = try system.subscribe("one") { [system] _ in try system.send("caused") }
    try system.turn {
      try system.send("one")
      try system.send("two")
    }
    #expect(log.entries == ["one", "two", "caused"])
  }

  @Test func `Higher priority goes first, and order holds within a priority`() throws {
    try logAll()
    try system.turn {
      try system.send("low 1", priority: .low)
      try system.send("normal 1")
      try system.send("high 1", priority: .high)
      try system.send("normal 2")
      try system.send("low 2", priority: .low)
      try system.send("high 2", priority: .high)
    }
    #expect(log.entries == ["high 1", "high 2", "normal 1", "normal 2", "low 1", "low 2"])
  }

  @Test func `An urgent message sent meanwhile overtakes those that wait`() throws {
    try logAll()
    _ = try system.subscribe("one") { [system] _ in try system.send("urgent", priority: .high) }
    try system.turn {
      try system.send("one")
      try system.send("two")
    }
    #expect(log.entries == ["one", "urgent", "two"])
  }

  @Test func `A message to one store reaches that store alone`() throws {
    for id in ["a", "b"] {
      var definition = StoreDefinition(id)
      definition.on["note"] = { [log] store, _ in log.add(store.id) }
      try system.define(definition)
    }
    try system.send("note", to: "b")
    try system.send("note")
    #expect(log.entries == ["b", "a", "b"])
  }

  @Test func `Handlers of the type come before those of all types`() throws {
    _ = try system.subscribe("*") { [log] _ in log.add("all") }
    _ = try system.subscribe("one") { [log] _ in log.add("first") }
    _ = try system.subscribe("one") { [log] _ in log.add("second") }
    try system.send("one")
    #expect(log.entries == ["first", "second", "all"])
  }

  @Test func `A message says what it is, from whom, for whom and when`() throws {
    struct Noon: HostClock {
      let now = 43_200.0
    }
    system.clock = Noon()
    var seen: Message?
    _ = try system.subscribe("note", owner: "b") { seen = $0 }
    let id = try system.send("note", ["n": 1], from: "a", to: "b", priority: .high)
    let message = try #require(seen)
    #expect(message.id == id)
    #expect(message.type == "note")
    #expect(message.from == "a")
    #expect(message.to == "b")
    #expect(message.priority == .high)
    #expect(message.timestamp == 43_200)
    #expect(message.payload == ["n": 1])
    #expect(message.isHandled)
  }

  @Test func `Ids are counted, the same in every run`() throws {
    #expect(try system.send("one") == "msg-1")
    #expect(try system.send("one") == "msg-2")
    #expect(system.bus.messageCount == 2)
  }

  @Test(arguments: ["", "*"])
  func `What is no type is refused`(type: String) {
    #expect(failure { try system.send(type) }?.code == .invalidArgument)
  }

  @Test func `Nobody subscribes to nothing`() {
    #expect(failure { _ = try system.subscribe("") { _ in } }?.code == .invalidArgument)
    #expect(failure { _ = try system.answer("") { _ in .null } }?.code == .invalidArgument)
  }
}
