import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct LifetimeTests {
  /// Bytes of memory that this process holds.
  static func residentBytes() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return nil
    }
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4_096 }
  }

  /// Makes hosts, uses them, and lets them go; closes half of them before.
  static func comeAndGo(_ count: Int, _ project: TestProject) async throws {
    for number in 0..<count {
      let host = try await StoreHost(scripts: project.path)
      let counter = try await host.store("counter")
      try await counter.call("add", 1)
      _ = try await counter.get("quad")
      _ = try await host.evaluate(
        #"""
        local c = useStore("counter")
        store.subscribe(c, print)
        bus.send("ping", { n = 1 })
        return c.list
        """#
      )
      if number % 2 == 0 { await host.close() }
    }
  }

  @Test func `Ten thousand hosts come and go without growth of memory`() async {
    // A process of its own, so that what other tests hold does not count.
    await #expect(processExitsWith: .success) {
      let project = try TestProject(["stores/counter.lua": counterScript])
      try await LifetimeTests.comeAndGo(500, project)
      guard let before = LifetimeTests.residentBytes() else { return }
      try await LifetimeTests.comeAndGo(9_500, project)
      let after = LifetimeTests.residentBytes() ?? before
      // 9,500 hosts that stayed would hold some 900 MB.
      #expect(after - before < 24 << 20, "\((after - before) >> 10) KB more")
    }
  }

  @Test func `A host that nobody holds goes`() async throws {
    let project = try TestProject(["stores/counter.lua": counterScript])
    weak var gone: StoreHost?
    do {
      let host = try await StoreHost(scripts: project.path)
      gone = host
      try await host.withStores { _ = try $0.send("none") }
    }
    for _ in 0..<200 where gone != nil { try await Task.sleep(for: .milliseconds(5)) }
    #expect(gone == nil)
  }
}
