import MoonValue
import MoonstoreCore
import Testing

/// What an inner part delivered while it asked is delivered again when that part is undone.
struct RedeliveryTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `What an inner part had delivered is delivered again, in its order`() throws {
    let store = try system.defineCounter()
    _ = try system.answer("ask") { _ in 1 }
    for type in ["one", "two"] {
      _ = try system.subscribe(type) { [log] _ in
        log.add(type)
        try store.call("increment")
      }
    }
    try system.turn {
      try system.send("one")
      try system.send("two")
      _ = failure {
        try system.turn {
          _ = try system.request("ask")
          #expect(try store.get("count") == 2)
          throw Refusal(reason: "inner")
        }
      }
      #expect(try store.get("count") == 0)
    }
    #expect(log.entries == ["one", "two", "one", "two"])
    #expect(try store.get("count") == 2)
  }

  @Test func `What the inner part had sent itself stays undone`() throws {
    _ = try system.answer("ask") { _ in 1 }
    _ = try system.subscribe("*") { [log] message in log.add(message.type) }
    try system.turn {
      _ = failure {
        try system.turn {
          try system.send("inner")
          _ = try system.request("ask")
          throw Refusal(reason: "inner")
        }
      }
      try system.send("outer")
    }
    #expect(log.take().suffix(1) == ["outer"])
    try system.send("later")
    #expect(log.entries == ["later"])
  }

  @Test func `A request that an undone handler had answered is answered anew`() throws {
    let stock = try system.define("stock", state: ["left": 5])
    var calls = 0
    _ = try system.answer("reserve") { _ in
      calls += 1
      try stock.set("left", .integer(try stock.integer("left") - 1))
      return .integer(Int64(calls))
    }
    _ = try system.answer("other") { _ in .null }
    _ = try system.subscribe("reserve:response") { [log] in log.add("\($0.payload)") }
    // This handler's own request delivers the one that waits behind it, and then it fails.
    _ = try system.subscribe("note") { [system] _ in
      _ = try system.request("other")
      throw Refusal(reason: "broken")
    }
    var answer: Value?
    try system.turn {
      try system.send("note")
      answer = try system.request("reserve")
    }
    #expect(answer == 2)
    #expect(log.entries == ["1", "2"])
    #expect(try stock.get("left") == 4)
  }

  @Test func `A turn that fails forgets all that waited`() throws {
    _ = try system.subscribe("*") { [log] message in log.add(message.type) }
    _ = failure {
      try system.turn {
        try system.send("never")
        throw Refusal(reason: "on purpose")
      }
    }
    try system.send("later")
    #expect(log.entries == ["later"])
  }
}
