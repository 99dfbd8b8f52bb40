import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct TaskTests {
  @Test func `A task goes on beside what began it, and its results are for whoever waits`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local task = spawn(function(a, b) sleep(1) c:add(a) return a, b, { sum = a + b } end, 3, 4)
      local before = { c.count, task.status }
      local a, b, t = task:wait()
      local again = select(3, task:wait())
      return { before, { a, b, t.sum }, c.count, task.status, again == t, tostring(task) }
      """#
    )
    #expect(
      result == [[0, "running"], [3, 4, 7], 3, "done", true, "task: task-1 (done)"]
    )
  }

  @Test func `Several can wait for one task, drivers and actions alike`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local work = spawn(function() sleep(1) return "work" end)
      local one = spawn(function() return work:wait() .. " one" end)
      local two = spawn(function() return work:wait() .. " two" end)
      return { work:wait(), one:wait(), two:wait() }
      """#
    )
    #expect(result == ["work", "work one", "work two"])
  }

  @Test func `Whoever waits gets the very error of the task, and then it is not reported`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local thrown = { code = 7 }
      local task = spawn(function() sleep(1) error(thrown) end)
      local ok, err = pcall(task.wait, task)
      local text = spawn(function() sleep(1) error("late") end)
      local ok2, err2 = pcall(function() return text:wait() end)
      return { ok, err == thrown, task.status, ok2, err2 }
      """#
    )
    #expect(result == [false, true, "failed", false, "driver:4: late"])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `A failure that nobody waits for is reported once, with its place`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local task = spawn(function()
        c:add(1) sleep(1)
        c:add(10) error("nobody cares")
      end)
      while task.status == "running" do sleep(1) end
      return { c.count, task.status }
      """#
    )
    #expect(result == [1, "failed"])
    #expect(host.record.reports.map(\.message) == ["driver:4: nobody cares"])
    #expect(host.record.reports.first?.member == "a spawned function")
    #expect(host.record.reports.first?.line == 4)
  }

  @Test func `A cancelled task ends where it waits: what it closes runs, what it committed stays`()
    async throws
  {
    let time = ManualTime()
    let host = try await TestHost(["stores/counter.lua": counterScript], time: time)
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local task = spawn(function()
        local closing <close> = setmetatable({}, { __close = function() c:add(10) end })
        c:add(1)
        pcall(sleep, 100)
        c:add(1000)
      end)
      task:cancel() task:cancel()
      local ok, err = pcall(task.wait, task)
      return { c.count, task.status, ok, err.code }
      """#
    )
    #expect(result == [11, "cancelled", false, "cancelled"])
    try await eventually("its sleep is cancelled too") { time.sleeping == 0 }
    #expect(host.record.reports.isEmpty)
  }

  @Test func `A failure that is waited for before control goes back outside is not reported`()
    async throws
  {
    let host = try await counterHost()
    let caught = try await host.run(
      """
      local task = spawn(function() error("at once", 0) end)
      local status = task.status
      return { status, select(2, pcall(task.wait, task)), select(2, pcall(task.wait, task)) }
      """
    )
    #expect(caught == ["failed", "at once", "at once"])
    #expect(host.record.reports.isEmpty)
    // One that is not waited for, and one whose spawner waits for something else first.
    try await host.run("spawn(function() error('never seen', 0) end)")
    #expect(host.record.reports.map(\.message) == ["never seen"])
    try await host.run(
      """
      local task = spawn(function() error("seen late", 0) end)
      sleep(0)
      pcall(task.wait, task)
      """
    )
    #expect(host.record.reports.map(\.message) == ["never seen", "seen late"])
    // Swift gets nothing that could still wait.
    try await host.host.call("counter", "run", ["spawn(function() error('from an action', 0) end)"])
    #expect(host.record.reports.last?.message == "from an action")
  }

  @Test func `A task begins only if the turn that spawned it ends well`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, seen = useStore("counter"), array()
      pcall(c.run, c, "local s = ... spawn(s, 'failed') error('no')", nil)
      local function note(what) seen[#seen + 1] = what end
      local ok = pcall(function()
        transaction(function() kept = spawn(note, "in a group that fails") error("no") end)
      end)
      transaction(function()
        pcall(function() inner = spawn(note, "in a part that fails") error("no") end)
        outer = spawn(note, "in the part around it")
        note("the group goes on")
      end)
      return { ok, seen, kept.status, inner.status, outer.status }
      """#
    )
    #expect(
      result == [
        false, ["the group goes on", "in the part around it"], "cancelled", "cancelled", "done",
      ]
    )
  }

  @Test func `A task that an action has committed begins though the action fails`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local ok = pcall(c.run, c, [[
        local self = ...
        spawn(function() self:add(1) end)
        commit()
        spawn(function() self:add(100) end)
        error("after all")
      ]])
      return { ok, c.count }
      """#
    )
    #expect(result == [false, 1])
  }

  @Test func `Cancelling is undone with the turn that asked for it`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local task = spawn(function() sleep(1) sleep(1) return "finished" end)
      local during
      pcall(transaction, function() task:cancel() during = task.status error("no") end)
      return { during, task.status, task:wait() }
      """#
    )
    #expect(result == ["cancelled", "running", "finished"])
  }

  @Test func `A task that is cancelled in the turn that spawned it never begins`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local began, task = false
      transaction(function() task = spawn(function() began = true end) task:cancel() end)
      return { began, task.status }
      """#
    )
    #expect(result == [false, "cancelled"])
  }

  @Test func `Waiting for a task has its time, and none of it is left when the task ends`()
    async throws
  {
    let time = ManualTime()
    let host = try await TestHost(["stores/counter.lua": counterScript], time: time)
    async let late = host.run(
      #"""
      local task = spawn(function() sleep(5) return "slept" end)
      local ok, err = pcall(task.wait, task, 2)
      return { ok, err.code, err.message, task.status, task:wait(60) }
      """#
    )
    try await time.pass(2, when: 2)
    try await time.pass(3, when: 2)
    let result = try await late
    #expect(
      result == [
        false, "timeout", "task:wait: a spawned function has not ended in 2.0 s", "running",
        "slept",
      ]
    )
    try await eventually("the timer of 60 s is stopped") { time.sleeping == 0 }
  }

  @Test func `A task ends with the store that it acts as`() async throws {
    let host = try await TestHost([
      "stores/worker.lua": #"""
      return defineStore("worker", {
        permissions = { "*" },
        state = function() return { steps = 0 } end,
        actions = {
          start = function(self)
            spawn(function()
              local closing <close> = setmetatable({}, { __close = function() log.info("closed") end })
              while true do self.steps = self.steps + 1 sleep(1) end
            end)
          end,
        },
      })
      """#
    ])
    try await host.run(
      #"""
      local worker = useStore("worker")
      worker:start()
      while worker.steps < 5 do sleep(1) end
      registry.unregister("worker")
      for _ = 1, 20 do sleep(1) end
      """#
    )
    #expect(host.record.log == ["closed"])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `A task that a script spawns before it defines its store ends with that store`()
    async throws
  {
    let host = try await TestHost([
      "stores/worker.lua": #"""
      spawn(function()
        local closing <close> = setmetatable({}, { __close = function() log.info("closed") end })
        while true do sleep(1) end
      end)
      return defineStore("worker", {})
      """#
    ])
    try await host.host.store("worker").dispose()
    #expect(host.record.log == ["closed"])
  }

  @Test func `A task that waits for a request can be cancelled before the answer comes`()
    async throws
  {
    let time = ManualTime()
    let host = try await TestHost(["stores/counter.lua": counterScript], time: time)
    let result = try await host.run(
      #"""
      local task = spawn(function() return bus.request("later") end)
      local before = task.status
      task:cancel()
      return { before, task.status }
      """#
    )
    #expect(result == ["running", "cancelled"])
    // Nobody waits for the deadline of the request any more, only its responder sleeps.
    try await time.pass(10, when: 1)
    try await host.expect("useStore('counter').count", 0)
    #expect(host.record.reports.isEmpty)
  }

  @Test func `An action that waits for a task which ends at once ends for all who call it`()
    async throws
  {
    let host = try await TestHost([
      "stores/s.lua": """
      return defineStore("s", {
        permissions = { "*" },
        actions = {
          go = function(self, n) return spawn(function() return n end):wait() end,
          fail = function(self) return spawn(function() error({ code = "no" }) end):wait() end,
          nested = function(self, n) return self:go(n) + self:go(n) end,
        },
      })
      """
    ])
    #expect(try await host.host.call("s", "go", [1]) == 1)
    #expect(try await host.host.call("s", "nested", [1]) == 2)
    let failure = await #expect(throws: StoreError.self) { try await host.host.call("s", "fail") }
    #expect(failure?.value == ["code": "no"])
    #expect(
      try await host.run(
        """
        local s, sum = useStore("s"), 0
        for n = 1, 2000 do sum = sum + s:go(n) end
        local ok, err = pcall(s.fail, s)
        return { sum, s:nested(4), ok, err.code }
        """
      ) == [2_001_000, 8, false, "no"]
    )
    #expect(host.record.reports.isEmpty)
  }

  @Test func `A task cannot wait for itself`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local early, late
      early = spawn(function() sleep(1) return select(2, pcall(early.wait, early)).message end)
      transaction(function()
        late = spawn(function() return select(2, pcall(late.wait, late)).message end)
      end)
      return { early:wait(), late:wait() }
      """#
    )
    let message: Value = "a task cannot wait for its own end"
    #expect(result == [message, message])
  }

  @Test func `Tasks that beget tasks without end are stopped with the chain`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local count = 0
      local function beget() count = count + 1 spawn(beget) end
      spawn(beget)
      return count
      """#
    )
    #expect(result == 1_000)
    #expect(host.record.reports.map(\.code) == [.endlessLoop])
    #expect(host.record.reports.first?.message.contains("1000 rounds") == true)
  }

  @Test func `What is no task, function or time is refused`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local task = spawn(function() end)
      local function message(fn, ...)
        local ok, err = pcall(fn, ...)
        return type(err) == "string" and err or err.message
      end
      return {
        message(spawn, 3), message(task.wait), message(task.cancel, {}),
        message(function() task.status = "done" end),
        message(function() spawn(sleep, 1):wait("soon") end),
        message(function() spawn(sleep, 1):wait(-1) end),
        message(function() return getmetatable(task).__index end),
      }
      """#
    )
    let messages = result.arrayValue?.compactMap(\.stringValue) ?? []
    #expect(messages.count == 7)
    #expect(messages[0].contains("spawn: argument 1 must be a function, not a number"))
    #expect(messages[1].contains("with a colon: task:wait()"))
    #expect(messages[2].contains("with a colon: task:cancel()"))
    #expect(messages[3].contains("cannot be changed"))
    #expect(
      messages[4].contains("task:wait: argument 1 must be a number of seconds from 0, not a string")
    )
    #expect(
      messages[5].contains("task:wait: argument 1 must be a number of seconds from 0, not -1")
    )
  }

  @Test func `Ten thousand tasks leave nothing behind`() async throws {
    let time = ManualTime()
    let host = try await TestHost(["stores/counter.lua": counterScript], time: time)
    let work = #"""
      local c = useStore("counter")
      for _ = 1, 1000 do
        spawn(function() c:add(1) end)
        spawn(function() sleep(60) end):cancel()
        local waiting = spawn(function() return effects.take("never", 60) end)
        waiting:cancel()
      end
      """#
    for _ in 0..<2 { try await host.run(work) }
    let before = await host.host.luaMemory
    for _ in 0..<8 { try await host.run(work) }
    let after = await host.host.luaMemory
    #expect(after - before < 1 << 20, "\(after - before) bytes more")
    try await eventually("no timer is left") { time.sleeping == 0 }
    #expect(try await host.run("return useStore('counter').count") == 10_000)
    #expect(host.record.reports.isEmpty)
  }
}
