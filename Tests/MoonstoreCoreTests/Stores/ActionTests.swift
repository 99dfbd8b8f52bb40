import MoonValue
import MoonstoreCore
import Testing

/// The behaviours that Pinia's specs of actions and of combined stores check.
struct ActionTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `An action gets its store and its arguments, and gives back a result`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["list": []],
        actions: [
          "add": { store, arguments in
            try store.set("list", .array(arguments))
            return .integer(Int64(arguments.count))
          }
        ]
      )
    )
    #expect(try store.call("add", 1, "two", .null) == 3)
    #expect(try store.get("list") == [1, "two", .null])
    #expect(try store.call("add", []) == 0)
  }

  @Test func `Actions call actions of their own store and of others`() throws {
    let counter = try system.defineCounter()
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["n": 0],
        actions: [
          "inner": { store, _ in
            try store.set("n", try counter.call("increment"))
            return .null
          },
          "outer": { store, _ in
            try store.call("inner")
            return try store.get("n")
          },
        ]
      )
    )
    #expect(try store.call("outer") == 1)
  }

  @Test func `Stores may call each other in a circle that ends`() throws {
    for (id, other) in [("a", "b"), ("b", "a")] {
      try system.define(
        StoreDefinition(
          id,
          state: ["calls": 0],
          actions: [
            "bounce": { [system] store, arguments in
              let left = arguments[0].integerValue ?? 0
              try store.set("calls", .integer(try store.integer("calls") + 1))
              return left == 0
                ? .string(store.id) : try system.store(other).call("bounce", .integer(left - 1))
            }
          ]
        )
      )
    }
    #expect(try system.store("a").call("bounce", 3) == "b")
    #expect(try system.store("a").get("calls") == 2)
    #expect(try system.store("b").get("calls") == 2)
  }

  @Test func `Worlds do not mix`() throws {
    let one = try system.defineCounter()
    let two = try StoreSystem().defineCounter()
    try one.call("increment")
    #expect(try two.get("count") == 0)
  }

  @Test func `An error reaches the caller as it was, with the place where it happened`() throws {
    let counter = try system.defineCounter()
    let store = try system.define(
      StoreDefinition("store", actions: ["outer": { _, _ in try counter.call("fail") }])
    )
    let error = failure { try store.call("outer") }
    #expect(error?.underlying as? Refusal == Refusal(reason: "no"))
    #expect(error?.store == "counter")
    #expect(error?.member == "fail")
  }

  @Test func `An unknown action is an error with the name that was meant`() throws {
    let counter = try system.defineCounter()
    let error = failure { try counter.call("incremnt") }
    #expect(error?.code == .unknownAction)
    #expect(error?.message.contains("did you mean 'increment'") == true)
    #expect(failure { try counter.call("double") }?.code == .unknownAction)
    #expect(failure { try counter.call("count") }?.code == .unknownAction)
  }

  @Test func `An action that disposes its own store ends well`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["n": 1],
        actions: [
          "leave": { store, _ in
            try store.set("n", 2)
            try store.dispose()
            return "gone"
          }
        ]
      )
    )
    #expect(try store.call("leave") == "gone")
    #expect(!system.registry.has("store"))
  }
}
