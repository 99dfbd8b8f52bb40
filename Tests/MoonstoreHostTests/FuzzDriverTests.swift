import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing
import TestSupport

/// A driver does at random whatever ends parts, stores and versions, and looks at all that it has kept.
///
/// What it holds outlives the turns that gave it: the end of a call commits what it did before its result is in Lua.
@Suite struct FuzzDriverTests {
  @Test func `What a driver got stays what it was, whatever ends in between`() async throws {
    let project = try TestProject(["stores/rows.lua": DriverProgram.rows(version: 0)])
    let reloader = Reloader(project)
    var configuration = HostConfiguration()
    configuration.scriptLimits.driver = 600
    configuration.sleep = { try await reloader.sleep($0) }
    var generator = SeededGenerator(seed: Fuzzing.seed)
    var fuzzing = Fuzzing("driver", rounds: 2)
    var steps = 0
    while fuzzing.next() {
      let host = try await StoreHost(scripts: project.path, configuration: configuration)
      reloader.host = host
      for _ in 0..<3 {
        let seed = Int64(bitPattern: generator.next())
        fuzzing.leave(Array("\(seed)".utf8))
        let done = try await host.evaluate(
          DriverProgram.text,
          name: "driver",
          arguments: [.integer(seed), 180]
        )
        steps += Int(done.value.integerValue ?? 0)
        try await host.withStores { try $0.store("own").dispose() }
      }
      reloader.host = nil
    }
    #expect(steps == fuzzing.round * 540)
    fuzzing.tell(steps, "steps")
  }
}

/// Reloads a host while its driver sleeps for 7.5 seconds.
private final class Reloader: Sendable {
  private let project: TestProject
  private let state = Mutex<(host: StoreHost?, version: Int)>((nil, 0))

  init(_ project: TestProject) { self.project = project }

  var host: StoreHost? {
    get { state.withLock { $0.host } }
    set { state.withLock { $0.host = newValue } }
  }

  func sleep(_ seconds: Double) async throws {
    guard seconds == 7.5, let host else { return }
    let version = state.withLock { state in
      state.version += 1
      return state.version
    }
    try project.write("stores/rows.lua", DriverProgram.rows(version: version))
    _ = try await host.reload()
  }
}
