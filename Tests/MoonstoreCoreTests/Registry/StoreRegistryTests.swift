import MoonValue
import MoonstoreCore
import Testing

struct StoreRegistryTests {
  let system = StoreSystem()
  var registry: StoreRegistry { system.registry }

  @discardableResult
  private func define(_ id: String, _ dependencies: [String] = []) throws -> Store {
    var definition = StoreDefinition(id)
    definition.dependencies = dependencies
    return try system.define(definition)
  }

  @Test func `Stores are found by id, in order of registration`() throws {
    let b = try define("b")
    try define("a", ["b"])
    #expect(registry.ids == ["b", "a"])
    #expect(registry.count == 2)
    #expect(registry.has("a"))
    #expect(!registry.has("c"))
    #expect(try registry.store("b").live === b.live)
    #expect(try system.store("b").live === b.live)
    #expect(try registry.definition(of: "a").dependencies == ["b"])
  }

  @Test func `An unknown id is an error that names the one that was meant`() throws {
    try define("products")
    let error = failure { _ = try system.store("prodcuts") }
    #expect(error?.code == .unknownStore)
    #expect(error?.message.contains("did you mean 'products'") == true)
    #expect(failure { _ = try registry.definition(of: "nope") }?.code == .unknownStore)
    #expect(failure { try registry.unregister("nope") }?.code == .unknownStore)
  }

  @Test func `A second store of one id is refused, and the first one lives on`() throws {
    let counter = try system.defineCounter()
    try counter.call("increment")
    #expect(failure { try system.defineCounter() }?.code == .duplicateStore)
    #expect(try counter.call("increment") == 2)
    #expect(registry.ids == ["counter"])
  }

  @Test(arguments: [
    "", "a//b", "/a", "a/", " a", "a /b", "a\nb", String(repeating: "x", count: 201),
  ])
  func `An id that could not be told from another, or is none, is refused`(id: String) {
    #expect(failure { try define(id) }?.code == .invalidDefinition)
    #expect(registry.count == 0)
  }

  @Test func `A name that is defined twice is refused`() {
    let both = StoreDefinition("store", state: ["n": 1], getters: ["n": { _ in 2 }])
    let error = failure { try system.define(both) }
    #expect(error?.code == .invalidDefinition)
    #expect(error?.message.contains("'n'") == true)
    let actions = StoreDefinition(
      "store",
      getters: ["n": { _ in 2 }],
      actions: ["n": { _, _ in 3 }]
    )
    #expect(failure { try system.define(actions) }?.code == .invalidDefinition)
    #expect(registry.count == 0)
  }

  @Test func `A missing dependency is an error that names it`() throws {
    try define("products")
    let error = failure { try define("cart", ["product"]) }
    #expect(error?.code == .missingDependency)
    #expect(error?.message.contains("'cart'") == true)
    #expect(error?.message.contains("did you mean 'products'") == true)
    #expect(!registry.has("cart"))
  }

  @Test func `A store that depends on itself is refused`() {
    let error = failure { try define("ouroboros", ["ouroboros"]) }
    #expect(error?.code == .dependencyCycle)
    #expect(error?.message.contains("ouroboros -> ouroboros") == true)
  }

  @Test func `Dependencies come in an order in which each follows its own`() throws {
    try define("base")
    try define("left", ["base"])
    try define("right", ["base"])
    try define("top", ["right", "left", "base"])
    #expect(try registry.resolveDependencies("top") == ["base", "right", "left"])
    #expect(try registry.resolveDependencies("base") == [])
    #expect(failure { _ = try registry.resolveDependencies("nope") }?.code == .unknownStore)
  }

  @Test func `What is missing is listed, direct or not`() throws {
    try define("base")
    try define("middle", ["base"])
    try define("top", ["middle"])
    #expect(try registry.missingDependencies("top") == [])
    try registry.unregister("base", dependents: .leave)
    #expect(try registry.missingDependencies("top") == ["base"])
    #expect(failure { _ = try registry.resolveDependencies("top") }?.code == .missingDependency)
    #expect(failure { _ = try registry.missingDependencies("nope") }?.code == .unknownStore)
  }

  @Test func `A store that comes back cannot close a circle`() throws {
    try define("a")
    try define("b", ["a"])
    try define("c", ["b"])
    try registry.unregister("a", dependents: .leave)
    let error = failure { try define("a", ["c"]) }
    #expect(error?.code == .dependencyCycle)
    #expect(error?.message.contains("a -> c -> b -> a") == true)
    #expect(registry.ids == ["b", "c"])
    try define("a")
    #expect(try registry.missingDependencies("c") == [])
  }

  @Test func `New dependencies are checked, and undone with the turn`() throws {
    try define("a")
    try define("b", ["a"])
    #expect(
      failure { try registry.setDependencies(["b"], of: "a") }?.code == .dependencyCycle
    )
    #expect(
      failure { try registry.setDependencies(["x"], of: "a") }?.code == .missingDependency
    )
    #expect(registry.dependents(of: "b") == [])
    try define("c")
    _ = failure {
      try system.turn {
        try registry.setDependencies(["b"], of: "c")
        #expect(registry.dependents(of: "b") == ["c"])
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(registry.dependents(of: "b") == [])
    try registry.setDependencies(["b", "a"], of: "c")
    #expect(try registry.resolveDependencies("c") == ["a", "b"])
  }

  @Test func `A store whose unregistration is undone is as it was`() throws {
    let counter = try system.defineCounter()
    try define("after", ["counter"])
    let log = RunLog()
    let heard = try counter.subscribe { _ in log.add("heard") }
    let handled = try system.subscribe("ping", owner: "counter") { _ in log.add("ping") }
    _ = failure {
      try system.turn {
        try counter.call("increment")
        try registry.unregister("counter", dependents: .cascade)
        #expect(registry.ids == [])
        #expect(failure { try counter.call("increment") }?.code == .disposed)
        try system.defineCounter()
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(registry.ids == ["counter", "after"])
    #expect(try counter.get("count") == 0)
    #expect(registry.recentEvents().map(\.type) == ["store:registered", "store:registered"])
    try counter.call("increment")
    try system.send("ping")
    #expect(log.entries == ["heard", "ping"])
    heard.cancel()
    handled.cancel()
  }

  @Test func `A getter that misses a store is evaluated anew when it comes`() throws {
    let seen = StoreDefinition(
      "seer",
      getters: ["sees": { [registry] _ in .bool(registry.has("late")) }]
    )
    let seer = try system.define(seen)
    #expect(try seer.get("sees") == false)
    try define("late")
    #expect(try seer.get("sees") == true)
    try registry.unregister("late")
    #expect(try seer.get("sees") == false)
  }

  @Test func `A store that others depend on does not go, and they are listed`() throws {
    let products = try define("products")
    try define("cart", ["products"])
    try define("order", ["cart", "products"])
    let error = failure { try registry.unregister("products") }
    #expect(error?.code == .hasDependents)
    #expect(error?.message.contains("cart, order") == true)
    #expect(failure { try products.dispose() }?.code == .hasDependents)
    #expect(registry.dependents(of: "products") == ["cart", "order"])
    #expect(registry.count == 3)
  }

  @Test func `A cascade takes dependents first, each once`() throws {
    var gone: [String] = []
    try define("base")
    try define("left", ["base"])
    try define("right", ["base"])
    try define("top", ["left", "right"])
    try define("other")
    let listener = registry.onEvent { gone.append($0.target ?? "") }
    try registry.unregister("base", dependents: .cascade)
    #expect(gone == ["top", "left", "right", "base"])
    #expect(registry.ids == ["other"])
    listener.cancel()
  }

  @Test func `A store that is gone throws, and its id is free`() throws {
    let old = try system.defineCounter()
    try old.call("increment")
    try registry.unregister("counter")
    #expect(old.isDisposed)
    #expect(failure { _ = try old.get("count") }?.code == .disposed)
    #expect(failure { try old.set("count", 1) }?.code == .disposed)
    #expect(failure { try old.patch([:]) }?.code == .disposed)
    #expect(failure { try old.reset() }?.code == .disposed)
    #expect(failure { try old.call("increment") }?.code == .disposed)
    #expect(failure { _ = try old.subscribe { _ in } }?.code == .disposed)
    #expect(failure { try old.dispose() }?.code == .unknownStore)
    let new = try system.defineCounter()
    #expect(try new.get("count") == 0)
    #expect(old.id == new.id)
  }

  @Test func `A store that was registered in a turn that fails is not there`() throws {
    let error = failure {
      try system.turn {
        let counter = try system.defineCounter()
        try counter.call("increment")
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(error != nil)
    #expect(registry.count == 0)
    #expect(try system.defineCounter().get("count") == 0)
  }
}
