import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// What scripts and programs do again and again leaves nothing behind, also where no script or program waits in between.
///
/// Each way in is taken so often that Lua's collector, whose heap is some 200 KB here, has been through ten times and
/// more, in a process of its own, whose memory is compared.
@Suite struct FlatMemoryTests {
  private static let script = #"""
    local seen
    return defineStore("busy", {
      state = { n = 0, list = array() },
      getters = { pair = function(self) return { self.n, { self.n } } end },
      actions = {
        send = function(self, n) bus.send("note", { n = n, text = "a text that is longer than fifteen bytes" }) end,
        fail = function(self) error({ code = 1 }) end,
        replace = function(self, n) self.list = { { n }, { n, n } } end,
        begin = function(self) spawn(function() sleep(1000) end):cancel() end,
        echo = function(self, ...) return ... end,
      },
      on = {
        note = function(self, message)
          self.n = self.n + message.payload.n
          seen = message.payload
        end,
      },
      answers = { ask = function(self, request) return { n = request.payload.n } end },
    })
    """#

  /// Drivers that do something `...` times without waiting.
  static let drivers = [
    "sends": #"for i = 1, ... do bus.send("note", { n = i }) end"#,
    "asks": #"for i = 1, ... do bus.request("ask", { n = i }) end"#,
    "calls": #"for i = 1, ... do useStore("busy"):send(i) end"#,
    "fails": #"for i = 1, ... do pcall(useStore("busy").fail) end"#,
    "replaces": #"""
    local s, kept = useStore("busy")
    for i = 1, ... do
      s:replace(i)
      kept = s.list[1]
    end
    """#,
    "reads": #"""
    local s, kept = useStore("busy")
    for i = 1, ... do
      s:replace(i)
      kept = s.pair[2]
    end
    """#,
    "groups": #"""
    local s, kept = useStore("busy")
    for i = 1, ... do
      transaction(function()
        s:replace(i)
        kept = s.list[1]
      end)
    end
    """#,
    "begins tasks": #"for i = 1, ... do useStore("busy"):begin() end"#,
    "cancels tasks": #"for i = 1, ... do spawn(function() sleep(1000) end):cancel() end"#,
  ]

  /// Ways in of programs.
  static let calls: [String: @Sendable (StoreHost, Int) async throws -> Void] = [
    "host.send": { host, count in
      for i in 0..<count { try await host.send("note", ["n": .integer(Int64(i))]) }
    },
    "stores.send": { host, count in
      try await host.withStores { stores in
        for i in 0..<count { _ = try stores.send("note", ["n": .integer(Int64(i))]) }
      }
    },
    "host.request": { host, count in
      for i in 0..<count { _ = try await host.request("ask", ["n": .integer(Int64(i))]) }
    },
    "host.call": { host, count in
      for i in 0..<count { _ = try await host.call("busy", "send", [.integer(Int64(i))]) }
    },
    "stores.call": { host, count in
      try await host.withStores { stores in
        let store = try stores.store("busy")
        for i in 0..<count { _ = try store.call("replace", [.integer(Int64(i))]) }
      }
    },
    "failing calls": { host, count in
      for _ in 0..<count { _ = try? await host.call("busy", "fail") }
    },
  ]

  /// 16,000 objects that stayed would take 6 MB and more.
  static let limit = 2 << 20

  private static func host() async throws -> StoreHost {
    let project = try TestProject(["stores/busy.lua": script])
    var configuration = HostConfiguration()
    configuration.scriptLimits.driver = 600
    configuration.scriptLimits.turn = 600
    return try await StoreHost(scripts: project.path, configuration: configuration)
  }

  /// What memory grows by when something is done many times more, after it was done often enough to be warm.
  private static func growth(_ count: Int, _ body: (Int) async throws -> Void) async throws -> Int {
    try await body(6_000)
    guard let before = LifetimeTests.residentBytes() else { return 0 }
    try await body(count)
    var grown = Int.max
    // Tasks that were cancelled end on other threads, soon.
    for _ in 0..<100 where grown > limit {
      grown = min(grown, (LifetimeTests.residentBytes() ?? before) - before)
      if grown > limit { try await Task.sleep(for: .milliseconds(20)) }
    }
    return grown
  }

  @Test func `A driver that never waits keeps nothing of what it did`() async {
    await #expect(processExitsWith: .success) {
      let host = try await FlatMemoryTests.host()
      for (name, driver) in FlatMemoryTests.drivers.sorted(by: { $0.key < $1.key }) {
        let grown = try await FlatMemoryTests.growth(16_000) { count in
          _ = try await host.evaluate(driver, name: name, arguments: [.integer(Int64(count))])
        }
        #expect(grown <= FlatMemoryTests.limit, "a driver that \(name): \(grown >> 10) KB more")
      }
    }
  }

  @Test func `A program keeps nothing of what it sends, asks and calls`() async {
    await #expect(processExitsWith: .success) {
      let host = try await FlatMemoryTests.host()
      for (name, call) in FlatMemoryTests.calls.sorted(by: { $0.key < $1.key }) {
        let grown = try await FlatMemoryTests.growth(16_000) { try await call(host, $0) }
        #expect(grown <= FlatMemoryTests.limit, "\(name): \(grown >> 10) KB more")
      }
    }
  }

  @Test func `A payload of a megabyte is let go of soon after its message`() async {
    await #expect(processExitsWith: .success) {
      let host = try await FlatMemoryTests.host()
      let text = Value.string(String(repeating: "x", count: 1 << 20))
      try await host.withStores { $0.limits.messageHistory = 4 }
      let grown = try await FlatMemoryTests.growth(0) { count in
        for _ in 0..<(count == 0 ? 200 : 8) { try await host.send("note", ["n": 1, "text": text]) }
      }
      #expect(grown < 48 << 20, "\(grown >> 20) MB more")
    }
  }
}
