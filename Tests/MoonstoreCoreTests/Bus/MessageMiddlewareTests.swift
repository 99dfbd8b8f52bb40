import MoonValue
import MoonstoreCore
import Testing

struct MessageMiddlewareTests {
  let system = StoreSystem()
  let log = RunLog()

  private func logAll() throws {
    _ = try system.subscribe("*") { [log] message in log.add("\(message.type) \(message.payload)") }
  }

  @Test func `Middleware runs in the order in which it was added, when a message is sent`() throws {
    _ = system.bus.use { [log] _ in
      log.add("first")
      return true
    }
    _ = system.bus.use { [log] _ in
      log.add("second")
      return true
    }
    try system.turn {
      try system.send("one")
      log.add("sent")
    }
    #expect(log.entries == ["first", "second", "sent"])
  }

  @Test func `Middleware changes type, content, receiver and priority`() throws {
    try logAll()
    _ = system.bus.use { [system] message in
      guard message.type == "plain" else { return true }
      message.type = "changed"
      message.content = system.frozen(["n": 2])
      message.priority = .high
      return true
    }
    try system.turn {
      try system.send("other", 0)
      try system.send("plain", 1)
    }
    #expect(log.entries == ["changed {\"n\": 2}", "other 0"])
  }

  @Test func `A dropped message has no id, is not delivered and leaves no entry`() throws {
    try logAll()
    _ = system.bus.use { $0.type != "bad" }
    #expect(try system.send("bad") == nil)
    #expect(try system.send("good") != nil)
    #expect(log.entries == ["good null"])
    #expect(system.bus.recentMessages().map(\.type) == ["good"])
  }

  @Test func `What middleware throws reaches the sender and undoes what it did`() throws {
    try logAll()
    let store = try system.defineCounter()
    let subscription = system.bus.use { _ in throw Refusal(reason: "no") }
    let error = failure {
      try system.turn {
        try store.call("increment")
        try system.send("one")
      }
    }
    #expect(error?.underlying as? Refusal == Refusal(reason: "no"))
    #expect(try store.get("count") == 0)
    subscription.cancel()
    subscription.cancel()
    try system.send("two")
    #expect(log.entries == ["two null"])
  }

  @Test func `Middleware that removes itself does not hide the next one`() throws {
    var own: Subscription?
    own = system.bus.use { [log] _ in
      log.add("first")
      own?.cancel()
      return true
    }
    _ = system.bus.use { [log] _ in
      log.add("second")
      return true
    }
    try system.send("one")
    try system.send("two")
    #expect(log.entries == ["first", "second", "second"])
  }

  @Test func `A request that middleware drops has no responder`() throws {
    _ = try system.answer("ask") { _ in 1 }
    _ = system.bus.use { _ in false }
    #expect(failure { _ = try system.request("ask") }?.code == .noResponder)
  }
}
