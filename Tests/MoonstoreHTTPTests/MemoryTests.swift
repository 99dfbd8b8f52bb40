import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// Each in a process of its own, so that what other tests hold does not count.
@Suite struct MemoryTests {
  /// Bytes of memory that this process holds; nil where nobody tells.
  static func residentBytes() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return nil
    }
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4_096 }
  }

  @Test func `A body without end is read up to the limit, and no more of it is held`() async {
    await #expect(processExitsWith: .success) {
      let server = try LoopbackServer(connections: { connection in
        _ = connection.read()
        connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        let chunk =
          Array("10000\r\n".utf8) + [UInt8](repeating: 0x78, count: 0x10000) + [0x0D, 0x0A]
        var sent = 0
        while sent < 1 << 30, connection.write(chunk) { sent += chunk.count }
      })
      let host = try await HTTPHost { $0.maximumResponseBytes = 1 << 20 }
      let before = MemoryTests.residentBytes()
      let error = await host.error("http.get(url)", server)
      #expect(error?.code == .tooLarge)
      // What was sent besides lies in the buffers of the two sockets.
      #expect(server.bytesTaken < 32 << 20)
      if let before, let after = MemoryTests.residentBytes() {
        #expect(after - before < 48 << 20, "\((after - before) >> 10) KB more")
      }
    }
  }

  @Test func `A thousand requests in a row leave nothing behind`() async {
    await #expect(processExitsWith: .success) {
      let server = try LoopbackServer { _, connection in
        connection.answer(200, String(repeating: "x", count: 100_000))
      }
      let host = try await HTTPHost()
      let lua = "local n = 0 for _ = 1, 200 do n = n + #http.get(url).body end return n"
      #expect(try await host.run(lua, server) == 20_000_000)
      let before = MemoryTests.residentBytes()
      let luaBefore = await host.host.luaMemory
      for _ in 0..<4 { try await host.run(lua, server) }
      #expect(await host.host.luaMemory < luaBefore + (8 << 20))
      #expect(server.requests.count == 1_000)
      #expect(server.connectionCount == 1)
      if let before, let after = MemoryTests.residentBytes() {
        // 800 bodies that stayed would hold 80 MB.
        #expect(after - before < 24 << 20, "\((after - before) >> 10) KB more")
      }
    }
  }
}
