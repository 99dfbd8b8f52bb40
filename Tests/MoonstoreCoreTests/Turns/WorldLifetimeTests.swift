import MoonValue
import MoonstoreCore
import Testing

/// A world without scripts goes when nobody holds it, and stays as long as somebody does.
struct WorldLifetimeTests {
  @Test func `A world whose stores were used goes with its last holder`() throws {
    weak var gone: StoreSystem?
    do {
      let system = StoreSystem()
      gone = system
      let counter = try system.defineCounter()
      try counter.call("increment")
      _ = try counter.get("double")
      let subscription = try counter.subscribe { _ in }
      _ = try system.subscribe("*") { _ in }
      _ = try system.answer("ask") { _ in 1 }
      _ = system.use(ActionMiddleware(before: { _ in }))
      _ = try counter.onAction(ActionMiddleware(before: { _ in }))
      _ = failure { try counter.call("countAndFail") }
      try system.send("note", ["n": 1])
      _ = try system.request("ask")
      withExtendedLifetime(subscription) {}
    }
    #expect(gone == nil)
  }

  @Test func `A store that somebody holds keeps its world`() throws {
    weak var world: StoreSystem?
    var held: Store?
    do {
      let system = StoreSystem()
      world = system
      held = try system.defineCounter()
    }
    #expect(world != nil)
    try held?.call("increment")
    #expect(try held?.get("double") == 2)
    held = nil
    #expect(world == nil)
  }

  @Test func `A subscription that outlives its world does nothing`() throws {
    var subscriptions: [Subscription] = []
    do {
      let system = StoreSystem()
      let counter = try system.defineCounter()
      subscriptions = [
        try counter.subscribe { _ in }, try counter.onAction(ActionMiddleware(before: { _ in })),
        try system.subscribe("*") { _ in }, system.registry.onEvent { _ in },
      ]
    }
    for subscription in subscriptions { subscription.cancel() }
    #expect(subscriptions.count { $0.isActive } == 0)
  }
}
