import MoonValue
import MoonstoreCore
import Testing

struct TransactionTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `A transaction is one change for all who watch`() throws {
    let counter = try system.defineCounter()
    _ = try counter.subscribe { [log] change in log.add("\(change.patches.count) patches") }
    let effect = Effect(in: system.graph) { [log] in
      log.add("watcher \((try? counter.get("count")) ?? .null)")
    }
    _ = log.take()
    try system.transaction {
      try counter.call("increment")
      try counter.call("increment")
      log.add("end")
    }
    #expect(log.entries == ["end", "watcher 2", "2 patches"])
    effect.dispose()
  }

  @Test func `An error undoes all calls of a transaction`() throws {
    let counter = try system.defineCounter()
    let error = failure {
      try system.transaction {
        try counter.call("increment")
        try counter.call("fail")
      }
    }
    #expect(error?.underlying as? Refusal == Refusal(reason: "no"))
    #expect(try counter.get("count") == 0)
  }

  @Test func `Each call in a transaction has delivered its messages when it returns`() throws {
    let counter = try system.defineCounter()
    _ = try system.subscribe("again") { [log] message in
      log.add("\(message.type)")
      try counter.call("increment")
    }
    let sender = try system.define(
      StoreDefinition(
        "sender",
        actions: [
          "send": { [system, log] _, _ in
            try system.send("again")
            log.add("sent")
            return .null
          }
        ]
      )
    )
    try system.transaction {
      try sender.call("send")
      let first = try counter.get("count")
      try system.send("again")
      let second = try counter.get("count")
      log.add("\(first) \(second)")
    }
    #expect(log.entries == ["sent", "again", "again", "1 2"])
  }

  @Test func `A call that failed within a transaction may be caught`() throws {
    let counter = try system.defineCounter()
    try system.transaction {
      try counter.call("increment")
      _ = failure { try counter.call("countAndFail") }
    }
    #expect(try counter.get("count") == 1)
  }

  @Test func `A transaction inside an action is a part of it`() throws {
    let counter = try system.defineCounter()
    _ = try system.subscribe("note") { [log] _ in log.add("delivered") }
    let outer = try system.define(
      StoreDefinition(
        "outer",
        actions: [
          "act": { [system, log] _, _ in
            _ = failure {
              try system.transaction {
                try counter.call("increment")
                throw Refusal(reason: "inner")
              }
            }
            try system.transaction {
              try counter.call("increment")
              try system.send("note")
            }
            log.add("end of action")
            return .null
          }
        ]
      )
    )
    try outer.call("act")
    #expect(try counter.get("count") == 1)
    #expect(log.entries == ["end of action", "delivered"])
  }

  @Test func `A transaction gives back what its body gives`() throws {
    #expect(try system.transaction { 42 } == 42)
  }
}
