import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote
import Synchronization
import Testing
import TestSupport

@Suite struct SessionServerTests {
  @Test func `Only the owner can connect`() async throws {
    let attached = try await AttachedHost()
    let attributes = try FileManager.default.attributesOfItem(atPath: attached.server.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test func `A socket that is left over is replaced, and one in use is not`() async throws {
    let attached = try await AttachedHost()
    let error = #expect(throws: StoreError.self) {
      _ = try SessionServer(attached.host, at: attached.server.path)
    }
    #expect(error?.message == "\(attached.server.path): another host listens there already")
    // What a host leaves that was killed: a socket at which nobody listens.
    let path = AttachedHost.path()
    try Self.leaveOver(path)
    #expect(FileManager.default.fileExists(atPath: path))
    await #expect(throws: StoreError.self) {
      _ = try await RemoteSession(path, name: "x", onEvent: { _ in }, onEnd: {})
    }
    let server = try SessionServer(attached.host, at: path)
    let session = try await RemoteSession(path, name: "x", onEvent: { _ in }, onEnd: {})
    #expect(await session("1 + 1") == "2")
    await session.close()
    server.stop()
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  /// Binds a socket and closes it, as a process does that is killed.
  private static func leaveOver(_ path: String) throws {
    try UnixSocket.listen(at: path).close()
  }

  @Test func `What is no socket stays, and what is no path is refused`() async throws {
    let attached = try await AttachedHost()
    let project = try TestProject(["file": "keep"])
    let error = #expect(throws: StoreError.self) {
      _ = try SessionServer(attached.host, at: project.path + "/file")
    }
    #expect(error?.message.hasSuffix("there is something there that is no socket") == true)
    #expect(try String(contentsOfFile: project.path + "/file", encoding: .utf8) == "keep")
    for path in ["", "/tmp/" + String(repeating: "x", count: 200), "/no/such/folder/socket"] {
      #expect(throws: StoreError.self) { _ = try SessionServer(attached.host, at: path) }
    }
  }

  @Test func `Where nobody listens, whoever attaches is told so`() async throws {
    let error = await #expect(throws: StoreError.self) {
      _ = try await RemoteSession("/tmp/no-such.sock", name: "x", onEvent: { _ in }, onEnd: {})
    }
    #expect(error?.code == .disconnected)
    #expect(error?.message.contains("nobody listens there") == true)
  }

  @Test func `There are no more sessions than the host wants`() async throws {
    var options = SessionServer.Options()
    options.maximumSessions = 2
    let attached = try await AttachedHost(["stores/counter.lua": AttachedHost.counter], options)
    let first = try await attached.attach()
    let second = try await attached.attach()
    let error = await #expect(throws: StoreError.self) { _ = try await attached.attach() }
    #expect(error?.message == "this host has as many sessions as it may have")
    await first.close()
    #expect(await eventually { attached.server.sessionCount == 1 })
    let third = try await attached.attach()
    #expect(await third("1") == "1")
    await second.close()
    await third.close()
  }

  @Test(
    arguments: [
      "not json\n", "{}\n", "{\"do\":\"submit\",\"id\":1,\"text\":\"1\"}\n", "{\"moonstore\":99}\n",
      "[1,2]\n",
      "{\"moonstore\":1,\"name\":\"x\"}\n{\"do\":\"nothing\",\"id\":7}\n", "\u{0}\n", "no line",
    ]
  )
  func `Nonsense ends its session, and the host goes on`(text: String) async throws {
    let attached = try await AttachedHost()
    let answers = try await Self.talk(text, to: attached.server.path)
    let last = answers.split(separator: "\n").last.map { try? Value(json: String($0)) }
    if text.hasSuffix("\n") {
      #expect(last??["error"]?["message"]?.stringValue != nil, "\(answers)")
    }
    #expect(await eventually { attached.server.sessionCount == 0 })
    let session = try await attached.attach()
    #expect(await session("1 + 1") == "2")
  }

  @Test func `A hundred requests at once are answered in order, and more end the session`()
    async throws
  {
    let attached = try await AttachedHost()
    var text = "{\"moonstore\":1,\"name\":\"x\",\"rights\":\"all\"}\n"
    for id in 1...50 { text += "{\"id\":\(id),\"do\":\"submit\",\"text\":\"counter:add(1)\"}\n" }
    let answers = try await Self.talk(text + "{\"do\":\"close\"}\n", to: attached.server.path)
      .split(separator: "\n").map { try Value(json: String($0)) }
    #expect(answers.dropFirst().map { $0["id"]?.integerValue } == (1...50).map { Int64($0) })
    #expect(try await attached.get("n") == 50)
    var flood =
      "{\"moonstore\":1,\"name\":\"x\",\"rights\":\"all\"}\n{\"id\":0,\"do\":\"submit\",\"text\":\"sleep(60)\"}\n"
    for id in 1...500 { flood += "{\"id\":\(id),\"do\":\"submit\",\"text\":\"counter:add(1)\"}\n" }
    _ = try await Self.talk(flood, to: attached.server.path)
    #expect(await eventually { attached.server.sessionCount == 0 })
    let session = try await attached.attach()
    #expect(await session("1 + 1") == "2")
  }

  @Test func `Whoever sends and never reads is not answered for ever`() async throws {
    let done = Atomic(0)
    var options = SessionServer.Options()
    options.onEntry = { _ in done.add(1, ordering: .relaxed) }
    let attached = try await AttachedHost(["stores/counter.lua": AttachedHost.counter], options)
    let socket = try UnixSocket.connect(to: attached.server.path)
    _ = socket.write(Array("{\"moonstore\":1,\"name\":\"x\",\"rights\":\"all\"}\n".utf8))
    // Each answer has a megabyte, and none is read.
    let entry = #"{"id":1,"do":"submit","text":"('x'):rep(1 << 20)","view":{"data":true}}"# + "\n"
    var answered = 0
    for sent in 1...100 {
      guard socket.write(Array(entry.utf8)) else { break }
      for _ in 0..<100 where done.load(ordering: .relaxed) < sent {
        try await Task.sleep(for: .milliseconds(10))
      }
      answered = done.load(ordering: .relaxed)
      if answered < sent { break }
    }
    #expect(answered < 100)
    let session = try await attached.attach()
    #expect(await session("1 + 1") == "2")
    socket.close()
    #expect(await eventually { attached.server.sessionCount == 1 })
  }

  @Test func `Requests that wait are bounded in bytes as well`() async throws {
    let attached = try await AttachedHost()
    var text = "{\"moonstore\":1,\"name\":\"x\",\"rights\":\"all\"}\n"
    text += "{\"id\":0,\"do\":\"submit\",\"text\":\"sleep(3600)\"}\n"
    let long = String(repeating: " ", count: 12 << 20)
    for id in 1...4 { text += "{\"id\":\(id),\"do\":\"submit\",\"text\":\"1\(long)\"}\n" }
    text += "{\"do\":\"cancel\"}\n"
    let answers = try await Self.talk(text, to: attached.server.path)
    #expect(answers.contains("too much at once"))
    #expect(await eventually { attached.server.sessionCount == 0 })
  }

  /// Sends a text through the socket, and gives what comes back until the other end closes.
  private static func talk(_ text: String, to path: String) async throws -> String {
    let socket = try UnixSocket.connect(to: path)
    defer { socket.close() }
    guard text.hasSuffix("\n") else {
      _ = socket.write(Array(text.utf8))
      return ""
    }
    // Not on a thread of tasks, of which there are few.
    return await withCheckedContinuation { continuation in
      DispatchQueue(label: "talk").async {
        _ = socket.write(Array(text.utf8))
        var bytes: [UInt8] = []
        while case let more = socket.read(upTo: 65_536), !more.isEmpty { bytes += more }
        continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
      }
    }
  }
}
