import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What effects do while they run: wait, fork, and end each other.
@Suite struct EffectWaitingTests {
  private func timed() async throws -> (TestHost, ManualTime) {
    let time = ManualTime()
    return (try await TestHost(["stores/counter.lua": counterScript], time: time), time)
  }

  // MARK: take

  @Test func `take gives the next event that fits, also of the same turn`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      effects.on("begin", function(event, api)
        for _ = 1, 3 do seen[#seen + 1] = api.take("step").payload end
        seen[#seen + 1] = api.take({ action = "counter:add" }).result
        seen[#seen + 1] = api.take(function(m) return m.payload == 9 end).type
        seen[#seen + 1] = api.take({ change = "counter", path = "count" }).changes[1].new
      end)
      transaction(function()
        bus.send("begin") bus.send("step", 1) bus.send("other") bus.send("step", 2)
      end)
      bus.send("step", 3)
      useStore("counter"):add(5)
      bus.send("x", 8) bus.send("y", 9)
      useStore("counter"):add(1)
      return seen
      """#
    )
    #expect(result == [1, 2, 3, 5, "y", 6])
  }

  @Test func `take gives nil when its time is over, and stops its timer when it is not`()
    async throws
  {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("begin", function(event, api)
        log.info(tostring(api.take("never", 2)))
        log.info(tostring(api.take("soon", 100).type))
      end)
      bus.send("begin")
      """#
    )
    try await time.pass(2, when: 1)
    try await eventually("the second take waits") { time.sleeping == 1 }
    try await host.run(#"bus.send("never") bus.send("soon")"#)
    #expect(host.record.log == ["nil", "soon"])
    try await eventually("no timer is left") { time.sleeping == 0 }
  }

  @Test func `Actions and drivers can take events too`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      spawn(function() sleep(1) bus.send("go", 4) end)
      local sum = c:run("return effects.take('go').payload + 1")
      spawn(function() sleep(1) c:add(3) end)
      local event = effects.take({ action = "counter:add" })
      return { sum, event.result, effects.take("never", 1) == nil }
      """#
    )
    #expect(result == [5, 3, true])
  }

  @Test func `A driver that takes goes on outside of the turn that sent`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      spawn(function() sleep(1) bus.send("go") end)
      effects.take("go")
      pcall(c.fail, c)
      bus.send("ping", { n = 2 })
      return c.count
      """#
    )
    #expect(result == 2)
  }

  // MARK: condition

  @Test func `condition is asked again when what it read has changed, and not otherwise`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, asked, came = useStore("counter"), 0, "waiting"
      effects.on("begin", function(event, api)
        came = api.condition(function() asked = asked + 1 return c.count >= 3 end)
      end)
      bus.send("begin")
      local first = asked
      c:push(1) bus.send("other")
      local unmoved = asked
      c:add(1)
      pcall(c.run, c, "local self = ... self.count = 10 error('undone')")
      local before = came
      c:add(5)
      local after, total = came, asked
      c:add(5)
      return { first, unmoved, before, after, total == asked }
      """#
    )
    #expect(result == [1, 1, "waiting", true, true])
  }

  @Test func `condition says true at once, or false when its time is over`() async throws {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("begin", function(event, api)
        log.info(tostring(api.condition(function() return 1 end)))
        log.info(tostring(api.condition(function() return useStore("counter").count > 0 end, 2)))
        log.info(tostring(api.condition(function() return useStore("counter").count > 0 end, 60)))
      end)
      bus.send("begin")
      """#
    )
    try await time.pass(2, when: 1)
    try await eventually("the third waits") { time.sleeping == 1 }
    try await host.run(#"useStore("counter"):add(1)"#)
    #expect(host.record.log == ["true", "false", "true"])
    try await eventually("no timer is left") { time.sleeping == 0 }
  }

  @Test func `A condition that fails raises where it is waited for, and may only read`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, late = useStore("counter")
      local _, early = pcall(effects.condition, function() error("at once") end)
      local _, writes = pcall(effects.condition, function() c:add(1) end)
      local task = spawn(function()
        return select(2, pcall(effects.condition, function()
          if c.count > 0 then error("later") end
        end))
      end)
      c:add(1)
      return { tostring(early), writes.code, tostring(task:wait()), c.count }
      """#
    )
    #expect(result == ["driver:2: at once", "getterSideEffect", "driver:6: later", 1])
  }

  // MARK: fork

  @Test func `Forks run beside their effect, which can wait for their results and errors`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      effects.on("begin", function(event, api)
        local one = api.fork(function(a, b) api.delay(2) return a + b end, 1, 2)
        local two = api.fork(function() error({ why = "two" }) end)
        seen[#seen + 1] = api.pause(one)
        local ok, err = pcall(two.wait, two)
        seen[#seen + 1] = err.why
      end)
      bus.send("begin")
      while #seen < 2 do sleep(1) end
      return seen
      """#
    )
    #expect(result == [3, "two"])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `Forks end with their effect, and their unseen failures are reported then`()
    async throws
  {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("begin", function(event, api)
        api.fork(function()
          local closing <close> = setmetatable({}, { __close = function() log.info("closed") end })
          sleep(100)
        end)
        api.fork(function() error("unseen") end)
        api.delay(1)
        log.info("end")
      end)
      bus.send("begin")
      """#
    )
    #expect(host.record.reports.isEmpty)
    try await time.pass(1, when: 2)
    try await eventually("the fork ends") { host.record.log == ["end", "closed"] }
    try await eventually("its sleep ends") { time.sleeping == 0 }
    #expect(host.record.reports.map(\.message) == ["driver:6: unseen"])
    #expect(host.record.reports.first?.member == "a fork of the effect on 'begin'")
  }

  @Test func `An effect waits for the forks that it joins`() async throws {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("begin", function(event, api)
        api.join(function() api.delay(1) log.info("joined") end)
        log.info("body")
      end)
      bus.send("begin")
      """#
    )
    try await time.pass(1, when: 1)
    try await eventually("the fork goes on") { host.record.log == ["body", "joined"] }
  }

  // MARK: Ending each other

  @Test func `latest cancels the effect that runs, leading ignores events meanwhile`() async throws
  {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      local function work(name)
        return function(event, api) api.delay(1) log.info(name .. event.payload) end
      end
      effects.on("a", work("latest "), { latest = true })
      effects.on("a", work("leading "), { leading = true })
      for n = 1, 3 do bus.send("a", n) end
      """#
    )
    try await time.pass(1, when: 2)
    try await eventually("both end") { host.record.log.sorted() == ["latest 3", "leading 1"] }
    try await host.run(#"bus.send("a", 4)"#)
    try await time.pass(1, when: 2)
    try await eventually("both end again") { host.record.log.count == 4 }
    #expect(host.record.log.sorted() == ["latest 3", "latest 4", "leading 1", "leading 4"])
  }

  @Test func `once hears one event only, however many a turn brings`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      local stop = effects.on("a", function(event) seen[#seen + 1] = event.payload end, { once = true })
      transaction(function() bus.send("a", 1) bus.send("a", 2) end)
      bus.send("a", 3)
      return { seen, stop() }
      """#
    )
    #expect(result == [[1], false])
  }

  @Test func `delay puts each effect off, debounce all but the last`() async throws {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("a", function(event) log.info("delayed " .. event.payload) end, { delay = 2 })
      effects.on("a", function(event) log.info("settled " .. event.payload) end, { debounce = 2, once = false })
      bus.send("a", 1)
      """#
    )
    try await time.pass(1, when: 2)
    try await host.run(#"bus.send("a", 2)"#)
    // The first debounce was stopped: two delays and one debounce are left.
    try await time.pass(1, when: 3)
    try await eventually("the first delay is over") { host.record.log == ["delayed 1"] }
    try await time.pass(1, when: 2)
    try await eventually("the rest") {
      host.record.log.sorted() == ["delayed 1", "delayed 2", "settled 2"]
    }
    try await eventually("no timer is left") { time.sleeping == 0 }
  }

  @Test func `throttle ignores events for a time after one`() async throws {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("a", function(event) log.info(event.payload) end, { throttle = 2 })
      for n = 1, 3 do bus.send("a", n) end
      """#
    )
    #expect(host.record.log == ["1"])
    try await time.pass(2, when: 1)
    try await eventually("events count again") {
      try await host.run(#"bus.send("a", 4)"#)
      return host.record.log.count > 1
    }
    #expect(host.record.log == ["1", "4"])
  }

  @Test func `A delayed effect that is once still runs, and one that is cancelled does not`()
    async throws
  {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("a", function() log.info("once") end, { once = true, delay = 1 })
      local stop = effects.on("a", function() log.info("cancelled") end, { debounce = 1 })
      bus.send("a") bus.send("a")
      stop(true)
      """#
    )
    try await time.pass(1, when: 1)
    try await eventually("the one") { host.record.log == ["once"] }
    try await eventually("no timer is left") { time.sleeping == 0 }
  }

  @Test func `cancelActive ends the other effects of the listener, cancel this one`() async throws {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      effects.on("a", function(event, api)
        local closing <close> = setmetatable({}, { __close = function() log.info("close " .. event.payload) end })
        if event.payload == 3 then
          api.cancelActive()
          log.info(tostring(api.cancelled()))
          api.cancel()
          log.info(tostring(api.cancelled()))
        end
        api.delay(10)
        log.info("never")
      end)
      for n = 1, 3 do bus.send("a", n) end
      """#
    )
    #expect(host.record.log == ["false", "true", "close 1", "close 2", "close 3"])
    try await eventually("no timer is left") { time.sleeping == 0 }
  }

  @Test func `An effect can stop its listener and let it listen again`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      effects.on("a", function(event, api)
        seen[#seen + 1] = event.payload
        api.unsubscribe() api.unsubscribe()
        if event.payload == 1 then
          api.take("again")
          api.subscribe() api.subscribe()
        end
      end)
      bus.send("a", 1) bus.send("a", 2) bus.send("again") bus.send("a", 3) bus.send("a", 4)
      return seen
      """#
    )
    #expect(result == [1, 3])
  }

  @Test func `What an effect does with its listener is undone if its turn fails`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      effects.on("a", function(event, api)
        seen[#seen + 1] = event.payload
        api.unsubscribe()
        if event.payload < 3 then error("no") end
      end)
      for n = 1, 4 do bus.send("a", n) end
      return seen
      """#
    )
    #expect(result == [1, 2, 3])
    #expect(host.record.reports.count == 2)
  }

  @Test func `A script ends its listeners with clear, and those of others stay`() async throws {
    let host = try await TestHost([
      "stores/other.lua": #"""
      effects.on("a", function() log.info("other") end)
      return defineStore("other", {})
      """#
    ])
    try await host.run(
      #"""
      effects.on("a", function(event, api) api.take("b") log.info("never") end)
      bus.send("a")
      effects.clear()
      bus.send("b") bus.send("a")
      """#
    )
    #expect(host.record.log == ["other", "other"])
  }

  // MARK: Nothing left

  @Test func `Ten thousand events through a latest listener leave nothing behind`() async throws {
    let (host, time) = try await timed()
    try await host.run(
      #"""
      local c = useStore("counter")
      effects.on("a", function(event, api)
        api.fork(function() api.take("never", 60) end)
        api.condition(function() return c.count < 0 end, 60)
      end, { latest = true })
      """#
    )
    let work = #"for _ = 1, 1000 do bus.send("a") end"#
    for _ in 0..<2 { try await host.run(work) }
    let before = await host.host.luaMemory
    for _ in 0..<8 { try await host.run(work) }
    let after = await host.host.luaMemory
    #expect(after - before < 1 << 20, "\(after - before) bytes more")
    try await eventually("the timers of the last effect are left") { time.sleeping == 2 }
    try await host.run("effects.clear()")
    #expect(host.record.reports.isEmpty)
  }

  @Test func `A host with effects that wait goes when nobody holds it`() async throws {
    weak var gone: StoreHost?
    do {
      let host = try await counterHost()
      gone = host.host
      try await host.run(
        #"""
        local c = useStore("counter")
        effects.on({ "a", { change = c }, { action = "counter:add" } }, function(event, api)
          api.fork(function() api.condition(function() return c.count < 0 end) end)
          api.take("never")
        end)
        bus.send("a") c:add(1)
        """#
      )
    }
    try await eventually("it goes") { gone == nil }
  }
}
