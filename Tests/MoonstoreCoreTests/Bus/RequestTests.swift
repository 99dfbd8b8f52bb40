import MoonValue
import MoonstoreCore
import Testing

struct RequestTests {
  let system = StoreSystem()
  let log = RunLog()

  private func logAll() throws {
    _ = try system.subscribe("*") { [log] message in log.add(message.type) }
  }

  @Test func `A request is answered in the same turn`() throws {
    _ = try system.answer("double") { .integer(($0.payload.integerValue ?? 0) * 2) }
    #expect(try system.request("double", 21) == 42)
  }

  @Test(arguments: [Value.null, "text", [1, 2], ["requestId": "mine"]])
  func `Content and answers of any kind arrive as they are`(value: Value) throws {
    _ = try system.answer("echo") { $0.payload }
    #expect(try system.request("echo", value) == value)
  }

  @Test func `Without a responder the request fails at once, and helps with the name`() throws {
    _ = try system.answer("products:get") { _ in .null }
    let error = failure { _ = try system.request("products:gte") }
    #expect(error?.code == .noResponder)
    #expect(error?.message.contains("products:get'") == true)
    #expect(system.bus.messageCount == 0)
  }

  @Test func `What the responder throws reaches the asker as it was`() throws {
    _ = try system.answer("ask") { _ in throw Refusal(reason: "no") }
    let error = failure { _ = try system.request("ask") }
    #expect(error?.underlying as? Refusal == Refusal(reason: "no"))
  }

  @Test func `A responder that fails undoes what it wrote, and the asker may go on`() throws {
    let stock = try system.defineCounter("stock")
    let cart = try system.defineCounter("cart")
    _ = try system.answer("reserve") { _ in
      try stock.call("increment")
      throw Refusal(reason: "no")
    }
    try system.turn {
      try cart.call("increment")
      _ = failure { _ = try system.request("reserve") }
      try cart.call("increment")
    }
    #expect(try stock.get("count") == 0)
    #expect(try cart.get("count") == 2)
  }

  @Test func `A second responder of a type is an error that names both, until the first is gone`()
    throws
  {
    let first = try system.answer("ask", owner: "first") { _ in 1 }
    let error = failure { _ = try system.answer("ask", owner: "second") { _ in 2 } }
    #expect(error?.code == .duplicateResponder)
    #expect(error?.message.hasPrefix("'ask' is answered by 'first' already, so 'second'") == true)
    #expect(try system.request("ask") == 1)
    first.cancel()
    first.cancel()
    _ = try system.answer("ask", owner: "second") { _ in 2 }
    #expect(try system.request("ask") == 2)
    #expect(try system.request("ask", to: "second") == 2)
    #expect(failure { _ = try system.request("ask", to: "nobody") }?.code == .noResponder)
  }

  @Test func `A responder can ask in turn`() throws {
    _ = try system.answer("inner") { .integer(($0.payload.integerValue ?? 0) + 1) }
    _ = try system.answer("outer") { [system] message in
      try system.request("inner", try system.request("inner", message.payload))
    }
    #expect(try system.request("outer", 5) == 7)
  }

  @Test func `Requests that ask each other are stopped with the loop`() throws {
    _ = try system.answer("ping") { [system] _ in try system.request("pong") }
    _ = try system.answer("pong") { [system] _ in try system.request("ping") }
    let error = failure { _ = try system.request("ping") }
    #expect(error?.code == .endlessLoop)
    let way = "'ping' at 'swift' in Swift -> 'pong' at 'swift' in Swift"
    #expect(error?.message.contains(way) == true)
    #expect(error?.message.contains("limits.nestedRequests") == true)
    #expect(try system.defineCounter().call("increment") == 1)
  }

  @Test func `As many requests as the limit allows can wait for each other`() throws {
    _ = try system.answer("down") { [system] message in
      let level = message.payload.integerValue ?? 0
      return level == 1 ? "bottom" : try system.request("down", .integer(level - 1))
    }
    let limit = system.limits.nestedRequests
    #expect(try system.request("down", .integer(Int64(limit))) == "bottom")
    let error = failure { _ = try system.request("down", .integer(Int64(limit) + 1)) }
    #expect(error?.code == .endlessLoop)
    #expect(try system.request("down", 5) == "bottom")
  }

  @Test func `A request waits for its turn in the queue`() throws {
    try logAll()
    _ = try system.answer("ask") { _ in 1 }
    try system.turn {
      try system.send("before")
      #expect(try system.request("ask") == 1)
      log.add("answered")
      try system.send("after")
    }
    #expect(log.entries == ["before", "ask", "ask:response", "answered", "after"])
  }

  // The order that a test of a cart, which asks for a product and then tells of the item, must see.
  @Test func `All see request, response, event and the event that follows, in that order`() throws {
    try logAll()
    _ = try system.answer("products:get-product") { _ in ["stock": 5] }
    _ = try system.subscribe("cart:item-added") { [system] _ in
      try system.send("product:stock-updated", ["stock": 3])
    }
    let cart = try system.define(
      StoreDefinition(
        "cart",
        actions: [
          "add": { [system] store, _ in
            let product = try system.request("products:get-product", from: store.id)
            try system.send("cart:item-added", product, from: store.id)
            return .null
          }
        ]
      )
    )
    try cart.call("add")
    #expect(
      log.entries == [
        "products:get-product", "products:get-product:response", "cart:item-added",
        "product:stock-updated",
      ]
    )
  }

  @Test func `A response names its responder and carries the answer`() throws {
    var response: Message?
    _ = try system.subscribe("ask:response") { response = $0 }
    var definition = StoreDefinition("oracle")
    definition.answers["ask"] = { _, _ in 42 }
    try system.define(definition)
    #expect(try system.request("ask") == 42)
    #expect(response?.from == "oracle")
    #expect(response?.payload == 42)
  }

  @Test func `Asked twice for the last piece, the second is refused`() throws {
    let stock = try system.define("stock", state: ["left": 5])
    _ = try system.answer("reserve") { message in
      let wanted = message.payload.integerValue ?? 0
      let left = try stock.integer("left")
      guard wanted <= left else { throw Refusal(reason: "only \(left) left") }
      try stock.set("left", .integer(left - wanted))
      return .bool(true)
    }
    try system.turn {
      let first = try system.request("reserve", 3)
      #expect(first == true)
      let error = failure { _ = try system.request("reserve", 3) }
      #expect(error != nil)
    }
    #expect(try stock.get("left") == 2)
  }
}
