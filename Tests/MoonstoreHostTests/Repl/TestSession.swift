import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// A session over test scripts, and what it has told.
struct TestSession {
  final class Told: Sendable {
    private let all = Mutex<[ReplEvent]>([])
    private let records = Mutex<[ReplRecord]>([])

    func hear(_ event: ReplEvent) { all.withLock { $0.append(event) } }
    func hear(_ record: ReplRecord) { records.withLock { $0.append(record) } }

    var entries: [ReplRecord] { records.withLock { $0 } }
    var events: [ReplEvent] { all.withLock { $0 } }
    var printed: [String] {
      events.compactMap { if case .printed(let text) = $0 { text } else { nil } }
    }
    var watched: [String] {
      events.compactMap { if case .watched(let text) = $0 { text } else { nil } }
    }
    var traced: [String] {
      events.compactMap { if case .traced(let text) = $0 { text } else { nil } }
    }
    var ended: [String] {
      events.compactMap { if case .ended(let text) = $0 { text } else { nil } }
    }
    var waiting: [String] {
      events.compactMap { if case .waiting(let text) = $0 { text } else { nil } }
    }
  }

  static let counter = """
    --- Counts.
    return defineStore("counter", {
      permissions = { "read", "call" },
      state = function() return { n = 0, log = array(), deep = { a = { b = { c = { d = 1 } } } } } end,
      getters = {
        --- Twice as much.
        double = function(self) return self.n * 2 end,
      },
      actions = {
        --- Adds to it.
        -- Any number will do.
        add = function(self, by)
          self.n = self.n + by
          table.insert(self.log, by)
          bus.send("counter:added", { by = by })
          return self.n
        end,
        fail = function(self) self.n = 99 error("no") end,
        wait = function(self) self.n = self.n + 1 sleep(0.01) self.n = self.n + 1 return "waited" end,
        long = function(self) sleep(3600) end,
        each = function(self, fn) return fn(self.n) end,
      },
    })
    """
  static let follower = """
    return defineStore("follower", {
      dependencies = { "counter" },
      state = { seen = 0 },
      on = { ["counter:added"] = function(self, message) self.seen = self.seen + message.payload.by end },
    })
    """

  let test: TestHost
  let session: ReplSession
  let told = Told()
  var host: StoreHost { test.host }

  init(
    _ files: [String: String] = [
      "stores/counter.lua": TestSession.counter, "stores/follower.lua": TestSession.follower,
    ],
    sleeping: TestHost.Sleeping = .forReal,
    rights: [Permission] = ["*"],
    configure: (inout HostConfiguration) -> Void = { _ in }
  ) async throws {
    test = try await TestHost(files, sleeping: sleeping, configure: configure)
    session = try await TestSession.open(test.host, told, rights)
  }

  private static func open(
    _ host: StoreHost,
    _ told: Told,
    _ rights: [Permission]
  ) async throws -> ReplSession {
    var options = ReplOptions()
    options.rights = rights
    options.onEvent = { told.hear($0) }
    options.onEntry = { told.hear($0) }
    return try await host.openSession(options)
  }

  func another(rights: [Permission] = ["*"]) async throws -> ReplSession {
    try await TestSession.open(host, told, rights)
  }

  /// What people see of an entry: its text, or its error.
  func callAsFunction(_ text: String, width: Int = 80) async -> String {
    var view = ReplView()
    view.width = width
    let result = await session.submit(text, view)
    switch result.status {
    case .ok: return result.text
    case .failed: return "error: " + (result.error?.message ?? "")
    default: return result.status.rawValue
    }
  }

  func write(_ path: String, _ text: String) throws {
    try text.write(toFile: test.folder + "/" + path, atomically: true, encoding: .utf8)
  }

  func get(_ store: String, _ field: String) async throws -> Value {
    try await host.store(store).get(field)
  }
}

/// Waits until something holds, for at most a few seconds.
func eventually(_ holds: () async throws -> Bool) async throws -> Bool {
  for _ in 0..<500 {
    if try await holds() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}
