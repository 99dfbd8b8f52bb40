import MoonValue
import MoonstoreCore
import Testing

/// A live store that becomes a new version of itself, without any script.
struct StoreReplacementTests {
  let system = StoreSystem()

  private func define() throws -> Store {
    try system.define(
      StoreDefinition(
        "counter",
        state: ["n": 0],
        getters: ["double": { .integer(try $0.get("n", as: Int64.self) * 2) }],
        actions: [
          "add": { store, _ in
            try store.set("n", .integer(store.get("n", as: Int64.self) + 1))
            return .null
          }
        ]
      )
    )
  }

  private func replacement(_ initial: Value, version: Int = 1) -> StoreReplacement {
    var definition = StoreDefinition("counter", name: "New", state: initial)
    definition.version = version
    return StoreReplacement(definition, initial: initial)
  }

  private func replace(_ store: Store, _ new: StoreReplacement) throws
    -> StateReconciliation.Difference
  {
    try store.live.replace(with: new, plugins: []) {}
  }

  @Test func `State, handles and subscriptions survive, and code is the new one's`() throws {
    let store = try define()
    try store.call("add")
    var heard: [Value?] = []
    let subscription = try store.subscribe { heard.append($0.patches.first?.new) }
    var new = replacement(["n": 0, "step": 10])
    new.actions = [
      (
        "add",
        .swift { store, _ in
          try store.set(
            "n",
            .integer(store.get("n", as: Int64.self) + store.get("step", as: Int64.self))
          )
          return "new"
        }
      )
    ]
    let difference = try replace(store, new)
    #expect(difference.added == ["step"])
    #expect(try store.call("add") == "new")
    #expect(try store.get("n") == 11)
    #expect(heard == [10, 11])
    #expect(try system.registry.definition(of: "counter").name == "New")
    #expect(failure { _ = try store.get("double") }?.code == .unknownField)
    subscription.cancel()
  }

  @Test func `A replacement that is undone has never been`() throws {
    let store = try define()
    try store.call("add")
    var runs: [Value] = []
    let effect = Effect(in: system.graph, label: "watch") { runs.append(try store.get("double")) }
    let names = ["n", "double"]
    _ = failure {
      try system.turn {
        var new = replacement(["n": 0, "double": "a field", "more": 1])
        new.getters = [("n2", { .integer(7) })]
        new.actions = [("other", .swift { _, _ in .null })]
        _ = try replace(store, new)
        #expect(try store.get("double") == "a field")
        #expect(failure { try store.call("add") }?.code == .unknownAction)
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(try names.map { try store.get($0) } == [1, 2])
    #expect(failure { _ = try store.get("more") }?.code == .unknownField)
    #expect(failure { try store.call("other") }?.code == .unknownAction)
    try store.call("add")
    #expect(runs == [2, 4])
    effect.dispose()
  }

  @Test func `Another version needs a migration, which is given a copy and its version`() throws {
    let store = try define()
    try store.call("add")
    #expect(
      failure { _ = try replace(store, replacement(["n": 0], version: 2)) }?.code == .cannotMigrate
    )
    var new = replacement(["n": 0, "text": ""], version: 2)
    new.migrate = { old, version in
      #expect(version == 1)
      return ["n": .integer((old["n"]?.integerValue ?? 0) + 100), "unknown": 1]
    }
    let difference = try replace(store, new)
    #expect(difference.migratedFrom == 1)
    #expect(try store.state == ["n": 101, "text": "", "unknown": 1])
  }

  @Test func `What a plugin has added is added anew, with its state`() throws {
    var version = 1
    let plugin = system.use(
      plugin: StorePlugin("stamp") { _ in
        StorePlugin.Additions(
          state: ["stamp": .integer(Int64(version))],
          actions: ["stamped\(version)": { store, _ in try store.get("stamp") }]
        )
      }
    )
    let store = try define()
    version = 2
    #expect(try replace(store, replacement(["n": 0])).redefined == ["stamp"])
    #expect(try store.call("stamped2") == 2)
    #expect(failure { try store.call("stamped1") }?.code == .unknownAction)
    try store.set("stamp", 50)
    version = 3
    _ = try replace(store, replacement(["n": 0]))
    #expect(try store.call("stamped3") == 50)
    try store.reset()
    #expect(try store.state == ["n": 0, "stamp": 3])
    plugin.cancel()
    #expect(try replace(store, replacement(["n": 0])).removed == ["stamp"])
    #expect(try store.state == ["n": 0])
  }
}
