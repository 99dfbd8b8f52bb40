import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote
import Synchronization
import TestSupport

/// A host that lets sessions in, in this process; the sessions come through its socket all the same.
final class AttachedHost: Sendable {
  final class Told: Sendable {
    private let all = Mutex<[ReplEvent]>([])
    let isOver = Atomic(false)

    func hear(_ event: ReplEvent) { all.withLock { $0.append(event) } }

    var events: [ReplEvent] { all.withLock { $0 } }
    var printed: [String] {
      events.compactMap { if case .printed(let text) = $0 { text } else { nil } }
    }
    var traced: [String] {
      events.compactMap { if case .traced(let text) = $0 { text } else { nil } }
    }
    var waiting: [String] {
      events.compactMap { if case .waiting(let text) = $0 { text } else { nil } }
    }
    var warnings: [String] {
      events.compactMap { if case .logged("warning", let text) = $0 { text } else { nil } }
    }
  }

  static let counter = """
    return defineStore("counter", {
      state = { n = 0 },
      actions = {
        add = function(self, by) self.n = self.n + by bus.send("counter:added", { by = by }) return self.n end,
        long = function(self) sleep(3600) end,
      },
    })
    """

  let host: StoreHost
  let server: SessionServer
  let told = Told()
  private let project: TestProject

  init(
    _ files: [String: String] = ["stores/counter.lua": AttachedHost.counter],
    _ options: SessionServer.Options = SessionServer.Options(),
    configure: (inout HostConfiguration) -> Void = { _ in }
  ) async throws {
    project = try TestProject(files)
    var configuration = HostConfiguration()
    configuration.scriptLimits.turn = 60
    configure(&configuration)
    host = try await StoreHost(scripts: project.path, configuration: configuration)
    server = try SessionServer(host, at: Self.path(), options)
  }

  deinit { server.stop() }

  /// A path that is short enough for a socket.
  static func path() -> String { "/tmp/moonstore-\(UUID().uuidString.prefix(8)).sock" }

  func attach(_ rights: ReplRights = .all, name: String = "ada") async throws -> RemoteSession {
    let told = told
    return try await RemoteSession(
      server.path,
      name: name,
      rights: rights,
      onEvent: { told.hear($0) },
      onEnd: { told.isOver.store(true, ordering: .releasing) }
    )
  }

  func get(_ field: String) async throws -> Value { try await host.store("counter").get(field) }
}

extension RemoteSession {
  func callAsFunction(_ text: String) async -> String {
    let result = await submit(text, ReplView())
    return result.status == .ok
      ? result.text : "\(result.status.rawValue): \(result.error?.message ?? "")"
  }
}
