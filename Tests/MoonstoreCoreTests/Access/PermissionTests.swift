import MoonValue
import MoonstoreCore
import Testing

struct PermissionTests {
  let system = StoreSystem()
  let panel = Principal(.swift, "panel")

  private func makeStore(_ permissions: [Permission]? = nil) throws -> Store {
    var definition = StoreDefinition(
      "vault",
      state: ["n": 1, "list": [1, 2], "deep": ["open": 1, "shut": 1]],
      getters: ["double": { store in .integer(try store.integer("n") * 2) }],
      actions: [
        "bump": { store, _ in
          try store.set("n", .integer(try store.integer("n") + 1))
          return try store.get("n")
        },
        "clear": { store, _ in
          try store.set("n", 0)
          return .null
        },
      ]
    )
    definition.permissions = permissions
    return try system.define(definition)
  }

  private func denied(_ body: () throws -> Void) -> Bool {
    failure(body)?.code == .permissionDenied
  }

  @Test func `A secured store allows what its list says`() throws {
    let store = try makeStore()
    let viewer = try store.secured(["read"], for: panel)
    #expect(try viewer.get("n") == 1)
    #expect(try viewer.get("double") == 2)
    #expect(try viewer.state["n"] == 1)
    let error = failure { try viewer.set("n", 2) }
    #expect(
      error?.message
        == "permission denied: the Swift caller 'panel' may not write to 'vault.n'"
    )
    #expect(denied { try viewer.patch(["n": 2]) })
    #expect(denied { try viewer.patch { try $0.set("n", 2) } })
    #expect(denied { try viewer.reset() })
    #expect(denied { try viewer.call("bump") })
    #expect(denied { try viewer.dispose() })
    _ = try viewer.subscribe { _ in }
    let caller = try store.secured(["call:bump"])
    #expect(try caller.call("bump") == 2)
    #expect(denied { try caller.call("clear") })
    #expect(denied { _ = try caller.get("n") })
    #expect(denied { _ = try caller.state })
    #expect(denied { _ = try caller.subscribe { _ in } })
    #expect(denied { _ = try caller.onAction(ActionMiddleware()) })
  }

  @Test func `Narrowing never widens, in whatever order`() throws {
    let store = try makeStore()
    let lists: [[Permission]] = [["read"], ["write"], ["call"], ["*"], ["read", "write:list"], []]
    for first in lists {
      for second in lists {
        let one = try store.secured(first)
        let both = try one.secured(second)
        for operation in [
          { _ = try $0.get("n") }, { try $0.set("n", 1) }, { try $0.call("bump") },
          { try $0.set("list[1]", 5) }, { try $0.reset() },
        ] as [(Store) throws -> Void] {
          let alone =
            denied { try operation(one) } || denied { try operation(store.secured(second)) }
          #expect(denied { try operation(both) } == alone, "\(first) \(second)")
        }
      }
    }
  }

  @Test func `A path is read and written at and below it, and passed through above it`() throws {
    let store = try makeStore()
    let narrow = try store.secured(["read:deep.open", "write:list"])
    #expect(denied { try narrow.set("deep.open", 2) })
    #expect(denied { try narrow.set("n", 2) })
    try narrow.set("list[1]", 7)
    try narrow.patch(["list": [9]])
    #expect(denied { try narrow.patch(["list": [1], "n": 3]) })
    #expect(try store.get("list") == [9])
    #expect(denied { _ = try narrow.get("n") })
    #expect(denied { _ = try narrow.get("deep") })
    #expect(denied { _ = try narrow.subscribe { _ in } })
    _ = try narrow.subscribe(path: "deep.open") { _ in }
  }

  @Test func `A permission can be for one holder, and under a condition that is asked each time`()
    throws
  {
    let store = try makeStore()
    let secured = try store.secured(
      [
        Permission("read", for: panel),
        Permission("read", for: Principal(.session, "panel"), when: { _ in true }),
      ],
      for: panel
    )
    #expect(try secured.get("n") == 1)
    let other = try store.secured(
      [Permission("read", for: panel)],
      for: Principal(.script, "panel")
    )
    #expect(denied { _ = try other.get("n") })
    let forFriends = Permission(
      "write",
      when: { $0.principal.name == "friend" && $0.right == "write" && $0.path == ["n"] }
    )
    let friend = try store.secured([forFriends], for: Principal(.session, "friend"))
    try friend.set("n", 5)
    #expect(denied { try friend.set("list[1]", 5) })
    let stranger = try store.secured([forFriends], for: Principal(.session, "stranger"))
    #expect(denied { try stranger.set("n", 6) })
    #expect(try store.get("n") == 5)
  }

  @Test func `A condition that fails means no, and is reported`() throws {
    var reports: [StoreError] = []
    _ = system.observeReports { reports.append($0) }
    let store = try makeStore()
    let secured = try store.secured([Permission("read", when: { _ in throw Refusal(reason: "x") })])
    #expect(denied { _ = try secured.get("n") })
    #expect(reports.count == 1)
    #expect(reports.first?.member == "a permission's condition")
  }

  @Test(arguments: ["raed", "call:", "read:", "admin:x", "$patch:list", "write:a..b", ""])
  func `What is no permission is an error that names the store`(text: String) throws {
    let store = try makeStore()
    let error = failure { _ = try store.secured([Permission(text)]) }
    #expect(error?.code == .invalidDefinition)
    #expect(error?.message.contains("'vault'") == true)
    try system.registry.unregister("vault")
    #expect(failure { _ = try makeStore([Permission(text)]) }?.code == .invalidDefinition)
    #expect(!system.registry.has("vault"))
  }

  @Test func `A refusal is an event that outlives the turn it makes fail`() throws {
    let log = RunLog()
    let listener = system.registry.onEvent("permission:denied") { event in
      log.add("\(event.source) \(event.target ?? "") \(event.payload["right"] ?? "")")
    }
    let viewer = try makeStore().secured(["read"], for: panel)
    #expect(failure { try system.turn { try viewer.set("n", 5) } } != nil)
    #expect(log.entries == [#"panel vault "write""#])
    #expect(system.registry.recentEvents(1).first?.type == "permission:denied")
    listener.cancel()
  }

  @Test func `Patch and reset can be given alone`() throws {
    let store = try makeStore()
    let patcher = try store.secured(["$patch"])
    try patcher.patch(["n": 5])
    #expect(denied { try patcher.set("n", 6) })
    #expect(denied { try patcher.reset() })
    try store.secured(["$reset"]).reset()
    #expect(try store.get("n") == 1)
    #expect(try store.secured(["$state"]).state["n"] == 1)
    try store.secured(["$dispose"]).dispose()
    #expect(!system.registry.has("vault"))
  }
}
