import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Actions that are looked up once and called many times, inside of the host and from outside.
struct PreparedActionTests {
  private static let counter = counter(
    "add = function(self, by) self.n = self.n + (by or 1) return self.n end"
  )

  private static func counter(_ actions: String, permissions: String = "\"*\"") -> String {
    """
    return defineStore("counter", {
      permissions = { \(permissions) },
      state = function() return { n = 0 } end,
      actions = {
        \(actions),
        echo = function(self, ...) return { count = select("#", ...), ... } end,
        fail = function(self) self.n = 100 error("no " .. self.n) end,
        later = function(self) sleep(0.1) self.n = self.n + 1 return "done" end,
      },
    })
    """
  }

  private struct Line: Codable, Sendable, Equatable {
    var product: String
    var quantity: Int
  }

  // MARK: Calls

  @Test func `A prepared action does what a call by name does`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    try await test.host.withStores { stores in
      let store = try stores.store("counter")
      let add = try store.action("add")
      #expect(try add() == 1)
      #expect(try add(4) == 5)
      #expect(try add(5, as: Int.self) == 10)
      #expect(try add(.integer(1)) == 11)
      #expect(try add.call([1]) == 12)
      #expect(try store.get("n") == 12)
    }
  }

  @Test func `Arguments of Swift types arrive as what they are`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let line = Line(product: "85123A", quantity: 6)
    let found = try await test.host.withStores { stores in
      let echo = try stores.store("counter").action("echo")
      return try [
        echo("a", 1, 2.5, true), echo(line), echo(Value.null, "z"), echo(["k": 1, "l": "m"]),
        echo([1, 2], line),
      ]
    }
    let first: ValueMap = [
      "count": 4, .integer(1): "a", .integer(2): 1, .integer(3): 2.5, .integer(4): true,
    ]
    #expect(found[0] == .map(first))
    #expect(found[1][.integer(1)] == ["product": "85123A", "quantity": 6])
    #expect(found[2][.string("count")] == 2)
    #expect(found[3][.integer(1)] == ["k": 1, "l": "m"])
    #expect(found[4][.integer(1)] == [1, 2])
  }

  @Test func `Results are decoded, and what is no such type says where it came from`()
    async throws
  {
    let test = try await TestHost([
      "stores/counter.lua": Self.counter(
        "add = function(self) return { product = 'p', quantity = 2 } end"
      )
    ])
    let add = try await test.host.store("counter").action("add")
    #expect(try await add(as: Line.self) == Line(product: "p", quantity: 2))
    let error = await #expect(throws: StoreError.self) { try await add(as: Int.self) }
    #expect(error?.code == .notData)
    #expect(error?.message.hasPrefix("counter:add: ") == true)
  }

  @Test func `A prepared action that fails leaves no trace and names its line`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let counter = try await test.host.store("counter")
    let fail = try await counter.action("fail")
    let error = await #expect(throws: StoreError.self) { try await fail() }
    #expect(error?.store == "counter")
    #expect(error?.member == "fail")
    #expect(error?.script == "stores/counter.lua")
    #expect(error?.message.contains("no 100") == true)
    #expect(try await counter.get("n") == 0)
  }

  @Test func `A prepared action waits from outside, and is refused a wait inside`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let later = try await test.host.store("counter").action("later")
    #expect(try await later() == "done")
    let code = await code {
      try await test.host.withStores { _ = try $0.store("counter").action("later")() }
    }
    #expect(code == .cannotWait)
  }

  @Test func `Actions of Swift can be prepared as well`() async throws {
    let test = try await TestHost([:])
    let log = try await test.host.define(
      StoreDefinition(
        "log",
        state: ["lines": []],
        actions: ["count": { _, arguments in .integer(Int64(arguments.count)) }]
      )
    )
    let count = try await log.action("count")
    #expect(try await count(1, "b", 3) == 3)
    #expect(try await count() == 0)
    let inside = try await test.host.withStores { try $0.store("log").action("count")(1, "b") }
    #expect(inside == 2)
  }

  // MARK: Changes

  @Test func `A prepared action reaches the code of the version that was loaded last`()
    async throws
  {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let add = try await test.host.store("counter").action("add")
    #expect(try await add(2) == 2)
    try await test.reload([
      "stores/counter.lua": Self.counter(
        "first = function() end, add = function(self, by) self.n = self.n + 10 * by return self.n end"
      )
    ])
    #expect(try await add(2) == 22)
  }

  @Test func `A prepared action that was renamed says that there is none, and comes back`()
    async throws
  {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let add = try await test.host.store("counter").action("add")
    try await test.reload([
      "stores/counter.lua": Self.counter("addAll = function(self) self.n = self.n + 1 end")
    ])
    let error = await #expect(throws: StoreError.self) { try await add(2) }
    #expect(error?.code == .unknownAction)
    #expect(
      error?.message
        == "the store 'counter' has no action 'add' any more: its script was reloaded without it"
    )
    try await test.reload(["stores/counter.lua": Self.counter])
    #expect(try await add(2) == 2)
  }

  @Test func `A prepared action of a store that was disposed is refused`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let counter = try await test.host.store("counter")
    let add = try await counter.action("add")
    let inside = await code {
      try await test.host.withStores { stores in
        let add = try stores.store("counter").action("add")
        try stores.registry.unregister("counter")
        _ = try add()
      }
    }
    #expect(inside == .disposed)
    #expect(await code { try await add() } == .unknownStore)
  }

  @Test func `A handle of an action follows the store that has its id`() async throws {
    let test = try await TestHost([:])
    func define(_ answer: Int64) async throws {
      try await test.host.define(
        StoreDefinition("box", state: [:], actions: ["open": { _, _ in .integer(answer) }])
      )
    }
    try await define(1)
    let box = try await test.host.store("box")
    let open = try await box.action("open")
    #expect(try await open() == 1)
    try await box.dispose()
    try await define(2)
    #expect(try await open() == 2)
  }

  // MARK: Rights

  @Test func `A prepared action asks for rights at each call`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let panel = try await test.host.store("counter", as: Principal(.swift, "panel"))
    let add = try await panel.action("add")
    #expect(try await add(1) == 1)
    try await test.reload([
      "stores/counter.lua": Self.counter(
        "add = function(self, by) self.n = self.n + by return self.n end",
        permissions: "\"read\""
      )
    ])
    let error = await #expect(throws: StoreError.self) { try await add(1) }
    #expect(error?.code == .permissionDenied)
    #expect(error?.message.contains("panel") == true)
    #expect(await code { _ = try await panel.action("add") } == .permissionDenied)
    let whole = try await test.host.store("counter").action("add")
    #expect(try await whole(1) == 2)
    #expect(await code { _ = try await panel.secured(["read"]).action("add") } == .permissionDenied)
  }

  // MARK: What is not there

  @Test func `What cannot be prepared says what was probably meant`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let counter = try await test.host.store("counter")
    let error = await #expect(throws: StoreError.self) { _ = try await counter.action("ad") }
    #expect(error?.code == .unknownAction)
    #expect(error?.message == "the store 'counter' has no action 'ad'; did you mean 'add'?")
    let field = await #expect(throws: StoreError.self) { _ = try await counter.action("n") }
    #expect(field?.message.contains("is a field of the store") == true)
    await test.host.close()
    #expect(await code { _ = try await counter.action("add") } == .closed)
  }

  @Test func `A getter cannot call a prepared action`() async throws {
    let test = try await TestHost(["stores/counter.lua": Self.counter])
    let code = try await test.host.withStores { stores in
      let add = try stores.store("counter").action("add")
      let reader = try stores.define(
        StoreDefinition(
          "reader",
          state: [:],
          getters: ["sum": { _ in try add() }]
        )
      )
      do {
        _ = try reader.get("sum")
        return StoreError.Code?.none
      } catch {
        return (error as? StoreError)?.code
      }
    }
    #expect(code == .getterSideEffect)
  }
}
