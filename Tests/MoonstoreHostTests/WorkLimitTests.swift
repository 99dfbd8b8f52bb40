import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the host does for a turn is on the turn's account: it costs in proportion to what was asked for, and ends
/// with the turn's time.
@Suite(.serialized) struct WorkLimitTests {
  /// How long a piece of work has computed, on whatever thread.
  private func computed(_ body: () async throws -> Void) async rethrows -> Double {
    let start = WorkLimitTests.processTime
    try await body()
    return WorkLimitTests.processTime - start
  }

  private static var processTime: Double {
    var time = timespec()
    // The call writes to the local variable only.
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static let worker = """
    local text = string.rep("1,", 1 << 20)
    return defineStore("worker", {
      permissions = { "*" },
      state = { map = map({}), list = array(), n = 0 },
      getters = { size = function(self) local n = 0 for _ in pairs(self.map) do n = n + 1 end return n end },
      actions = {
        fill = function(self, n) for i = 1, n do self.map["k" .. i] = { i } self.list[#self.list + 1] = { i } end end,
        addRemove = function(self, n)
          for i = 1, n do self.map["k" .. i] = i end
          for i = 1, n do self.map["k" .. i] = nil end
        end,
        drain = function(self, n)
          for i = 1, n do self.map["k" .. i] = i end
          while next(self.map) do self.map[next(self.map)] = nil end
        end,
        fine = function(self) self.n = self.n + 1 return self.n end,
        decode = function(self) while true do json.decode("[" .. text .. "1]") end end,
        encode = function(self) while true do json.encode(store.state(self)) end end,
        copy = function(self) while true do self.other = self.map end end,
        patch = function(self) while true do store.patch(self, store.state(self)) end end,
        reset = function(self) while true do store.reset(self) self.map.x = 1 end end,
        unshift = function(self) while true do table.insert(self.list, 1, 0) end end,
        sort = function(self) while true do table.sort(self.list, function(a, b) return a[1] > b[1] end) end end,
        read = function(self) while true do local n = self.size self.map.x = n end end,
        lookup = function(self) while true do pcall(useStore, "wroker") end end,
        describe = function(self) while true do registry.describe() end end,
        emit = function(self) while true do registry.emit("worker:x", { n = 1 }) end end,
        send = function(self) while true do bus.send("worker:x", { n = 1 }) end end,
        ask = function(self) while true do pcall(bus.request, "worker:nobody", {}) end end,
        logs = function(self) while true do log.info(text) end end,
        ids = function(self) while true do random.id("x") end end,
        nested = function(self) while true do transaction(function() self.n = self.n + 1 end) end end,
        flood = function(self, n) for i = 1, n do bus.send("worker:slow", i) end end,
      },
      on = { ["worker:slow"] = function(self, message) for i = 1, 1000 do self.n = i end end },
    })
    """

  private func host(turn: Double = 0.1, overruns: Int? = nil) async throws -> TestHost {
    try await TestHost(["stores/worker.lua": WorkLimitTests.worker]) {
      $0.scriptLimits.turn = turn
      $0.scriptLimits.getter = turn
      $0.scriptLimits.overruns = overruns
    }
  }

  @Test(arguments: [
    "decode", "encode", "copy", "patch", "reset", "unshift", "sort", "read", "lookup", "describe",
    "emit", "send",
    "ask", "logs", "ids", "nested",
  ])
  func `A loop of the host's functions over large state ends with its turn`(_ action: String)
    async throws
  {
    let host = try await host(turn: 0.3)
    for _ in 0..<4 { try await host.host.call("worker", "fill", [300]) }
    let used = await computed {
      let error = await failure { try await host.host.call("worker", action) }
      #expect(error?.code == .timeLimit || error?.code == .memoryLimit, "\(error as Any)")
    }
    // One step of the loop, undoing and starting anew come on top; a debug build beside others is slow.
    #expect(used < 5, "\(action) computed for \(used) s")
    #expect(try await host.host.call("worker", "fine") == 1)
  }

  @Test(arguments: ["addRemove", "drain"])
  func `Adding and removing many keys costs in proportion to their number`(_ action: String)
    async throws
  {
    let host = try await host(turn: 60)
    let few = try await computed { try await host.host.call("worker", action, [2_000]) }
    let many = try await computed { try await host.host.call("worker", action, [16_000]) }
    // Eight times as many; it was 64 times as much when each change looked at all.
    #expect(many < max(few, 0.01) * 30, "\(few) s for 2,000 and \(many) s for 16,000")
  }

  private static let registering = [
    "bus.subscribe('t', print)", "bus.subscribe('t' .. i, print)", "bus.subscribe('*', print)",
    "bus.answer('t' .. i, print)", "bus.use(print)", "registry.on('e', print)",
    "registry.on('e' .. i, print)", "registry.on('*', print)", "store.subscribe(s, print)",
    "store.subscribe(s, print, { path = 'n' })", "store.onAction(s, print)",
    "applyMiddleware(s, print)",
    "provide('k' .. i, i)", "watch(function() return s.n end, print)", "effects.on('t', print)",
    "effects.on('t' .. i, print)", "effects.on({ action = 's:a' }, print)",
    "effects.on({ change = s }, print)",
  ]

  @Test(arguments: WorkLimitTests.registering)
  func `What scripts register is added and ended in proportion to its number`(_ call: String)
    async throws
  {
    let host = try await TestHost([:]) {
      $0.scriptLimits.turn = 60
    }
    func used(_ count: Int) async throws -> Double {
      try await computed {
        _ = try await host.run(
          """
          local s = registry.has("s") and useStore("s") or defineStore("s", {
            permissions = { "*" }, state = { n = 0 }, actions = { a = function() end } })
          local ends = {}
          for i = 1, \(count) do ends[i] = \(call) end
          for i = 1, \(count) do assert(ends[i]()) end
          """
        )
      }
    }
    _ = try await used(100)
    let few = try await min(used(500), used(500))
    let many = try await used(4_000)
    // Other tests compute meanwhile, and count; it was 64 times as much where each looked at all others.
    #expect(many < max(few, 0.01) * 40, "\(call): \(few) s for 500 and \(many) s for 4,000")
  }

  @Test func `What a turn has sent counts against its time, also while no script runs`()
    async throws
  {
    let host = try await host()
    let used = await computed {
      let error = await failure { try await host.host.call("worker", "flood", [2_000]) }
      #expect(error?.code == .timeLimit)
    }
    #expect(used < 5)
    #expect(try await host.host.store("worker").get("n") == 0)
    #expect(try await host.host.call("worker", "fine") == 1)
  }

  @Test func `An entry of the log is cut where it is too long`() async throws {
    let host = try await TestHost([:]) { $0.scriptLimits.logEntry = 10 }
    try await host.run(
      "log.info('0123456789') log.info('0123456789abc') log.info('123456789\u{E9}\u{E9}')"
    )
    try await host.run("log.info('a', { b = string.rep('x', 100) })")
    try await host.run("log.info('0123456789abc', { b = 1 })")
    #expect(
      host.record.log == [
        "0123456789", "0123456789... (3 bytes more)", "123456789... (4 bytes more)",
        "a b=\"xxxxx... (96 bytes more)", "0123456789... (3 bytes more)",
      ]
    )
  }
}

private func failure(_ body: () async throws -> Void) async -> StoreError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? StoreError
  }
}
