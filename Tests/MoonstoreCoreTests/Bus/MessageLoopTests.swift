import MoonValue
import MoonstoreCore
import Testing

struct MessageLoopTests {
  let system = StoreSystem()

  @Test func `A loop of messages is stopped with an error that shows it, and undoes the turn`()
    throws
  {
    let store = try system.defineCounter()
    for (type, next) in [("ping", "pong"), ("pong", "ping")] {
      _ = try system.subscribe(type) { [system] _ in
        try store.call("increment")
        try system.send(next)
      }
    }
    let error = failure {
      try system.turn {
        try store.call("increment")
        try system.send("ping")
      }
    }
    #expect(error?.code == .endlessLoop)
    #expect(error?.message.contains("'ping' at 'swift' in Swift") == true)
    #expect(error?.message.contains("'pong' at 'swift' in Swift") == true)
    #expect(error?.message.contains("\(system.limits.loopLength)") == true)
    #expect(try store.get("count") == 0)
  }

  @Test func `After a loop everything works as before`() throws {
    let store = try system.defineCounter()
    let loop = try system.subscribe("again") { [system] _ in try system.send("again") }
    #expect(failure { try system.send("again") }?.code == .endlessLoop)
    #expect(system.bus.recentMessages().isEmpty)
    #expect(try store.call("increment") == 1)
    loop.cancel()
    #expect(failure { try system.send("again") } == nil)
  }

  @Test func `A chain as long as the limit is none`() throws {
    system.limits.loopLength = 10
    var heard = 0
    _ = try system.subscribe("count") { [system] message in
      heard += 1
      let number = message.payload.integerValue ?? 0
      if number > 1 { try system.send("count", .integer(number - 1)) }
    }
    try system.send("count", 10)
    #expect(heard == 10)
    #expect(failure { try system.send("count", 11) }?.code == .endlessLoop)
  }

  @Test func `Catching the refusal does not keep a loop alive`() throws {
    let store = try system.defineCounter()
    _ = try system.subscribe("again") { [system] _ in
      try store.call("increment")
      _ = failure { try system.send("again") }
    }
    #expect(failure { try system.send("again") }?.code == .endlessLoop)
    #expect(try store.get("count") == 0)
  }

  @Test func `Messages that multiply are stopped by their number`() throws {
    system.limits.deliveriesPerTurn = 500
    let store = try system.defineCounter()
    _ = try system.subscribe("split") { [system] _ in
      try store.call("increment")
      try system.send("split")
      try system.send("split")
    }
    let error = failure { try system.send("split") }
    #expect(error?.code == .endlessLoop)
    #expect(error?.message.contains("500") == true)
    #expect(try store.get("count") == 0)
  }

  @Test func `Many messages that cause nothing are no loop`() throws {
    var heard = 0
    _ = try system.subscribe("note") { _ in heard += 1 }
    try system.turn { for _ in 0..<5_000 { try system.send("note") } }
    #expect(heard == 5_000)
  }
}
