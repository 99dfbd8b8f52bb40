import MoonValue
import MoonstoreCore
import Testing

/// The behaviours that Pinia's specs of `$onAction` check, and middleware around all actions.
struct ActionMiddlewareTests {
  let system = StoreSystem()
  let log = RunLog()

  private func logging(_ name: String) -> ActionMiddleware {
    ActionMiddleware(
      before: { [log] call in log.add("\(name) before \(call.action)") },
      after: { [log] call, result in log.add("\(name) after \(call.action) \(result)") },
      failed: { [log] call, _ in log.add("\(name) failed \(call.action)") }
    )
  }

  @Test func `A hook hears of the store, the action and its arguments`() throws {
    let counter = try system.defineCounter()
    var calls: [ActionCall] = []
    _ = try counter.onAction(ActionMiddleware(before: { calls.append($0) }))
    try counter.call("increment", 5)
    #expect(calls.map(\.store) == ["counter"])
    #expect(calls.map(\.action) == ["increment"])
    #expect(calls.map(\.arguments) == [[5]])
  }

  @Test func `Hooks lie around the action, the first outermost, those of the world outside`() throws
  {
    let counter = try system.defineCounter()
    _ = try counter.onAction(logging("inner 1"))
    _ = try counter.onAction(logging("inner 2"))
    _ = system.use(logging("outer"))
    try counter.call("increment")
    #expect(
      log.entries == [
        "outer before increment", "inner 1 before increment", "inner 2 before increment",
        "inner 2 after increment 1", "inner 1 after increment 1", "outer after increment 1",
      ]
    )
  }

  @Test func `Middleware changes arguments and results`() throws {
    let counter = try system.defineCounter()
    _ = system.use(
      ActionMiddleware(
        before: { call in call.arguments = [10] },
        after: { _, result in result = .string("was \(result)") }
      )
    )
    #expect(try counter.call("increment", 1) == "was 10")
    #expect(try counter.get("count") == 10)
  }

  @Test func `Middleware that throws refuses the call`() throws {
    let counter = try system.defineCounter()
    let guarding = system.use(ActionMiddleware(before: { _ in throw Refusal(reason: "closed") }))
    let error = failure { try counter.call("increment") }
    #expect(error?.underlying as? Refusal == Refusal(reason: "closed"))
    #expect(try counter.get("count") == 0)
    guarding.cancel()
    try counter.call("increment")
    #expect(try counter.get("count") == 1)
  }

  @Test func `What throws after the action undoes it`() throws {
    let counter = try system.defineCounter()
    _ = system.use(ActionMiddleware(after: { _, _ in throw Refusal(reason: "late") }))
    #expect(failure { try counter.call("increment") } != nil)
    #expect(try counter.get("count") == 0)
  }

  @Test func `Hooks hear of failures in the opposite order, and the error goes on`() throws {
    let counter = try system.defineCounter()
    _ = try counter.onAction(logging("1"))
    _ = try counter.onAction(logging("2"))
    #expect(failure { try counter.call("fail") } != nil)
    #expect(log.entries == ["1 before fail", "2 before fail", "2 failed fail", "1 failed fail"])
  }

  @Test func `Nested actions are heard in their order`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        actions: [
          "a1": { store, _ in
            try store.call("a2")
            try store.call("a1b")
            return .null
          },
          "a1b": { _, _ in .null },
          "a2": { _, _ in .null },
        ]
      )
    )
    _ = try store.onAction(ActionMiddleware(before: { [log] in log.add($0.action) }))
    try store.call("a1")
    #expect(log.entries == ["a1", "a2", "a1b"])
  }

  @Test func `A hook that is ended, twice, hears nothing, and the others do`() throws {
    let counter = try system.defineCounter()
    let first = try counter.onAction(logging("1"))
    _ = try counter.onAction(logging("2"))
    first.cancel()
    first.cancel()
    try counter.call("increment")
    #expect(log.entries == ["2 before increment", "2 after increment 1"])
  }

  @Test func `A hook that ends itself during a call still hears its end`() throws {
    let counter = try system.defineCounter()
    var own: Subscription?
    own = try counter.onAction(
      ActionMiddleware(
        before: { _ in own?.cancel() },
        after: { [log] _, _ in log.add("after") }
      )
    )
    try counter.call("increment")
    try counter.call("increment")
    #expect(log.entries == ["after"])
  }

  @Test func `Hooks are for one store, and for all who hold it`() throws {
    let counter = try system.defineCounter()
    let other = try system.defineCounter("other")
    _ = try counter.onAction(logging("hook"))
    try other.call("increment")
    #expect(log.entries == [])
    try system.store("counter").call("increment")
    #expect(log.entries.count == 2)
  }

  @Test func `Plain writes are no actions`() throws {
    let counter = try system.defineCounter()
    _ = try counter.onAction(logging("hook"))
    try counter.set("count", 1)
    try counter.patch(["count": 2])
    try counter.reset()
    #expect(log.entries == [])
  }

  @Test func `Hooks go with their store`() throws {
    let counter = try system.defineCounter()
    let hook = try counter.onAction(logging("hook"))
    try counter.dispose()
    try system.defineCounter().call("increment")
    #expect(log.entries == [])
    hook.cancel()
  }
}
