import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What is explicitly one transaction ends as a whole: it neither waits nor is left in its middle.
struct TransactionTests {
  private static let bank = """
    return defineStore("bank", {
      permissions = { "*" },
      state = function() return { a = 0, b = 0 } end,
      getters = { late = function(self) return transaction(function() return self.a end) end },
      actions = {
        set = function(self, field, value) self[field] = value return value end,
        slow = function(self) self.a = self.a + 1 sleep(1) self.a = self.a + 1 return self.a end,
        run = function(self, code, ...) return load(code, "=code")(self, ...) end,
      },
      answers = { at_once = function(self) self.b = self.b + 1 return "now" end },
    })
    """

  private func host(_ more: [String: String] = [:]) async throws -> TestHost {
    try await TestHost(
      ["stores/bank.lua": TransactionTests.bank].merging(more) { _, new in new },
      sleeping: .forReal
    )
  }

  /// All that waits, as code that a script runs inside of a group.
  private static let waits = [
    "sleep(0.01)", "task:wait()", "bus.request('slow', {}, { timeout = 1 })", "bank:slow()",
    "pcall(sleep, 0.01) sleep(0.01)", "coroutine.wrap(function() sleep(0.01) end)()",
    "table.sort({ 2, 1 }, function() sleep(0.01) end)",
  ]

  @Test(arguments: TransactionTests.waits, ["transaction(%)", "store.patch(bank, %)"])
  func `What waits in a transaction is an error at its line, and all of it is undone`(
    _ wait: String,
    _ group: String
  ) async throws {
    let host = try await host()
    let body = "function() bank.b = 9 \n\(wait) end"
    let result = try await host.run(
      """
      local bank = useStore("bank")
      bus.answer("slow", function() sleep(0.05) return "late" end)
      local other = spawn(function() bank:set("a", 7) sleep(0.02) bank:set("a", 8) end)
      local task = spawn(function() sleep(5) end)
      local ok, err = pcall(function() return \(group.replacing("%", with: body)) end)
      task:cancel()
      other:wait()
      return { ok, tostring(err), err.line or 0, bank.a, bank.b }
      """
    )
    let found = try #require(result.arrayValue)
    #expect(found[0] == false)
    let text = try #require(found[1].stringValue)
    #expect(text.contains("what is one transaction cannot wait"), "\(text)")
    #expect(found[3] == 8)
    #expect(found[4] == 0)
  }

  @Test(arguments: ["sleep(1)", "pcall(sleep, 1) bank:slow()", "bus.request('slow')"])
  func `The same holds in an action, a task, and an entry`(_ wait: String) async throws {
    let host = try await host([
      "stores/slow.lua":
        "return defineStore('slow', { answers = { slow = function() sleep(1) return 1 end } })"
    ])
    let code =
      "local bank = useStore('bank') bank.b = 1 transaction(function() bank.a = 5 \(wait) end)"
    let inAction = try await host.run(
      "local bank = useStore('bank') local ok, err = pcall(bank.run, bank, [==[\(code)]==]) return { ok, tostring(err) }"
    )
    #expect(inAction[0] == false)
    #expect(inAction[1]?.stringValue?.contains("cannot wait") == true)
    let inTask = try await host.run(
      """
      local task = spawn(function() \(code) end)
      local ok, err = pcall(task.wait, task)
      return { ok, tostring(err) }
      """
    )
    #expect(inTask[0] == false)
    #expect(inTask[1]?.stringValue?.contains("cannot wait") == true)
    let session = try await host.host.openSession()
    let entry = await session.submit(code)
    #expect(entry.status == .failed)
    #expect(entry.error?.message.contains("cannot wait") == true)
    #expect(entry.notes == [])
    #expect(try await host.run("return { useStore('bank').a, useStore('bank').b }") == [0, 0])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `A request that is answered in the turn works in a transaction`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local bank = useStore("bank")
      local answer = transaction(function() bank.a = 1 return bus.request("at_once") end)
      pcall(transaction, function() bank.a = 2 bus.request("at_once") error("no") end)
      return { answer, bank.a, bank.b }
      """
    )
    #expect(result == ["now", 1, 1])
  }

  @Test func `A responder that waits ends with the transaction that has asked it`() async throws {
    let time = ManualTime()
    let host = try await TestHost(
      [
        "stores/bank.lua": TransactionTests.bank,
        "stores/slow.lua": """
        return defineStore("slow", {
          state = { asked = 0, answered = 0 },
          permissions = { "*" },
          answers = { slow = function(self)
            local ending <close> = setmetatable({}, { __close = function() log.info("closed") end })
            self.asked = self.asked + 1
            sleep(10)
            self.answered = self.answered + 1
            return 1
          end },
        })
        """,
      ],
      time: time
    )
    let result = try await host.run(
      """
      local bank, slow = useStore("bank"), useStore("slow")
      local ok = pcall(transaction, function() bank.a = 1 bus.request("slow") end)
      return { ok, bank.a, slow.asked }
      """
    )
    #expect(result == [false, 0, 0])
    #expect(host.record.log == ["closed"])
    try await eventually("nothing sleeps") { time.sleeping == 0 }
    // One whose request was caught is a part of what was undone, and the transaction goes on.
    let caught = try await host.run(
      """
      local bank, slow = useStore("bank"), useStore("slow")
      transaction(function() bank.a = 1 pcall(bus.request, "slow") end)
      return { bank.a, slow.asked }
      """
    )
    #expect(caught == [1, 0])
    #expect(host.record.log == ["closed", "closed"])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `Nothing yields out of a transaction, and within it coroutines work`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local bank = useStore("bank")
      local co = coroutine.create(function()
        local ok = pcall(transaction, function() bank.a = 5 coroutine.yield(coroutine.isyieldable()) end)
        coroutine.yield(ok, coroutine.isyieldable())
        transaction(function() bank.b = 1 end)
      end)
      local _, ok, can = coroutine.resume(co)
      coroutine.resume(co)
      local sum = transaction(function()
        local numbers = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
        return numbers() + numbers() + numbers()
      end)
      return { ok, can, coroutine.status(co), bank.a, bank.b, sum }
      """
    )
    #expect(result == [false, true, "dead", 0, 1, 6])
  }

  @Test(arguments: [
    "return useStore('bank'):run([[local co = coroutine.create(function() %  end) return coroutine.resume(co)]])",
    "local co = coroutine.create(function() % end) return coroutine.resume(co)",
    "coroutine.wrap(function() % end)()",
    "spawn(function() coroutine.wrap(function() % end)() end)",
    "return useStore('bank').late",
  ])
  func `A coroutine that is abandoned in a transaction leaves no turn behind`(_ code: String)
    async throws
  {
    for group in [
      "transaction(function() % end)", "store.patch(useStore('bank'), function() % end)",
    ] {
      let host = try await host()
      let body = group.replacing("%", with: "useStore('bank').a = 3 coroutine.yield()")
      _ = try? await host.run(code.replacing("%", with: body))
      let session = try await host.host.openSession(readOnly: true)
      _ = await session.submit(code.replacing("%", with: body))
      #expect(
        try await host.run(
          """
          local bank = useStore("bank")
          local heard = 0
          bus.subscribe("x", function() heard = heard + 1 end)
          bus.send("x")
          return { bank.a, heard }
          """
        ) == [0, 1]
      )
      #expect(
        try await !host.reload(["stores/bank.lua": TransactionTests.bank + " "]).isRefused
      )
    }
  }

  @Test func `A transaction gives back all results, and passes arguments on`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local bank = useStore("bank")
      local all = table.pack(transaction(function(...) return select("#", ...), ..., nil end, 1, nil, 3))
      local patched = table.pack(store.patch(bank, function(state) state.a = 4 return state.a, "x" end))
      return { all.n, all[1], patched.n, patched[1], patched[2], (pcall(transaction)), (pcall(transaction, 5)) }
      """
    )
    #expect(result == [3, 3, 2, 4, "x", false, false])
  }

  @Test func `Swift code that cannot wait is told at the line that would`() async throws {
    let host = try await host()
    let error = await #expect(throws: StoreError.self) {
      try await host.host.withStores { stores in
        try stores.transaction {
          try stores.store("bank").call("set", "b", 3)
          try stores.store("bank").call("slow")
        }
      }
    }
    #expect(error?.code == .cannotWait)
    #expect(error?.line == 7)
    #expect(error?.message.contains("sleep: cannot wait, since Swift code") == true)
    await #expect(throws: StoreError.self) {
      try await host.host.withStores { try $0.store("bank").call("slow") }
    }
    #expect(try await host.run("return { useStore('bank').a, useStore('bank').b }") == [0, 0])
  }

  @Test func `In a driver sleep commits what came before`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local bank = useStore("bank")
      pcall(function() bank:set("a", 1) sleep(0.01) error("no") end)
      return bank.a
      """
    )
    #expect(result == 1)
  }
}

extension StoreHost {
  fileprivate func openSession(readOnly: Bool) async throws(StoreError) -> ReplSession {
    var options = ReplOptions()
    if readOnly { options.rights = ["read"] }
    return try await openSession(options)
  }
}
