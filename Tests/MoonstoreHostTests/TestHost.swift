import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import TestSupport

/// Collects what a host reports and logs.
final class Record: Sendable {
  private let entries = Mutex<(reports: [StoreError], log: [String])>(([], []))

  var reports: [StoreError] { entries.withLock { $0.reports } }
  var log: [String] { entries.withLock { $0.log } }

  func report(_ error: StoreError) { entries.withLock { $0.reports.append(error) } }
  func log(_ text: String) { entries.withLock { $0.log.append(text) } }
}

/// A clock that stands still until a test moves it.
struct StillClock: HostClock {
  let now = 1_000.0
}

/// A host over scripts, whose waits end at once unless a test wants them real.
struct TestHost {
  enum Sleeping { case notAtAll, forReal }

  let host: StoreHost
  let record = Record()
  private let project: TestProject?

  init(
    _ files: [String: String],
    sleeping: Sleeping = .notAtAll,
    configure: (inout HostConfiguration) -> Void = { _ in }
  ) async throws {
    let project = try TestProject(files)
    self.project = project
    var configuration = TestHost.configuration(record)
    if sleeping == .forReal { configuration.sleep = HostConfiguration().sleep }
    configure(&configuration)
    host = try await StoreHost(scripts: project.path, configuration: configuration)
  }

  init(
    shop settings: [String: Value] = [:],
    _ configure: (inout HostConfiguration) -> Void = { _ in }
  ) async throws {
    project = nil
    var configuration = TestHost.configuration(record)
    configuration.settings = settings
    configure(&configuration)
    host = try await StoreHost(scripts: TestProject.shop, configuration: configuration)
  }

  private static func configuration(_ record: Record) -> HostConfiguration {
    var configuration = HostConfiguration()
    configuration.clock = StillClock()
    // Debug builds beside others are slow, and these tests are about something else.
    configuration.scriptLimits.turn = 30
    configuration.scriptLimits.getter = 30
    // Takes no time, but the longer of two sleeps ends later.
    configuration.sleep = { seconds in
      for _ in 0...Int(min(max(seconds, 0), 100) * 4) { await Task.yield() }
    }
    configuration.report = { record.report($0) }
    configuration.log = { record.log($0.text) }
    return configuration
  }

  /// Writes scripts into the project, and reloads what has changed.
  @discardableResult
  func reload(
    _ files: [String: String] = [:],
    _ options: ReloadOptions = ReloadOptions()
  ) async throws -> ReloadReport {
    for (path, text) in files { try project?.write(path, text) }
    return try await host.reload(nil, options)
  }

  /// Takes a script out of the project.
  func remove(_ path: String) throws {
    try FileManager.default.removeItem(atPath: folder + "/" + path)
  }

  /// The folder of the project.
  var folder: String { project?.path ?? TestProject.shop }

  /// Runs a driver, and gives back what it returned.
  @discardableResult
  func run(_ lua: String) async throws -> Value {
    try await host.evaluate(lua, name: "driver").value
  }
}

/// The code of the error in which something ends; nil when it ends well.
func code(_ body: () async throws -> Void) async -> StoreError.Code? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? StoreError)?.code
  }
}

extension StoreHost {
  /// What there is in the host, as the data that scripts and `inspect --json` get.
  func described() throws -> Value { try ValueEncoder().encode(try describe()) }
}
