import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// A call that fails undoes its own work, and nothing of others: whatever has waited, yielded or been resumed
/// elsewhere in between.
struct SavepointTests {
  private static let bank = """
    return defineStore("bank", {
      permissions = { "*" },
      state = function() return { accounts = { 100, 100, 100, 100 } } end,
      actions = {
        move = function(self, from, to, sum)
          self.accounts[from] = self.accounts[from] - sum
          self.accounts[to] = self.accounts[to] + sum
        end,
        run = function(self, fn, ...) return fn(...) end,
        code = function(self, text, ...) return load(text, "=code")(self, ...) end,
      },
    })
    """

  private func host() async throws -> TestHost {
    try await TestHost(["stores/bank.lua": SavepointTests.bank])
  }

  /// Runs code as an action, with `bank` and `other`, a coroutine that moves 1 from 3 to 4 under `pcall`, yields,
  /// moves 10, and fails.
  private func run(_ code: String) async throws -> Value {
    try await host().run(
      """
      local bank = useStore("bank")
      bank:code([==[
        local bank = ...
        local other = coroutine.create(function()
          return pcall(function()
            bank:move(3, 4, 1)
            coroutine.yield()
            bank:move(3, 4, 10)
            error("no")
          end)
        end)
        \(code)
      ]==])
      return store.copy(bank.accounts)
      """
    )
  }

  @Test func `A call that yielded and fails later leaves what others did meanwhile`() async throws {
    #expect(
      try await run(
        "coroutine.resume(other) bank:move(1, 2, 5) coroutine.resume(other) bank:move(1, 2, 7)"
      ) == [88, 112, 99, 101]
    )
  }

  @Test func `It leaves what is half-done around it`() async throws {
    #expect(
      try await run(
        """
        coroutine.resume(other)
        bank.accounts[1] = 50
        coroutine.resume(other)
        bank.accounts[2] = 150
        """
      ) == [50, 150, 99, 101]
    )
  }

  @Test func `A savepoint from before an outer call was undone is none`() async throws {
    #expect(
      try await run(
        """
        pcall(function() bank:move(1, 2, 50) coroutine.resume(other) error("undone") end)
        for i = 1, 9 do bank:move(1, 2, 1) end
        coroutine.resume(other)
        """
      ) == [91, 109, 100, 100]
    )
  }

  @Test(arguments: ["sleep(0)", "commit()"])
  func `A savepoint of an earlier turn is none`(_ boundary: String) async throws {
    #expect(
      try await run(
        """
        bank:move(1, 2, 1)
        coroutine.resume(other)
        \(boundary)
        bank.accounts[1] = 50
        coroutine.resume(other)
        bank.accounts[2] = 150
        """
      ) == [50, 150, 99, 101]
    )
  }

  @Test func `A call that waited undoes what it has done since, and a commit in it stays`()
    async throws
  {
    #expect(
      try await run(
        """
        bank:move(1, 2, 1)
        pcall(function() bank:move(1, 2, 10) sleep(0) bank:move(1, 2, 20) error("no") end)
        pcall(function() bank:move(1, 2, 2) commit() bank:move(1, 2, 30) error("no") end)
        xpcall(function() bank:move(1, 2, 4) sleep(0) bank:move(1, 2, 40) error("no") end, function() end)
        """
      ) == [83, 117, 100, 100]
    )
  }

  @Test func `One who goes on with an answer leaves what the responder has done in the same turn`()
    async throws
  {
    let host = try await TestHost([
      "stores/bank.lua": SavepointTests.bank,
      "stores/slow.lua": """
      return defineStore("slow", {
        state = { asked = 0, answered = 0 },
        answers = { slow = function(self)
          self.asked = self.asked + 1
          sleep(0)
          self.answered = self.answered + 1
          return self.answered
        end },
      })
      """,
    ])
    let result = try await host.run(
      """
      local bank, slow = useStore("bank"), useStore("slow")
      local answer
      bank:run(function()
        pcall(function()
          answer = bus.request("slow")
          bank:move(1, 2, 50)
          error("no")
        end)
      end)
      -- The driver goes on outside of that turn: what fails in its next call undoes nothing of before.
      pcall(bank.run, bank, function() bank:move(1, 2, 50) error("no") end)
      return { answer, slow.asked, slow.answered, bank.accounts[1] }
      """
    )
    #expect(result == [1, 1, 1, 100])
  }

  @Test func `A coroutine that is kept over turns undoes nothing of the turn that resumes it`()
    async throws
  {
    let result = try await host().run(
      """
      local bank = useStore("bank")
      local kept
      bank:run(function()
        kept = coroutine.create(function()
          pcall(function() bank:move(3, 4, 1) coroutine.yield() bank:move(3, 4, 10) error("no") end)
          coroutine.yield()
          bank:move(3, 4, 100)
          error("no")
        end)
        coroutine.resume(kept)
      end)
      bank:run(function() bank.accounts[1] = 50 coroutine.resume(kept) bank.accounts[2] = 150 end)
      bank:run(function() bank.accounts[1] = 40 coroutine.resume(kept) bank.accounts[2] = 160 end)
      -- One that was begun between turns, and fails inside of one; and the reverse.
      local outside = coroutine.create(function()
        pcall(function() coroutine.yield() bank:move(3, 4, 3) error("no") end)
      end)
      coroutine.resume(outside)
      transaction(function() bank.accounts[1] = 30 coroutine.resume(outside) bank.accounts[2] = 170 end)
      local inside
      transaction(function()
        inside = coroutine.create(function() pcall(function() coroutine.yield() error("no") end) end)
        coroutine.resume(inside)
      end)
      coroutine.resume(inside)
      return store.copy(bank.accounts)
      """
    )
    #expect(result == [30, 170, 99, 101])
  }

  /// Programs of calls under `pcall`, of coroutines that any run resumes in any turn, of waits, commits, groups and
  /// errors, which a model in Lua follows; after each step both have the same accounts.
  @Test(arguments: 0..<24)
  func `Random programs agree with a model`(_ seed: Int) async throws {
    let host = try await host()
    let result = try await host.run(SavepointTests.programs.replacing("SEED", with: "\(seed + 1)"))
    #expect(result["mismatches"] == [])
    #expect(result["total"] == 400)
    #expect(try #require(result["steps"]?.integerValue) > 200)
    #expect(host.record.reports.allSatisfy { $0.message.contains("planned") })
  }

  private static let programs = #"""
    local bank = useStore("bank")
    local state = SEED * 7919
    local function random(n)
      state = (state * 1103515245 + 12345) % 2147483648
      return (state >> 8) % n + 1
    end

    -- The model: the accounts, and the log of the turn. A context is a coroutine: its stretch, where that began in the
    -- log, how many transfers and groups it is in the middle of, and the context that has resumed it.
    local accounts, log, turn, stretches = { 100, 100, 100, 100 }, {}, 1, 0
    local mismatches, steps, left = {}, 0, 600
    local pool = {}

    local function begin(ctx)
      stretches = stretches + 1
      ctx.stretch, ctx.turn, ctx.start = stretches, turn, #log
    end
    local function undo(count)
      for i = #log, count + 1, -1 do
        accounts[log[i][1]] = log[i][2]
        log[i] = nil
      end
    end
    local function commitModel() log, turn = {}, turn + 1 end
    local function savepoint(ctx) return { stretch = ctx.stretch, turn = turn, count = #log } end
    local function rollBack(ctx, point)
      if point.stretch ~= ctx.stretch then point = { turn = ctx.turn, count = ctx.start } end
      undo(point.turn == turn and point.count or 0)
    end
    local function any(ctx, field)
      while ctx do
        if ctx[field] > 0 then return true end
        ctx = ctx.parent
      end
      return false
    end
    local function check(what)
      steps = steps + 1
      for i = 1, 4 do
        if bank.accounts[i] ~= accounts[i] and #mismatches < 5 then
          mismatches[#mismatches + 1] = ("%s, step %d: account %d is %d and should be %d"):format(
            what, steps, i, bank.accounts[i], accounts[i])
          return
        end
      end
    end
    local function write(i, value)
      log[#log + 1] = { i, accounts[i] }
      accounts[i] = value
      bank.accounts[i] = value
    end

    local block
    local function protected(ctx, call)
      local point, transfers, groups = savepoint(ctx), ctx.transfers, ctx.groups
      local ok = call(function() block(ctx) end)
      if not ok then rollBack(ctx, point) end
      ctx.transfers, ctx.groups = transfers, groups
      check("pcall")
    end

    local operations = {
      function(ctx)
        local from, to, sum = random(4), random(4), random(9)
        if from == to then return end
        ctx.transfers = ctx.transfers + 1
        write(from, accounts[from] - sum)
        if random(3) == 1 then block(ctx) end
        if random(5) == 1 then error("planned: between the writes", 0) end
        write(to, accounts[to] + sum)
        ctx.transfers = ctx.transfers - 1
      end,
      function(ctx) protected(ctx, pcall) end,
      function(ctx) protected(ctx, function(fn) return xpcall(fn, function(err) return err end) end) end,
      function() error("planned", 0) end,
      -- A coroutine, new or from anywhere.
      function(ctx)
        local co, own
        if #pool > 0 and random(3) > 1 then
          local kept = table.remove(pool, random(#pool))
          co, own = kept.co, kept.ctx
        else
          own = { transfers = 0, groups = 0, inCoroutine = true }
          co = coroutine.create(function() for _ = 1, random(4) do block(own) end end)
        end
        if coroutine.status(co) ~= "suspended" then return end
        own.parent = ctx
        begin(own)
        local ok = coroutine.resume(co)
        if not ok then undo(own.turn == turn and own.start or 0) end
        own.parent = nil
        if coroutine.status(co) == "suspended" then pool[#pool + 1] = { co = co, ctx = own } end
        check("resume")
      end,
      -- Not in the middle of a transfer, where half of it would stay.
      function(ctx)
        if ctx.inCoroutine and ctx.transfers == 0 then coroutine.yield() end
      end,
      function(ctx)
        if any(ctx, "transfers") then return end
        if any(ctx, "groups") then
          sleep(0)
          mismatches[#mismatches + 1] = "a transaction has waited"
          return
        end
        commitModel()
        sleep(0)
        local each = ctx
        while each do
          begin(each)
          each = each.parent
        end
        check("sleep")
      end,
      function(ctx)
        if any(ctx, "transfers") then return end
        if pcall(commit) then
          if any(ctx, "groups") then mismatches[#mismatches + 1] = "a transaction has committed" end
          commitModel()
        end
        check("commit")
      end,
      function(ctx)
        local point, transfers = savepoint(ctx), ctx.transfers
        ctx.groups = ctx.groups + 1
        local group = random(2) == 1 and transaction or function(fn) return store.patch(bank, fn) end
        local ok = pcall(group, function() block(ctx) end)
        ctx.groups, ctx.transfers = ctx.groups - 1, transfers
        if not ok then rollBack(ctx, point) end
        check("transaction")
      end,
      function(ctx) bank:run(block, ctx) end,
    }

    function block(ctx)
      for _ = 1, random(4) do
        if left <= 0 then return end
        left = left - 1
        operations[random(#operations)](ctx)
        check("operation")
      end
    end

    local function program()
      local ctx = { transfers = 0, groups = 0 }
      log = {}
      begin(ctx)
      for _ = 1, 6 do
        local point = savepoint(ctx)
        if not pcall(block, ctx) then rollBack(ctx, point) end
        ctx.transfers, ctx.groups = 0, 0
        check("program")
      end
      local last = random(2)
      local ok = last == 1 or pcall(block, ctx)
      if not ok then undo(0) error("planned: a turn fails", 0) end
      commitModel()
    end

    for round = 1, 12 do
      left = 60
      local tasks = {}
      for i = 1, 3 do tasks[i] = spawn(program) end
      for i = 1, 3 do pcall(tasks[i].wait, tasks[i]) end
      log = {}
      check("round")
    end
    local total = 0
    for i = 1, 4 do total = total + bank.accounts[i] end
    return { mismatches = array(mismatches), total = total, steps = steps }
    """#
}
