import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHTTP
import MoonstoreHost
import Synchronization
import TestSupport

/// A host whose scripts may reach a server on loopback.
struct HTTPHost {
  let host: StoreHost
  let reports = Reports()
  private let project: TestProject

  /// One transport for all tests, as a program would have it.
  static let transport = HTTPClientTransport(connectTimeout: 5)

  init(
    _ files: [String: String] = [:],
    reaching hosts: [String] = ["127.0.0.1"],
    transport: any HTTPTransport = HTTPHost.transport,
    _ limit: (inout HTTPGrant) -> Void = { _ in }
  ) async throws {
    project = try TestProject(files)
    var configuration = HostConfiguration()
    let reports = reports
    configuration.report = { reports.add($0) }
    var grant = try HTTPGrant(transport, hosts: hosts)
    // The tests of other suites may keep the machine busy for long.
    grant.timeout = 120
    limit(&grant)
    configuration.http = grant
    host = try await StoreHost(scripts: project.path, configuration: configuration)
  }

  /// Runs a driver, in which `url` is the address of a server.
  @discardableResult
  func run(_ lua: String, _ server: LoopbackServer) async throws -> Value {
    try await run(lua, server.url)
  }

  @discardableResult
  func run(_ lua: String, _ url: String = "") async throws -> Value {
    try await host.evaluate("local url = ...  \(lua)", name: "driver", arguments: [.string(url)])
      .value
  }

  /// The error in which a driver ends.
  func error(_ lua: String, _ server: LoopbackServer) async -> StoreError? {
    await error(lua, server.url)
  }

  func error(_ lua: String, _ url: String = "") async -> StoreError? {
    do {
      _ = try await run(lua, url)
      return nil
    } catch {
      return error as? StoreError
    }
  }
}

/// Errors that no caller got.
final class Reports: Sendable {
  private let errors = Mutex<[StoreError]>([])
  var all: [StoreError] { errors.withLock { $0 } }
  func add(_ error: StoreError) { errors.withLock { $0.append(error) } }
}
