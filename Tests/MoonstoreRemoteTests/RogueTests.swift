import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote
import Synchronization
import Testing
import TestSupport

/// The other end of a socket does what it should not: neither a host nor a client ends or waits because of it.
@Suite struct RogueTests {
  /// A host of a kind: it answers each line that comes with the next of its lines.
  private final class RogueHost: Sendable {
    let path = AttachedHost.path()
    private let socket: UnixSocket

    init(_ answers: [String]) throws {
      let socket = try UnixSocket.listen(at: path)
      self.socket = socket
      Thread.detachNewThread {
        guard let client = socket.accept() else { return }
        for answer in answers {
          guard !client.read(upTo: 65_536).isEmpty else { break }
          guard client.write(Array((answer + "\n").utf8)) else { break }
        }
        client.shutdown()
      }
    }

    deinit {
      socket.shutdown()
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  private static let hello =
    #"{"moonstore":1,"session":"x","rights":"all","stores":9223372036854775807}"#

  @Test(arguments: [
    #"{"id":1,"result":{"status":"ok","text":"\u001b]0;x\u0007\u009b2J","entry":9223372036854775807,"changes":-9223372036854775808,"seconds":1e308,"notes":["\u001b[2J"]}}"#,
    #"{"id":1,"result":{"status":"ok","entry":-1,"seconds":-1}}"#,
    #"{"id":1,"result":[]}"#, #"{"id":1,"error":5}"#, #"{"id":1}"#,
    "[1,2", "null", "5", "{}", "\u{0}",
  ])
  func `What a host answers never ends its client`(answer: String) async throws {
    let rogue = try RogueHost([Self.hello, answer])
    let session = try await RemoteSession(
      rogue.path,
      name: "x",
      onEvent: { _ in },
      onEnd: {}
    )
    #expect(session.storeCount >= 0)
    let result = await session.submit("1", ReplView())
    #expect(result.entry >= 0 && result.entry < 1 << 50)
    #expect(result.changes >= 0)
    #expect(result.seconds >= 0 && result.seconds < 1e9)
    for text in [result.text] + result.notes {
      #expect(!text.unicodeScalars.contains(where: TerminalText.isHarmful))
    }
    await session.close()
  }

  @Test func `Connections that say nothing keep no other client out`() async throws {
    var options = SessionServer.Options()
    options.maximumSessions = 4
    // No time passes: they are silent, and not too late.
    options.sleep = { _ in try await Task.sleep(for: .seconds(3_600)) }
    let attached = try await AttachedHost(["stores/counter.lua": AttachedHost.counter], options)
    let silent = try (0..<20).map { _ in try UnixSocket.connect(to: attached.server.path) }
    let session = try await attached.attach()
    #expect(await session("1 + 1") == "2")
    #expect(attached.server.sessionCount == 1)
    // Those that have said who they are stay.
    let more = try (0..<20).map { _ in try UnixSocket.connect(to: attached.server.path) }
    let second = try await attached.attach()
    #expect(await session("1 + 2") == "3")
    #expect(await second("1 + 3") == "4")
    await session.close()
    await second.close()
    for socket in silent + more { socket.close() }
  }

  @Test func `One that says nothing is let go when its time is over`() async throws {
    let waits = Mutex<[CheckedContinuation<Void, Never>]>([])
    var options = SessionServer.Options()
    options.sleep = { seconds in
      #expect(seconds == 10)
      await withCheckedContinuation { continuation in waits.withLock { $0.append(continuation) } }
    }
    let attached = try await AttachedHost(["stores/counter.lua": AttachedHost.counter], options)
    let socket = try UnixSocket.connect(to: attached.server.path)
    #expect(socket.write(Array(#"{"moonstore""#.utf8)))
    let session = try await attached.attach()
    #expect(await eventually { waits.withLock { $0.count } == 2 })
    for wait in waits.withLock({ $0 }) { wait.resume() }
    // The end of the stream, on a thread that may wait for it.
    let rest = await withCheckedContinuation { continuation in
      DispatchQueue(label: "rogue").async { continuation.resume(returning: socket.read(upTo: 10)) }
    }
    #expect(rest.isEmpty)
    #expect(await session("1 + 1") == "2")
    socket.close()
    await session.close()
  }

  @Test func `A session is let in for its own user only`() {
    #expect(SessionServer.isTrusted(geteuid()))
    #expect(SessionServer.isTrusted(0))
    #expect(!SessionServer.isTrusted(geteuid() &+ 12_345))
  }
}
