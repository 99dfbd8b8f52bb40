import MoonValue
import MoonstoreCore
import Testing

struct SubscriptionTests {
  let system = StoreSystem()
  let log = RunLog()

  private func makeStore() throws -> Store {
    try system.define(
      "store",
      state: [
        "name": "a", "count": 0, "items": [["q": 1], ["q": 2]], "scores": .map([.integer(5): 1]),
      ]
    )
  }

  // MARK: Once for each turn

  @Test func `A subscriber hears once for a turn, with all patches in order`() throws {
    let store = try makeStore()
    var changes: [StoreChange] = []
    let subscription = try store.subscribe { changes.append($0) }
    try system.turn {
      try store.set("count", 1)
      try store.set("items[2].q", 5)
      try store.set("count", 2)
      #expect(changes.isEmpty)
    }
    let change = try #require(changes.first)
    #expect(changes.count == 1)
    #expect(change.store == "store")
    #expect(
      change.patches == [
        StatePatch(.set, at: ["store", "count"], old: 0, new: 1),
        StatePatch(.set, at: ["store", "items", 2, "q"], old: 2, new: 5),
        StatePatch(.set, at: ["store", "count"], old: 1, new: 2),
      ]
    )
    subscription.cancel()
  }

  @Test func `Nested writes of the first turn after a definition are told`() throws {
    let store = try makeStore()
    var patches: [StatePatch] = []
    _ = try store.subscribe { patches += $0.patches }
    try store.set("items[1].q", 9)
    #expect(patches == [StatePatch(.set, at: ["store", "items", 1, "q"], old: 1, new: 9)])
  }

  @Test func `Nested writes to a store that the turn itself has defined are told`() throws {
    var patches: [StatePatch] = []
    try system.turn {
      let store = try makeStore()
      _ = try store.subscribe { patches += $0.patches }
      try store.set("items[1].q", 9)
    }
    #expect(patches == [StatePatch(.set, at: ["store", "items", 1, "q"], old: 1, new: 9)])
  }

  @Test func `A part that is made in the turn is whole in the patch that brings it`() throws {
    let store = try makeStore()
    var patches: [StatePatch] = []
    _ = try store.subscribe { patches += $0.patches }
    try system.turn {
      try store.set("new", ["a": 1])
      try store.set("new.b", 2)
    }
    #expect(patches == [StatePatch(.set, at: ["store", "new"], new: ["a": 1, "b": 2])])
  }

  @Test func `The patch of a part that was changed and then replaced has its old content`() throws {
    let store = try makeStore()
    var patches: [StatePatch] = []
    _ = try store.subscribe { patches += $0.patches }
    try system.turn {
      try store.set("items[1].q", 7)
      try store.set("items", [])
    }
    #expect(
      patches == [
        StatePatch(.set, at: ["store", "items", 1, "q"], old: 1, new: 7),
        StatePatch(.set, at: ["store", "items"], old: [["q": 7], ["q": 2]], new: []),
      ]
    )
  }

  @Test func `Turns are counted`() throws {
    let store = try makeStore()
    var turns: [UInt32] = []
    _ = try store.subscribe { turns.append($0.turn) }
    try store.set("count", 1)
    try store.set("count", 2)
    #expect(turns.count == 2)
    #expect(turns[0] < turns[1])
  }

  @Test func `Each store's subscribers hear of their store alone`() throws {
    let store = try makeStore()
    let other = try system.define("other", state: ["n": 0])
    for each in [store, other] { _ = try each.subscribe { [log] in log.add($0.store) } }
    try other.set("n", 1)
    try system.turn {
      try store.set("count", 1)
      try other.set("n", 2)
      try store.set("count", 2)
    }
    #expect(log.entries == ["other", "store", "other"])
  }

  @Test func `A turn that fails, or changes nothing, is not told`() throws {
    let store = try makeStore()
    _ = try store.subscribe { [log] _ in log.add("heard") }
    _ = failure {
      try system.turn {
        try store.set("count", 1)
        throw Refusal(reason: "no")
      }
    }
    try store.set("count", 0)
    #expect(log.entries == [])
  }

  // MARK: Kinds

  @Test func `A change says how it was made`() throws {
    let store = try makeStore()
    var kinds: [StoreChange.Kind] = []
    var payloads: [Value?] = []
    _ = try store.subscribe {
      kinds.append($0.kind)
      payloads.append($0.payload)
    }
    try store.set("count", 1)
    try store.patch(["count": 2, "name": "b"])
    try store.patch { try $0.set("count", 3) }
    try store.reset()
    #expect(kinds == [.direct, .patch, .patchFunction, .reset])
    #expect(payloads == [nil, ["count": 2, "name": "b"], nil, nil])
  }

  @Test func `A patch with a write beside it, or two patches, are a direct change`() throws {
    let store = try makeStore()
    var kinds: [StoreChange.Kind] = []
    _ = try store.subscribe { kinds.append($0.kind) }
    try system.turn {
      try store.patch(["count": 1])
      try store.set("name", "b")
    }
    try system.turn {
      try store.patch(["count": 2])
      try store.patch(["name": "c"])
    }
    #expect(kinds == [.direct, .direct])
  }

  @Test func `A patch in a patch function is a part of it`() throws {
    let store = try makeStore()
    var kinds: [StoreChange.Kind] = []
    _ = try store.subscribe { kinds.append($0.kind) }
    try store.patch { store in
      try store.patch(["count": 1])
      try store.set("name", "b")
      try store.patch(["count": 2])
    }
    #expect(kinds == [.patchFunction])
  }

  @Test func `A patch that fails counts for nothing`() throws {
    let store = try makeStore()
    var kinds: [StoreChange.Kind] = []
    _ = try store.subscribe { kinds.append($0.kind) }
    try system.turn {
      _ = failure {
        try store.patch { store in
          try store.patch(["count": 1])
          throw Refusal(reason: "no")
        }
      }
      try store.patch(["count": 2])
    }
    #expect(kinds == [.patch])
  }

  // MARK: Paths

  @Test(arguments: [
    ("items[2]", ["items[2].q"]), ("items", ["items[1].q", "items[2].q"]), ("count", ["count"]),
    ("scores[5]", ["scores[5]"]),
  ])
  func `With a path, a subscriber hears of what changes there`(path: String, heard: [String]) throws
  {
    let store = try makeStore()
    _ = try store.subscribe(path: path) { [log] change in
      for patch in change.patches {
        log.add("\(StatePath(Array(patch.path.components.dropFirst())))")
      }
    }
    for each in ["items[1].q", "items[2].q", "count", "name", "scores[5]"] {
      try store.set(each, "new")
    }
    #expect(log.entries == heard)
  }

  @Test func `A subscriber to a path hears when something around it is replaced`() throws {
    let store = try makeStore()
    _ = try store.subscribe(path: "items[2].q") { [log] _ in log.add("heard") }
    try store.set("items", [["q": 1], ["q": 9]])
    #expect(log.entries == ["heard"])
  }

  @Test func `What is no path is refused`() throws {
    let store = try makeStore()
    #expect(failure { _ = try store.subscribe(path: "items[") { _ in } }?.code == .invalidArgument)
  }

  // MARK: Ending

  @Test func `Once is once, and waits for a change that it asked for`() throws {
    let store = try makeStore()
    let subscription = try store.subscribe(path: "count", once: true) { [log] _ in log.add("once") }
    try store.set("name", "b")
    #expect(subscription.isActive)
    try store.set("count", 1)
    try store.set("count", 2)
    #expect(log.entries == ["once"])
    #expect(!subscription.isActive)
    subscription.cancel()
  }

  @Test func `A subscriber that is ended twice ends alone`() throws {
    let store = try makeStore()
    let first = try store.subscribe { [log] _ in log.add("first") }
    _ = try store.subscribe { [log] _ in log.add("second") }
    first.cancel()
    first.cancel()
    try store.set("count", 1)
    #expect(log.entries == ["second"])
  }

  @Test func `A subscriber that ends another during a notification silences it`() throws {
    let store = try makeStore()
    var second: Subscription?
    _ = try store.subscribe { [log] _ in
      log.add("first")
      second?.cancel()
    }
    second = try store.subscribe { [log] _ in log.add("second") }
    try store.set("count", 1)
    #expect(log.entries == ["first"])
  }

  @Test func `A subscriber that fails is reported, undoes its own writes, and the others hear`()
    throws
  {
    let store = try makeStore()
    let other = try system.define("other", state: ["n": 0])
    var reports: [StoreError] = []
    _ = system.observeReports { reports.append($0) }
    _ = try store.subscribe { _ in
      try other.set("n", 1)
      throw Refusal(reason: "broken")
    }
    _ = try store.subscribe { [log] _ in log.add("second") }
    try store.set("count", 1)
    #expect(log.entries == ["second"])
    #expect(try other.get("n") == 0)
    #expect(reports.map(\.store) == ["store"])
    #expect(try store.get("count") == 1)
  }

  @Test func `Subscriptions go with their store`() throws {
    let store = try makeStore()
    let subscription = try store.subscribe { [log] _ in log.add("old") }
    try store.dispose()
    let new = try makeStore()
    try new.set("count", 1)
    #expect(log.entries == [])
    #expect(!subscription.isActive)
    subscription.cancel()
  }

  @Test func `A subscription may outlive its world`() throws {
    var system: StoreSystem? = StoreSystem()
    let handler = try system?.subscribe("note") { _ in }
    let hook = system?.use(ActionMiddleware())
    let listener = system?.registry.onEvent { _ in }
    system = nil
    handler?.cancel()
    hook?.cancel()
    listener?.cancel()
    #expect(handler?.isActive == false)
  }
}
