import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// What a project's `moonstore.lua` and a host's configuration may say, and what is refused at the start.
@Suite struct ProjectSettingsTests {
  private func error(
    _ files: [String: String],
    _ configure: (inout HostConfiguration) -> Void = { _ in }
  ) async -> StoreError? {
    do {
      _ = try await TestHost(files, configure: configure)
      return nil
    } catch {
      return error as? StoreError
    }
  }

  @Test(
    arguments: [
      ("mian = \"x.lua\"", "'mian' is no setting of a project; did you mean 'main'?"),
      ("main = 5", "'main' must be the name of a script"),
      ("settings = 5", "'settings' must be a table with names"),
      ("limits = 5", "'limits' must be a table with names"),
      ("limits = { turn = -1 }", "'turn' is -1; a limit is a number above 0"),
      ("limits = { getter = 0 }", "'getter' is 0; a limit is a number above 0"),
      ("limits = { loading = \"long\" }", "'loading' is \"long\"; a limit is a number above 0"),
      ("limits = { memory = 0 / 0 }", "'memory' is nan; a limit is a number above 0"),
      ("limits = { memory = 1e400 }", "'memory' is inf; a limit is a number above 0"),
      ("limits = { trun = 1 }", "'trun' is no limit; did you mean 'turn'?"),
      ("limits = { turn = 31 }", "'turn' is 31.0, and this host allows 30.0 at most"),
      ("capabilities = 5", "'capabilities' must be a list of names"),
      ("capabilities = { \"fiels\" }", "'fiels' is no capability; did you mean 'files'?"),
      ("capabilities = { \"shell\" }", "'shell' is no capability"),
      (
        "capabilities = { \"log\", \"http\" }",
        "'http' is a capability that this project needs, and the host does not grant"
      ),
    ]
  )
  func `What is unknown or cannot be is refused at the start with its line`(
    line: String,
    message: String
  ) async {
    let error = await error(["moonstore.lua": "return {\n\n  \(line),\n}"])
    #expect(error?.code == .invalidDefinition)
    #expect(error?.script == "moonstore.lua")
    #expect(error?.line == 3)
    #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "no error")")
  }

  @Test func `A limit that is too small for anything is refused`() async {
    let error = await error(["moonstore.lua": "return { limits = { memory = 1000 } }"])
    #expect(error?.script == "moonstore.lua")
    #expect(error?.message.contains("scriptLimits.memory is 1000 bytes") == true)
  }

  @Test func `A project sets limits of its own, and a reload changes them`() async throws {
    let loop = """
      return defineStore("loop", { actions = { go = function() while true do end end,
        fine = function() return 1 end } })
      """
    let host = try await TestHost([
      "moonstore.lua":
        "return { limits = { turn = 0.01, memory = 64 << 20 }, capabilities = { 'log' } }",
      "stores/loop.lua": loop,
    ])
    func message() async -> String? {
      do {
        try await host.host.call("loop", "go")
        return nil
      } catch { return error.message }
    }
    #expect(await message()?.contains("longer than 0.01 s") == true)
    #expect(
      try await !host.reload(["moonstore.lua": "return { limits = { turn = 0.02 } }"]).isRefused
    )
    #expect(await message()?.contains("longer than 0.02 s") == true)
    // What is refused changes nothing.
    let refused = try await host.reload([
      "moonstore.lua": "return { limits = { turn = 0.03 } }", "stores/loop.lua": "return 5",
    ])
    #expect(refused.isRefused)
    #expect(await message()?.contains("longer than 0.02 s") == true)
  }

  @Test func `A folder or a script that is a link to somewhere else is refused at the start`()
    async throws
  {
    let outside = try TestProject(["evil.lua": "return defineStore('evil', {})"])
    for (link, target) in [
      ("stores", outside.path), ("stores/evil.lua", outside.path + "/evil.lua"),
    ] {
      let project = try TestProject(["lib/x.lua": "return 1"])
      if link.contains("/") {
        try project.write("stores/good.lua", "return defineStore('good', {})")
      }
      try FileManager.default.createSymbolicLink(
        atPath: project.path + "/" + link,
        withDestinationPath: target
      )
      do {
        _ = try await StoreHost(scripts: project.path)
        Issue.record("\(link) was followed")
      } catch {
        #expect(error.code == .permissionDenied)
        #expect(error.message == "\(link): this link leads out of the project")
      }
    }
  }
}
