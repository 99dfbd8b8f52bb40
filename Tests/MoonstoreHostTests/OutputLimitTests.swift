import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What a turn prints, logs and traces is limited; what is left out is counted in one line.
@Suite struct OutputLimitTests {
  private static let flood = [
    "stores/s.lua": """
    return defineStore("s", {
      permissions = { "read", "call" },
      actions = {
        print = function(self, count, size) for _ = 1, count do print(("x"):rep(size)) end end,
        log = function(self, count) for _ = 1, count do log.info("x") end end,
        nest = function(self, count) for _ = 1, count do self:log(0) end end,
        fail = function(self, count) for _ = 1, count do print("x") end error("no") end,
        spawn = function(self, count) self:log(count) spawn(function() self:log(1) end) end,
        wait = function(self, count) self:log(count) sleep(0) self:log(count) end,
      },
    })
    """
  ]

  private func host(bytes: Int? = 10_000, lines: Int? = 100) async throws -> TestHost {
    try await TestHost(Self.flood) {
      $0.scriptLimits.output = bytes
      $0.scriptLimits.outputLines = lines
    }
  }

  @Test func `A turn that floods is cut, and one line says how much`() async throws {
    let test = try await host()
    try await test.host.store("s").call("print", 50, 1_000)
    let shown = test.record.log
    #expect(shown.dropLast().map(\.utf8.count).reduce(0, +) <= 10_003)
    #expect(
      shown.last
        == "output was cut: 40 lines and 40000 bytes were left out; a turn may print, log and trace 10000 bytes "
        + "(limits.output) and 100 lines (limits.outputLines)"
    )
    #expect(shown.count == 11)
  }

  @Test func `Lines are limited as bytes are, also in turns that fail`() async throws {
    let test = try await host()
    _ = await code { try await test.host.store("s").call("fail", 250) }
    #expect(test.record.log.count == 101)
    #expect(test.record.log.last?.hasPrefix("output was cut: 150 lines and 150 bytes") == true)
  }

  @Test func `One line that is too long is cut as well`() async throws {
    let test = try await host()
    try await test.host.store("s").call("print", 1, 50_000)
    #expect(test.record.log.first?.utf8.count == 10_003)
    #expect(test.record.log.last?.hasPrefix("output was cut: 0 lines and 40000 bytes") == true)
  }

  @Test func `A task that a flooding turn begins is another turn, and takes no summary from it`()
    async throws
  {
    let test = try await host()
    try await test.host.store("s").call("spawn", 150)
    let summaries = test.record.log.filter { $0.hasPrefix("output was cut") }
    #expect(
      summaries.map { $0.prefix(35) }
        == ["output was cut: 50 lines and 50 byte"].map { $0.prefix(35) }
    )
    #expect(test.record.log.count == 102)
  }

  @Test func `Each turn has its own, and a driver is not limited`() async throws {
    let test = try await host()
    try await test.run(
      """
      local s = useStore('s')
      for _ = 1, 500 do print('mine') end
      for _ = 1, 3 do s:log(90) end
      """
    )
    #expect(test.record.log.count == 500 + 270)
    // What waits goes on as another turn.
    try await test.host.store("s").call("wait", 90)
    #expect(test.record.log.count == 500 + 450)
  }

  @Test func `Sessions and their traces are cut too`() async throws {
    let repl = try await TestSession(Self.flood) {
      $0.scriptLimits.output = 10_000
      $0.scriptLimits.outputLines = 100
    }
    _ = await repl("useStore('s'):print(1000, 1)")
    let events = repl.test.record.log.count + repl.told.events.count
    #expect(events <= 102)
    _ = await repl(":trace *")
    _ = await repl("useStore('s'):nest(1000)")
    #expect(repl.told.traced.count > 10)
    #expect(repl.told.traced.count <= 100)
  }

  @Test func `A project can say less than its host, and not more`() async throws {
    let scripts = Self.flood.merging([
      "moonstore.lua": "return { limits = { output = 1000, outputLines = 5 } }"
    ]) { $1 }
    let test = try await TestHost(scripts)
    try await test.host.store("s").call("log", 10)
    #expect(test.record.log.count == 6)
    let more = Self.flood.merging(["moonstore.lua": "return { limits = { output = 1 << 40 } }"]) {
      $1
    }
    await #expect(throws: StoreError.self) { _ = try await TestHost(more) }
    await #expect(throws: StoreError.self) { _ = try await self.host(bytes: 0) }
  }
}
