import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import TestSupport
import Testing

/// A request has a deadline, on the time of its host.
@Suite struct RequestDeadlineTests {
  /// Time that passes when a test says so: whoever sleeps wakes when his time has come.
  private final class Time: Sendable {
    private struct Sleeper {
      let until: Double
      let wake: CheckedContinuation<Void, Never>
    }
    private let state = Mutex<(now: Double, sleepers: [Sleeper])>((0, []))

    var sleepers: Int { state.withLock { $0.sleepers.count } }

    func sleep(_ seconds: Double) async {
      await withCheckedContinuation { wake in
        state.withLock { $0.sleepers.append(Sleeper(until: $0.now + seconds, wake: wake)) }
      }
    }

    func pass(_ seconds: Double) {
      let due = state.withLock { state -> [Sleeper] in
        state.now += seconds
        let due = state.sleepers.filter { $0.until <= state.now }
        state.sleepers.removeAll { $0.until <= state.now }
        return due
      }
      for sleeper in due.sorted(by: { $0.until < $1.until }) { sleeper.wake.resume() }
    }

    /// Waits until so many sleep.
    func settle(_ count: Int) async throws {
      for _ in 0..<400 where sleepers < count { try await Task.sleep(for: .milliseconds(5)) }
      #expect(sleepers == count)
    }
  }

  private func host(_ time: Time) async throws -> StoreHost {
    let project = try TestProject([
      "stores/s.lua": #"""
      return defineStore("s", {
        state = { started = 0, answered = 0, got = null },
        actions = {
          ask = function(self, timeout)
            local ok, result = pcall(bus.request, "slow", nil, { timeout = timeout })
            self.got = ok and result or result.code
            return self.got
          end,
        },
        answers = {
          slow = function(self)
            self.started = self.started + 1
            sleep(10)
            self.answered = self.answered + 1
            return "answer"
          end,
        },
      })
      """#
    ])
    var configuration = HostConfiguration()
    configuration.sleep = { await time.sleep($0) }
    return try await StoreHost(scripts: project.path, configuration: configuration)
  }

  @Test
  func
    `A responder that waits too long is a timeout for the asker, once the host's time has passed`()
    async throws
  {
    let time = Time()
    let host = try await host(time)
    let store = try await host.store("s")
    let call = Task { try await store.call("ask", 2) }
    try await time.settle(2)
    time.pass(1.9)
    try await Task.sleep(for: .milliseconds(20))
    #expect(try await store.get("got") == .null)
    time.pass(0.1)
    #expect(try await call.value == "timeout")
    // The responder is not stopped; its answer has nobody to go to.
    time.pass(8)
    for _ in 0..<400 where try await store.get("answered") == 0 {
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(try await store.get("answered") == 1)
    #expect(try await store.get("got") == "timeout")
    await host.close()
  }

  @Test func `An answer in time is the answer, and the deadline that passes later concerns nobody`()
    async throws
  {
    let time = Time()
    let host = try await host(time)
    let store = try await host.store("s")
    let call = Task { try await store.call("ask", 60) }
    try await time.settle(2)
    time.pass(10)
    #expect(try await call.value == "answer")
    time.pass(60)
    try await Task.sleep(for: .milliseconds(20))
    #expect(try await store.get("got") == "answer")
    await host.close()
  }

  @Test func `Five seconds are the deadline when none is named`() async throws {
    let time = Time()
    let host = try await host(time)
    let store = try await host.store("s")
    let call = Task { try await store.call("ask") }
    try await time.settle(2)
    time.pass(5)
    #expect(try await call.value == "timeout")
    time.pass(10)
    await host.close()
  }
}
