import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing
import TestSupport

/// Reloads where nobody expects them: while scripts run.
@Suite(.serialized) struct ReloadAttackTests {
  private static func script(step: Int) -> String {
    """
    return defineStore("busy", {
      permissions = { "*" },
      state = { n = 0 },
      getters = { value = function(self) log.info("reload") return self.n + \(step) end },
      actions = {
        count = function(self)
          self.n = self.n + 1
          bus.send("busy:counted")
          local answer = bus.request("swift:reload")
          self.n = self.n + \(step)
          return answer
        end,
        touch = function(self) self.n = self.n + 1 end,
        log = function(self) self.n = self.n + 1 log.info("reload") return \(step) end,
        wait = function(self) self.n = self.n + 1 sleep(600) self.n = self.n + 10 return \(step) end,
        rest = function(self) self.n = self.n + 1 sleep(0.01) self.n = self.n + 10 return \(step) end,
      },
    })
    """
  }

  /// How each attempt of Swift code to reload has ended.
  private final class Attempts: Sendable {
    private let state = Mutex<(host: StoreHost?, ends: [StoreError.Code?])>((nil, []))

    var ends: [StoreError.Code?] { state.withLock { $0.ends } }
    func aim(at host: StoreHost) { state.withLock { $0.host = host } }

    /// What Swift code does that scripts have called.
    func attempt() {
      guard let host = state.withLock({ $0.host }) else { return }
      var end: StoreError.Code?
      do {
        // Swift code that scripts call runs on the host.
        try host.assumeIsolated { _ = try $0.reload("stores/busy.lua", to: 1) }
      } catch {
        end = (error as? StoreError)?.code
      }
      let found = end
      state.withLock { $0.ends.append(found) }
    }
  }

  private func host(_ attempts: Attempts) async throws -> TestHost {
    let host = try await TestHost(
      ["stores/busy.lua": ReloadAttackTests.script(step: 1)],
      sleeping: .forReal
    ) { $0.log = { _ in attempts.attempt() } }
    try await host.reload(["stores/busy.lua": ReloadAttackTests.script(step: 2)])
    attempts.aim(at: host.host)
    return host
  }

  /// The code that runs is the second version's still.
  private func check(_ host: TestHost) async throws {
    #expect(try await host.host.versions(of: "stores/busy.lua").last?.isLive == true)
    #expect(try await host.host.withStores { $0.isInTurn } == false)
  }

  @Test
  func `A responder that reloads in the middle of an action is refused, and the action goes on`()
    async throws
  {
    let attempts = Attempts()
    let host = try await host(attempts)
    try await host.host.answer("swift:reload") { _ in
      attempts.attempt()
      return "answered"
    }
    #expect(try await host.host.call("busy", "count") == "answered")
    #expect(attempts.ends == [.busy])
    #expect(try await host.host.store("busy").get("n") == 3)
    try await check(host)
  }

  @Test func `Subscribers, handlers, middleware and plugins that reload in a turn are refused`()
    async throws
  {
    let attempts = Attempts()
    let host = try await host(attempts)
    try await host.host.withStores { stores in
      _ = try stores.subscribe("busy:counted") { _ in attempts.attempt() }
      _ = try stores.store("busy").subscribe { _ in attempts.attempt() }
    }
    try await host.host.answer("swift:reload") { _ in .null }
    var middleware = ActionMiddleware()
    middleware.after = { _, _ in attempts.attempt() }
    try await host.host.use(middleware)
    _ = try await host.host.call("busy", "count")
    #expect(attempts.ends.count >= 3)
    try await host.host.use(
      plugin: StorePlugin("reloader") { _ in
        attempts.attempt()
        return StorePlugin.Additions()
      }
    )
    _ = try await host.host.define(StoreDefinition("late", state: [:]))
    #expect(attempts.ends.count >= 4)
    #expect(attempts.ends.allSatisfy { $0 == .busy })
    #expect(try await host.host.store("busy").get("n") == 3)
    try await check(host)
  }

  @Test func `A log that reloads while an action or a getter runs is refused`() async throws {
    let attempts = Attempts()
    let host = try await host(attempts)
    #expect(try await host.host.call("busy", "log") == 2)
    // Reading a getter is no turn, and is in the middle of something all the same.
    #expect(try await host.host.store("busy").get("value") == 3)
    #expect(attempts.ends == [.busy, .busy])
    try await check(host)
  }

  @Test func `A task of Swift's that an action begins reloads when the turn is over`() async throws
  {
    let attempts = Attempts()
    let host = try await host(attempts)
    let reloading = Mutex<Task<ReloadReport, any Error>?>(nil)
    let inner = host.host
    try await host.host.answer("swift:reload") { _ in
      let task = Task { try await inner.reload("stores/busy.lua", to: 1) }
      reloading.withLock { $0 = task }
      return .null
    }
    _ = try await host.host.call("busy", "count")
    let report = try #require(try await reloading.withLock { $0 }?.value)
    #expect(!report.isRefused)
    // The action that began it had the code that it began with, to its end.
    #expect(try await host.host.store("busy").get("n") == 3)
    _ = try await host.host.call("busy", "count")
    #expect(try await host.host.store("busy").get("n") == 5)
  }

  @Test(arguments: [":reload stores/busy.lua --to 1", ":reload"])
  func `A session reloads while an action waits, which ends on the code that it began with`(
    command: String
  ) async throws {
    let attempts = Attempts()
    let host = try await host(attempts)
    let session = try await host.host.openSession()
    let rested = Task { try await host.host.call("busy", "rest") }
    let waiting = Task { try await host.host.call("busy", "wait") }
    // An entry runs between turns, and so after the calls have begun; they may wait for the host as well.
    try await eventually(
      "the call waits",
      { try await host.host.store("busy").get("n").integerValue ?? 0 >= 2 }
    )
    let result = await session.submit(command)
    #expect(result.status == .ok, "\(result.error?.message ?? "")")
    #expect(try await rested.value == 2)
    if command != ":reload" {
      #expect(try await host.host.cancelOutdatedWork() == 1)
      await #expect(throws: StoreError.self) { _ = try await waiting.value }
      #expect(try await host.host.call("busy", "rest") == 1)
    }
    await session.close()
    await host.host.close()
    _ = try? await waiting.value
  }

  @Test func `An entry that waits is no harm to a reload, nor the other way round`() async throws {
    let attempts = Attempts()
    let host = try await host(attempts)
    let session = try await host.host.openSession()
    async let entry = session.submit(
      "local busy = useStore('busy') busy:touch() sleep(0.05) return busy:rest()"
    )
    try await eventually("the call waits", { try await host.host.store("busy").get("n") != 0 })
    #expect(try await !host.host.reload("stores/busy.lua", to: 1).isRefused)
    let result = await entry
    #expect(result.status == .ok)
    #expect(result.text == "1")
    #expect(try await host.host.store("busy").get("n") == 12)
    await session.close()
  }
}
