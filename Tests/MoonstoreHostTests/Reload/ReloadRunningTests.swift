import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What is under way when its script is reloaded, going back, and what is told of it.
struct ReloadRunningTests {
  private func slow(_ version: Int, _ rest: String = "") -> String {
    """
    local closed = 0
    \(rest)
    return defineStore("slow", {
      permissions = { "*" },
      state = function() return { log = array {}, closed = 0 } end,
      actions = {
        work = function(self, seconds)
          local guard <close> = setmetatable({}, { __close = function() log.info("closed \(version)") end })
          sleep(seconds)
          table.insert(self.log, \(version))
          return \(version)
        end,
        quick = function() return \(version) end,
      },
      on = { go = function(self, message) sleep(message.payload) table.insert(self.log, "on \(version)") end },
      answers = { ask = function(self, request) sleep(request.payload) return \(version) end },
    })
    """
  }

  @Test func `Running actions, handlers and requests finish on the old code, and are counted`()
    async throws
  {
    let time = ManualTime()
    let test = try await TestHost(["stores/slow.lua": slow(1)], time: time)
    let host = test.host
    async let first = host.call("slow", "work", [10])
    try await eventually("the call waits") { time.sleeping == 1 }
    try await host.send("go", 10)
    async let asked = host.evaluate("return bus.request('ask', 10, { timeout = 60 })")
    // The wait of the request has a deadline of its own.
    try await eventually("all wait") { time.sleeping == 4 }
    let report = try await test.reload(["stores/slow.lua": slow(2)])
    #expect(report.running.map(\.script) == ["stores/slow.lua"])
    #expect(report.running.map(\.version) == [1])
    #expect(report.running.map(\.count) == [3])
    #expect(report.description.contains("3 calls still on version 1 of stores/slow.lua"))
    #expect(try await host.call("slow", "quick") == 2)
    async let second = host.call("slow", "work", [10])
    try await eventually("the new call waits") { time.sleeping == 5 }
    time.pass(10)
    #expect(try await first == 1)
    #expect(try await second == 2)
    #expect(try await asked.value == 1)
    let log = try await test.run("return useStore('slow').log")
    #expect(Set(log.arrayValue ?? []) == [1, "on 1", 2])
    #expect(try await host.outdatedWork().isEmpty)
  }

  @Test
  func
    `A call that waits in middleware ends on the code that it began with, middleware and action`()
    async throws
  {
    func files(_ version: Int) -> [String: String] {
      [
        "middleware/slow.lua": """
        return function(call, next) sleep(10) log.info("around \(version)") return next() end
        """,
        "middleware/z.lua":
          "return function(call, next) log.info('inner \(version)') return next() end",
        "stores/a.lua":
          "return defineStore('a', { actions = { go = function() return \(version) end } })",
      ]
    }
    let time = ManualTime()
    let test = try await TestHost(files(1), time: time)
    let host = test.host
    async let call = host.call("a", "go")
    try await eventually("the call waits") { time.sleeping == 1 }
    #expect(try await test.reload(files(2)).running.map(\.count) == [1])
    time.pass(10)
    #expect(try await call == 1)
    #expect(test.record.log == ["around 1", "inner 1"])
    async let next = host.call("a", "go")
    try await time.pass(10, when: 1)
    #expect(try await next == 2)
  }

  @Test func `Running actions can be cancelled with the reload, and their close variables run`()
    async throws
  {
    let time = ManualTime()
    let test = try await TestHost(["stores/slow.lua": slow(1)], time: time)
    let host = test.host
    let call = Task { try await host.call("slow", "work", [10]) }
    try await eventually("the call waits") { time.sleeping == 1 }
    var options = ReloadOptions()
    options.running = .cancel
    let report = try await test.reload(["stores/slow.lua": slow(2)], options)
    #expect(report.running.isEmpty)
    let error = await #expect(throws: StoreError.self) { try await call.value }
    #expect(error?.code == .cancelled)
    #expect(error?.message.contains("version 1 of stores/slow.lua") == true)
    #expect(test.record.log == ["closed 1"])
    #expect(try await test.run("return #useStore('slow').log") == 0)
  }

  @Test
  func
    `Calls that wait are counted and drained however they were entered: by scripts, tasks and sessions`()
    async throws
  {
    let other = """
      return defineStore("other", {
        permissions = { "*" },
        actions = {
          direct = function() return useStore("slow"):work(50) end,
          coroutine = function() return coroutine.wrap(function() return useStore("slow"):work(50) end)() end,
          begin = function() spawn(function() useStore("slow"):work(50) end) end,
          keeps = function() return 1 end,
          sleeps = function() sleep(50) return "slept" end,
        },
      })
      """
    let time = ManualTime()
    let test = try await TestHost(
      ["stores/slow.lua": slow(1), "stores/other.lua": other],
      time: time
    )
    let host = test.host
    let calls = ["direct", "coroutine"].map { name in
      Task { try await host.call("other", name) }
    }
    let unconcerned = Task { try await host.call("other", "sleeps") }
    try await host.call("other", "begin")
    let driver = Task { try await test.run("return useStore('slow'):work(50)") }
    let session = try await host.openSession()
    let entry = Task { await session.submit("useStore('slow'):work(50)") }
    try await eventually("all wait") { time.sleeping == 6 }
    var options = ReloadOptions()
    options.running = .drain(seconds: 20)
    let report = try await test.reload(["stores/slow.lua": slow(2)], options)
    #expect(report.running.map(\.script) == ["stores/slow.lua"])
    #expect(report.running.map(\.version) == [1])
    #expect(report.running.map(\.count) == [5])
    try await time.pass(20, when: 7)
    for call in calls {
      let error = await #expect(throws: StoreError.self) { try await call.value }
      #expect(error?.code == .cancelled)
      #expect(error?.message.contains("version 1 of stores/slow.lua") == true)
    }
    let driven = await #expect(throws: StoreError.self) { try await driver.value }
    #expect(driven?.code == .cancelled)
    #expect(await entry.value.error?.code == .cancelled)
    #expect(test.record.log.filter { $0 == "closed 1" }.count == 5)
    #expect(try await host.outdatedWork().isEmpty)
    try await time.pass(30, when: 1)
    #expect(try await unconcerned.value == "slept")
  }

  @Test func `Running actions can be drained with a deadline`() async throws {
    let time = ManualTime()
    let test = try await TestHost(["stores/slow.lua": slow(1)], time: time)
    let host = test.host
    async let short = host.call("slow", "work", [5])
    let long = Task { try await host.call("slow", "work", [50]) }
    try await eventually("the calls wait") { time.sleeping == 2 }
    var options = ReloadOptions()
    options.running = .drain(seconds: 20)
    let report = try await test.reload(["stores/slow.lua": slow(2)], options)
    #expect(report.running.map(\.count) == [2])
    try await eventually("the deadline waits") { time.sleeping == 3 }
    time.pass(5)
    #expect(try await short == 1)
    time.pass(15)
    let error = await #expect(throws: StoreError.self) { try await long.value }
    #expect(error?.code == .cancelled)
    #expect(try await host.cancelOutdatedWork() == 0)
  }

  @Test func `Timers and effects of the old version end, and what an action began goes on`()
    async throws
  {
    func script(_ version: Int) -> String {
      """
      spawn(function() while true do sleep(1) log.info("tick \(version)") end end)
      effects.on("go", function(event, api) sleep(5) log.info("effect \(version)") end)
      return defineStore("a", { actions = {
        begin = function() spawn(function() sleep(3) log.info("begun \(version)") end) end,
      } })
      """
    }
    let time = ManualTime()
    let test = try await TestHost(["stores/a.lua": script(1)], time: time)
    try await test.run("useStore('a'):begin() bus.send('go')")
    try await time.pass(1, when: 3)
    try await eventually("a tick") { test.record.log == ["tick 1"] && time.sleeping == 3 }
    let report = try await test.reload(["stores/a.lua": script(2)])
    #expect(report.running.map(\.count) == [1])
    try await time.pass(1, when: 2)
    try await eventually("one timer ticks") {
      test.record.log == ["tick 1", "tick 2"] && time.sleeping == 2
    }
    time.pass(1)
    try await eventually("what was begun ends") { test.record.log.contains("begun 1") }
    try await test.run("bus.send('go')")
    try await eventually("the effect waits") { time.sleeping == 2 }
    time.pass(5)
    try await eventually("the new effect") { test.record.log.contains("effect 2") }
    #expect(!test.record.log.contains("effect 1"))
    #expect(!test.record.log.suffix(3).contains("tick 1"))
  }

  // MARK: Versions

  @Test func `Versions are numbered and kept, and one can go back and forth`() async throws {
    let test = try await TestHost(["stores/slow.lua": slow(1), "lib/x.lua": "return 1"])
    for version in 2...4 { try await test.reload(["stores/slow.lua": slow(version)]) }
    let host = test.host
    let versions = try await host.versions(of: "stores/slow.lua")
    #expect(versions.map(\.number) == [1, 2, 3, 4])
    #expect(versions.map(\.isLive) == [false, false, false, true])
    #expect(versions.map(\.text) == (1...4).map { slow($0) })
    let back = try await host.reload("stores/slow.lua", to: 2)
    #expect(back.scripts.map(\.old) == [4])
    #expect(back.scripts.map(\.new) == [2])
    #expect(try await host.call("slow", "quick") == 2)
    // The file still says what was gone back from: it stays passed over until it changes.
    #expect(try await test.reload().isEmpty)
    #expect(try await host.reload("stores/slow.lua", to: 2).isEmpty)
    let next = try await test.reload(["stores/slow.lua": slow(5)])
    #expect(next.scripts.map(\.old) == [2])
    #expect(next.scripts.map(\.new) == [5])
    for version in 6...40 { try await test.reload(["stores/slow.lua": slow(version)]) }
    #expect(try await host.versions(of: "stores/slow.lua").map(\.number) == Array(21...40))
    await #expect(throws: StoreError.self) { try await host.reload("stores/slow.lua", to: 3) }
    await #expect(throws: StoreError.self) { try await host.reload("stores/sloe.lua", to: 30) }
    await #expect(throws: StoreError.self) { try await host.versions(of: "stores/sloe.lua") }
  }

  @Test func `A version has the modules that it had`() async throws {
    let user =
      "local m = require('lib.m') return defineStore('a', { actions = { get = function() return m end } })"
    let test = try await TestHost(["lib/m.lua": "return 'one'", "stores/a.lua": user])
    try await test.reload(["lib/m.lua": "return 'two'"])
    #expect(try await test.host.call("a", "get") == "two")
    try await test.host.reload("stores/a.lua", to: 1)
    #expect(try await test.host.call("a", "get") == "one")
  }

  // MARK: Telling

  @Test func `Each reload is told of, to scripts as an event and to Swift as a report`()
    async throws
  {
    let test = try await TestHost([
      "stores/slow.lua": slow(1),
      "stores/hears.lua": #"""
      registry.on("script:reloaded", function(event)
        local script = event.payload.scripts[1]
        log.info(("%s %s -> %s"):format(script.script, script.old, script.new))
      end)
      registry.on("script:refused", function(event) log.info(event.payload.errors[1]) end)
      return defineStore("hears", {})
      """#,
    ])
    var reports = try await test.host.reloads().makeAsyncIterator()
    try await test.reload(["stores/slow.lua": slow(2)])
    try await test.reload(["stores/slow.lua": "return )"])
    #expect(test.record.log.first == "stores/slow.lua 1 -> 2")
    #expect(test.record.log.last?.hasPrefix("stores/slow.lua:1:") == true)
    #expect(await reports.next()?.scripts.map(\.new) == [2])
    let refused = try #require(await reports.next())
    #expect(refused.isRefused)
    #expect(refused.record["errors"]?.arrayValue?.count == 1)
    await test.host.close()
    #expect(await reports.next() == nil)
    let error = await #expect(throws: StoreError.self) { try await test.host.reload() }
    #expect(error?.code == .closed)
    await #expect(throws: StoreError.self) {
      try await TestHost([:]).run("registry.emit('script:reloaded', {})")
    }
  }

  // MARK: Looking after

  private func fragile(_ body: String) -> String {
    """
    return defineStore("fragile", {
      permissions = { "*" },
      state = function() return { n = 0 } end,
      getters = { twice = function(self) return self.n * 2 end },
      actions = {
        add = function(self) self.n = self.n + 1 \(body) return self.n end,
        poor = function(self) error("as ever") end,
      },
    })
    """
  }

  @Test func `A new version that fails where the old one did not is taken back`() async throws {
    let test = try await TestHost(["stores/fragile.lua": fragile("")])
    let host = test.host
    try await host.call("fragile", "add")
    _ = try? await host.call("fragile", "poor")
    var reports = try await host.reloads().makeAsyncIterator()
    var options = ReloadOptions()
    options.guardedTurns = 10
    try await test.reload(["stores/fragile.lua": fragile("local x = nil; x = x.y")], options)
    #expect(await reports.next()?.scripts.map(\.new) == [2])
    // It failed with the old version as well.
    _ = try? await host.call("fragile", "poor")
    #expect(try await host.versions(of: "stores/fragile.lua").last?.isLive == true)
    await #expect(throws: StoreError.self) { try await host.call("fragile", "add") }
    let back = try #require(await reports.next())
    #expect(back.scripts.map(\.new) == [1])
    #expect(back.reason?.message.contains("attempt to index") == true)
    #expect(try await host.call("fragile", "add") == 2)
    #expect(try await test.reload().isEmpty)
  }

  @Test func `A new version that does well for long enough stays`() async throws {
    let test = try await TestHost(["stores/fragile.lua": fragile("")])
    var options = ReloadOptions()
    options.guardedTurns = 3
    try await test.reload(
      ["stores/fragile.lua": fragile("if self.n > 3 then error('too late') end")],
      options
    )
    for _ in 0..<3 { try await test.run("useStore('fragile'):add()") }
    _ = try? await test.run("useStore('fragile'):add()")
    #expect(try await test.host.versions(of: "stores/fragile.lua").map(\.isLive) == [false, true])
  }

  // MARK: A lot of it

  @Test
  func `A thousand reloads under full load lose no call, mix no versions and keep memory flat`()
    async throws
  {
    // Good, broken and type-changing by turns; each version says of itself which one it is, in both stores.
    func pair(_ version: Int) -> String {
      let kind = version % 3
      let state = kind == 2 ? "{ n = { value = 0 }, v = 0 }" : "{ n = 0, v = 0 }"
      let read = kind == 2 ? "self.n.value" : "self.n"
      let migrate = #"""
        migrate = function(old, from)
          local n = type(old.n) == "table" and old.n.value or old.n
          return { n = \#(kind == 2 ? "{ value = n }" : "n"), v = old.v }
        end,
        """#
      return """
        local VERSION = \(version)
        watch(function() return VERSION end, function() end)
        local left = defineStore("left", {
          permissions = { "*", { action = "write", condition = function() return true end } },
          version = \(version), state = function() return \(state) end, \(migrate)
          actions = {
            add = function(self)
              \(read) = \(read) + 1
              self.v = VERSION
              return { \(read), VERSION, useStore("right"):version() }
            end,
          },
        })
        defineStore("right", { actions = { version = function() return VERSION end } })
        return left
        """
    }
    let test = try await TestHost(["stores/pair.lua": pair(1)])
    let host = test.host
    let calls = Task {
      var count = 0
      var seen: [Int: Int] = [:]
      while !Task.isCancelled {
        let result = try await host.call("left", "add")
        count += 1
        // A call that finds its host free gives no thread back.
        await Task.yield()
        // Each call is answered once, and by one version.
        guard result[0] == .integer(Int64(count)), result[1] == result[2] else {
          throw StoreError(.thrown, "call \(count) was answered by \(result)")
        }
        seen[Int(result[1]?.integerValue ?? 0), default: 0] += 1
      }
      return (count, seen.count)
    }
    var memory = 0
    for version in 2...1_000 {
      let isBroken = version % 5 == 0
      let report = try await test.reload([
        "stores/pair.lua": pair(version) + (isBroken ? "\nnot Lua" : "")
      ])
      #expect(report.isRefused == isBroken)
      await Task.yield()
      if version == 200 {
        memory = await host.luaMemory
      }
    }
    calls.cancel()
    let (count, versions) = try await calls.value
    #expect(count > 1_000)
    #expect(versions > 100)
    #expect(try await host.call("left", "add")[0] == .integer(Int64(count + 1)))
    let grown = await host.luaMemory - memory
    #expect(grown < 2 << 20, "\(grown) bytes")
  }
}
