import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Who may make final what a turn has done so far: only what the turn began with.
struct CommitTests {
  private static let account = """
    return defineStore("account", {
      permissions = { "*" },
      state = function() return { n = 0, other = 0 } end,
      actions = {
        commits = function(self) self.other = self.other + 1 commit() error("after") end,
        calls = function(self) self.n = self.n + 1 self:commits() end,
        catches = function(self) self.n = self.n + 1 pcall(self.commits, self) end,
        waits = function(self) sleep(0) self.other = self.other + 1 commit() error("after") end,
        callsWaiting = function(self)
          self.n = self.n + 1
          pcall(self.waits, self)
          self.n = self.n + 10
          self:commits()
        end,
        -- As `waits`, but its caller fails in a call that was there when it waited.
        callsFailing = function(self)
          pcall(function() self:waitsAndFails() end)
          self.n = self.n + 100
          self:commits()
        end,
        waitsAndFails = function(self) sleep(0) error("no") end,
        inCoroutine = function(self)
          self.n = self.n + 1
          coroutine.wrap(function() commit() end)()
          error("after")
        end,
        calleeInCoroutine = function(self)
          self.n = self.n + 1
          coroutine.wrap(function() self:commits() end)()
        end,
        inGroup = function(self) transaction(function() self.n = 5 commit() end) end,
        inPatch = function(self) store.patch(self, function(state) state.n = 5 commit() end) end,
        deep = function(self, depth)
          if depth > 0 then return (self:deep(depth - 1)) end
          commit()
        end,
        set = function(self, n) self.n = n end,
        asks = function(self) self.n = self.n + 1 bus.request("account:answer") error("after") end,
        sends = function(self) self.n = self.n + 1 bus.send("account:handle") end,
        spawns = function(self) spawn(function() self.n = 3 commit() error("after") end) end,
      },
      on = { ["account:handle"] = function(self) self.other = 7 commit() end },
      answers = { ["account:answer"] = function(self) self.other = 8 commit() return 1 end },
    })
    """

  private func host() async throws -> TestHost {
    try await TestHost(["stores/account.lua": CommitTests.account])
  }

  /// What became of the state after a driver has called an action, and the error's code.
  private func call(_ action: String, _ argument: String = "nil") async throws -> Value {
    try await host().run(
      """
      local account = useStore("account")
      local ok, err = pcall(account.\(action), account, \(argument))
      return { account.n, account.other, ok or tostring(err.code or "raised") }
      """
    )
  }

  @Test func `The outermost action commits`() async throws {
    #expect(try await call("commits") == [0, 1, "raised"])
    #expect(try await call("inCoroutine") == [1, 0, "raised"])
    let host = try await host()
    await #expect(throws: StoreError.self) { try await host.host.call("account", "commits") }
    #expect(try await host.run("return useStore('account').other") == 1)
  }

  @Test func `An action that another has called does not, and nothing of the caller stays`()
    async throws
  {
    #expect(try await call("calls") == [0, 0, "cannotCommit"])
    #expect(try await call("catches") == [1, 0, true])
    #expect(try await call("calleeInCoroutine") == [0, 0, "cannotCommit"])
    #expect(try await call("deep", "0") == [0, 0, true])
    #expect(try await call("deep", "5") == [0, 0, "cannotCommit"])
    #expect(try await call("deep", "100") == [0, 0, "cannotCommit"])
  }

  @Test func `One that has waited commits what it has done since, but no later callee`()
    async throws
  {
    // What came before the wait is final, what its caller did afterwards is not.
    #expect(try await call("callsWaiting") == [1, 1, "cannotCommit"])
    #expect(try await call("callsFailing") == [0, 0, "cannotCommit"])
  }

  @Test func `Nothing commits in the middle of a transaction`() async throws {
    #expect(try await call("inGroup") == [0, 0, "cannotCommit"])
    #expect(try await call("inPatch") == [0, 0, "cannotCommit"])
    let host = try await host()
    let result = try await host.run(
      """
      local account = useStore("account")
      local ok, err = pcall(transaction, function() account:set(4) account:commits() end)
      return { ok, err.code, account.n }
      """
    )
    #expect(result == [false, "cannotCommit", 0])
  }

  @Test func `Handlers and responders are parts of the turn of the sender`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local account = useStore("account")
      account:sends()
      local ok, err = pcall(account.asks, account)
      return { account.n, account.other, ok, err.code }
      """
    )
    #expect(result == [1, 0, false, "cannotCommit"])
    #expect(host.record.reports.map(\.code.rawValue) == ["cannotCommit"])
  }

  @Test func `A task commits, and so does an action that it calls`() async throws {
    let host = try await host()
    let result = try await host.run(
      """
      local account = useStore("account")
      account:spawns()
      local task = spawn(function() account:commits() end)
      pcall(task.wait, task)
      return { account.n, account.other }
      """
    )
    #expect(result == [3, 1])
  }

  @Test func `Entries commit, and say so`() async throws {
    let host = try await host()
    let session = try await host.host.openSession()
    let called = await session.submit("account:commits()")
    #expect(called.status == .failed)
    #expect(called.error?.message.contains("after") == true)
    let note = "committed: commit() was called; what it had done until then stays, whatever follows"
    #expect(called.notes == [note])
    let own = await session.submit("account.n = 2 commit() account.n = 3 return account.n")
    #expect(own.text == "3")
    #expect(own.notes == [note])
    #expect(own.changes == 2)
    #expect(await session.submit("account:calls()").error?.code == .cannotCommit)
    #expect(
      try await host.run("return { useStore('account').n, useStore('account').other }") == [3, 1]
    )
  }

  @Test func `An entry that waits says what stays`() async throws {
    let host = try await TestHost(["stores/account.lua": CommitTests.account], sleeping: .forReal)
    let session = try await host.host.openSession()
    let note =
      "committed: the entry waits (sleep); what it had done until then stays, whatever follows"
    let done = await session.submit("account.n = 1 sleep(0.01) account.n = 2")
    #expect(done.status == .ok)
    #expect(done.notes == [note])
    let failed = await session.submit("account.n = 5 sleep(0.01) account.n = 6 error('no')")
    #expect(failed.status == .failed)
    #expect(failed.notes == [note])
    #expect(await session.submit(":undo").status == .ok)
    #expect(await session.submit("account.n").text == "2")
    #expect(await session.submit("sleep(0.01)").notes == [])
  }
}
