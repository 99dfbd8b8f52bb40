import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Alone, so that what other tests hold does not count.
@Suite(.serialized) struct LifetimeTests {
  /// Bytes of memory that the process holds.
  private static func residentBytes() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return nil
    }
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4_096 }
  }

  @Test func `Ten thousand hosts come and go without growth of memory`() async throws {
    let project = try TestProject(["stores/counter.lua": counterScript])
    func live(_ count: Int) async throws {
      for number in 0..<count {
        let host = try await StoreHost(scripts: project.path)
        let counter = try await host.store("counter")
        try await counter.call("add", 1)
        _ = try await counter.get("quad")
        _ = try await host.evaluate(
          #"local c = useStore("counter") store.subscribe(c, print) bus.send("ping", { n = 1 }) return c.list"#
        )
        // Half of them are closed, the others just let go of.
        if number % 2 == 0 { await host.close() }
      }
    }
    try await live(500)
    guard let before = LifetimeTests.residentBytes() else { return }
    try await live(9_500)
    let after = LifetimeTests.residentBytes() ?? before
    // 9,500 hosts that stayed would hold some 900 MB.
    #expect(after - before < 24 << 20, "\((after - before) >> 10) KB more")
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
