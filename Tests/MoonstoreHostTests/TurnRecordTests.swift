import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What observers are told of turns that scripts make.
@Suite struct TurnRecordTests {
  private static let script = """
    defineStore("cart", {
      permissions = { "read", "call", "write" },
      state = { count = 0, total = 0 },
      actions = {
        add = function(self, price) self.count = self.count + 1; self.total = self.total + price end,
        refuse = function(self) self.count = 99; error("no") end,
        slow = function(self) self.count = self.count + 1; sleep(1); self.count = self.count + 1 end,
        ask = function(self) self.total = time.now() end,
        both = function(self) self.count = 1; commit(); self.count = 2; error("late") end,
      },
    })
    """

  @Test func `A driver's call is recorded with its principal and arguments`() async throws {
    let host = try await TestHost(["stores/cart.lua": Self.script])
    let observer = KeepingObserver()
    try await host.host.withStores { _ = $0.observe(observer) }
    try await host.run("useStore('cart'):add(5)\nuseStore('cart').total = 9")
    let actions = observer.turns.filter { $0.origin.kind == .action }
    #expect(actions.map(\.origin.store) == ["cart"])
    #expect(actions.map(\.origin.name) == ["add"])
    #expect(actions.map(\.origin.arguments) == [[5]])
    #expect(actions.map(\.origin.principal) == ["the script 'driver'"])
    #expect(actions.flatMap(\.commits).flatMap(\.changes).flatMap(\.patches).map(\.new) == [1, 5])
    let writes = observer.turns.filter { $0.origin.kind == .write }
    #expect(writes.map(\.origin.principal) == ["the script 'driver'"])
    #expect(writes.flatMap(\.commits).flatMap(\.changes).flatMap(\.patches).map(\.new) == [9])
  }

  @Test func `A turn that fails after a commit has that commit, and its failure with the line`()
    async throws
  {
    let host = try await TestHost(["stores/cart.lua": Self.script])
    let observer = KeepingObserver()
    try await host.host.withStores { _ = $0.observe(observer) }
    _ = try? await host.host.call("cart", "both")
    let turn = try #require(observer.turns.last)
    #expect(turn.commits.flatMap(\.changes).flatMap(\.patches).map(\.new) == [1])
    guard case .failed(let failure) = turn.outcome else {
      Issue.record("the turn has failed, and its record says \(turn.outcome)")
      return
    }
    #expect(failure.message.contains("late"))
    #expect(failure.script == "stores/cart.lua")
    #expect(failure.line == 9)
  }

  @Test func `A run that waits ends its turn, and goes on in another that names it`() async throws {
    let host = try await TestHost(["stores/cart.lua": Self.script])
    let observer = KeepingObserver()
    try await host.host.withStores { _ = $0.observe(observer) }
    try await host.host.call("cart", "slow")
    let first = try #require(observer.turns.first { $0.origin.kind == .action })
    let wait = try #require(first.waits.first)
    #expect(wait.reason.contains("sleep"))
    #expect(first.commits.flatMap(\.changes).flatMap(\.patches).map(\.new) == [1])
    let second = try #require(observer.turns.first { $0.origin.kind == .answer })
    #expect(second.origin.run == wait.run)
    #expect(second.commits.flatMap(\.changes).flatMap(\.patches).map(\.new) == [2])
  }

  @Test func `What a script learned of the clock is among the inputs`() async throws {
    let host = try await TestHost(["stores/cart.lua": Self.script])
    let observer = KeepingObserver()
    try await host.host.withStores { _ = $0.observe(observer) }
    try await host.host.call("cart", "ask")
    let turn = try #require(observer.turns.last)
    #expect(turn.inputs.map(\.name) == ["time.now"])
    #expect(turn.inputs.first?.value == turn.commits.first?.changes.first?.patches.first?.new)
  }

  @Test func `An observer that refuses keeps a script's turn from becoming final`() async throws {
    let host = try await TestHost(["stores/cart.lua": Self.script])
    let observer = KeepingObserver()
    try await host.host.withStores { _ = $0.observe(observer) }
    observer.refusal = StoreError(.overloaded, "the disk is full")
    await #expect(throws: StoreError.self) { try await host.host.call("cart", "add", [3]) }
    #expect(try await host.host.store("cart").get("count", as: Int.self) == 0)
    observer.refusal = nil
    try await host.host.call("cart", "add", [3])
    #expect(try await host.host.store("cart").get("count", as: Int.self) == 1)
  }

  @Test func `pairs and next go the same way over tables that were filled in another order`()
    async throws
  {
    let host = try await TestHost([:]) { $0.isRecorded = true }
    let seen = try await host.run(
      """
      local function walk(t)
        local keys = {}
        for key in pairs(t) do keys[#keys + 1] = tostring(key) end
        local key = next(t)
        local again = {}
        while key ~= nil do again[#again + 1] = tostring(key); key = next(t, key) end
        assert(table.concat(keys, ",") == table.concat(again, ","))
        return table.concat(keys, " ")
      end
      local t = {}
      for i = 40, 1, -1 do t["k" .. i] = i end
      t[3], t[1], t[2.5], t[true], t[false], t[-7] = 1, 1, 1, 1, 1, 1
      local removed = {}
      for key in pairs({ b = 1, a = 2, c = 3 }) do removed[#removed + 1] = key end
      local during = { z = 1, y = 2, x = 3 }
      for key in pairs(during) do during[key] = nil end
      return { walk(t), table.concat(removed), next(during) == nil, walk({ 5, 6, 7 }), next({}) == nil }
      """
    )
    let texts = (1...40).map { "k\($0)" }.sorted()
    #expect(
      seen == [
        .string((["-7", "1", "3", "2.5"] + texts + ["false", "true"]).joined(separator: " ")),
        "abc", true, "1 2 3", true,
      ]
    )
  }
}

/// Keeps the turns that it is told.
private final class KeepingObserver: TurnObserver, @unchecked Sendable {
  // Used inside of the host that tells it, and by its test between calls of the host.
  private(set) var turns: [TurnRecord] = []
  var refusal: StoreError?
  let details = TurnDetails.all
  func willCommit(_ commit: CommitRecord, of turn: TurnRecord) throws(StoreError) {
    if let refusal { throw refusal }
  }
  func turnDidEnd(_ turn: TurnRecord) { turns.append(turn) }
}
