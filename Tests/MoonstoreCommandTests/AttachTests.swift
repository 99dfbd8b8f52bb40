import Foundation
import MoonValue
import MoonstoreRemote
import Testing
import TestSupport

@Suite(.serialized) struct AttachTests {
  /// A host that runs and listens, as `moonstore run --listen` starts it.
  private final class Host {
    let process = Process()
    let path = "/tmp/moonstore-\(UUID().uuidString.prefix(8)).sock"
    private let folder: TestProject

    /// A host that may have so many files open as the number says; nil for as many as the test may.
    init(
      _ arguments: [String],
      files: [String: String] = [:],
      openFiles: Int? = nil
    ) async throws {
      folder = try TestProject(files.merging(["out": "", "err": ""]) { $1 })
      let executable = try CommandRun.executable
      let all =
        ["run"] + (files.isEmpty ? [] : [folder.path]) + arguments + ["--listen", "unix:\(path)"]
      process.executableURL = executable
      process.arguments = all
      if let openFiles {
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments =
          ["-c", "ulimit -n \(openFiles); exec \"$0\" \"$@\"", executable.path] + all
      }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try file("out")
      process.standardError = try file("err")
      try process.run()
      for _ in 0..<1_000 where !FileManager.default.fileExists(atPath: path) {
        try await Task.sleep(for: .milliseconds(10))
      }
    }

    deinit {
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
      try? FileManager.default.removeItem(atPath: path)
    }

    private func file(_ name: String) throws -> FileHandle {
      try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/" + name))
    }

    var output: String {
      get throws { try String(contentsOfFile: folder.path + "/out", encoding: .utf8) }
    }
    var errors: String {
      get throws { try String(contentsOfFile: folder.path + "/err", encoding: .utf8) }
    }

    func end(_ signal: Int32 = SIGTERM) async throws -> Int32 {
      kill(process.processIdentifier, signal)
      while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
      return process.terminationReason == .uncaughtSignal
        ? 128 + process.terminationStatus : process.terminationStatus
    }

    func eval(_ arguments: String...) async throws -> CommandRun {
      try await CommandRun(["eval", "--attach", "unix:\(path)"] + arguments)
    }
  }

  private static let files = [
    "stores/counter.lua": """
    return defineStore("counter", {
      state = { n = 0 },
      actions = {
        add = function(self, by) self.n = self.n + by return self.n end,
        wait = function(self) sleep(3600) end,
      },
    })
    """
  ]

  @Test func `A host that listens goes on until a signal, and takes its socket away`() async throws
  {
    let host = try await Host([], files: Self.files)
    let first = try await host.eval("-e", "counter:add(2)")
    #expect(first.output == "2\n")
    #expect(first.code == 0)
    let second = try await host.eval("--json", "-e", "counter", "-e", ":stores")
    #expect(second.output.hasPrefix("{\"n\":2}\n[{"))
    #expect(try await host.end() == 143)
    #expect(!FileManager.default.fileExists(atPath: host.path))
    #expect(try host.output == "1 store loaded: counter\n")
    #expect(try host.errors == "sessions can attach at unix:\(host.path)\n")
    let gone = try await host.eval("-e", "1")
    #expect(gone.code == 69)
    #expect(gone.errors.contains("nobody listens there"))
  }

  @Test func `A host without a descriptor to spare goes on listening`() async throws {
    let host = try await Host([], files: Self.files, openFiles: 24)
    // More connections than it has descriptors for, and none says anything.
    let silent = try (0..<15).map { _ in try UnixSocket.connect(to: host.path) }
    try await Task.sleep(for: .milliseconds(100))
    for socket in silent { socket.close() }
    let run = try await host.eval("-e", "counter:add(2)", "--timeout", "60")
    #expect(run.output == "2\n", "\(run.errors)")
    #expect(try await host.end() == 143)
  }

  @Test func `Exit codes are those of eval here`() async throws {
    let host = try await Host(["--listen-rights", "call", "--log-sessions"], files: Self.files)
    for (arguments, code) in [
      (["-e", "error('x')"], 1), (["-e", "x ="], 2), (["-e", "counter.n = 1"], 77),
      (["-e", "counter:wait()", "--timeout", "0.2"], 124),
      (["-e", "while true do end", "--timeout", "0.2"], 124),
      (["-e", "counter:add(1)", "--rights", "read"], 77),
    ] as [([String], Int32)] {
      let run = try await CommandRun(["eval", "--attach", "unix:\(host.path)"] + arguments)
      #expect(run.code == code, "\(arguments): \(run.errors)")
      #expect(run.output == "")
    }
    #expect(try await CommandRun(["eval", "--attach", "tcp:1", "-e", "1"]).code == 64)
    #expect(try await CommandRun(["attach", "nonsense"]).code == 64)
    #expect(try await host.eval("-e", "counter.n").output == "0\n")
    let log = try host.errors
    #expect(log.contains("\"counter.n = 1\" failed: permission denied: the session '"))
    let piped = try await CommandRun(
      ["attach", "unix:\(host.path)"],
      input: "counter:add(4)\n:stores\n"
    )
    #expect(piped.output.hasPrefix("4\ncounter  "))
  }

  @Test func `The prompt is the same as here, and leaving changes nothing for the host`()
    async throws
  {
    let host = try await Host([], files: Self.files)
    let run = try TerminalRun(["attach", "unix:\(host.path)"])
    try await run.wait(for: "@host[1]> ")
    #expect(run.shown.contains("attached to \(host.path): 1 store; :help lists the commands"))
    try run.send("coun\t:ad\t")
    try await run.wait(for: "add(by)")
    try run.enter("(3)")
    try await run.wait(for: "3\n")
    try await run.wait(for: "[2]> ")
    try run.enter("print('here') counter:wait()")
    try await run.wait(for: "here\n")
    try await run.wait(for: "waiting for counter:wait; Ctrl-C cancels")
    try run.send("\u{03}")
    try await run.wait(for: "cancelled")
    try await run.wait(for: "> ")
    try run.enter(":watch counter.n")
    try await run.wait(for: "any key ends it")
    _ = try await host.eval("-e", "counter:add(4)")
    try await run.wait(for: "7\n")
    try run.send("x")
    try await run.wait(for: "ended: stopped")
    try await run.wait(for: "> ")
    try run.send("\u{04}")
    #expect(try await run.end() == 0)
    #expect(run.isNormal)
    #expect(try await host.eval("-e", "counter.n").output == "7\n")
  }

  @Test func `A host that is killed is noticed at the prompt and in an entry`() async throws {
    let host = try await Host([], files: Self.files)
    let typing = try TerminalRun(["attach", "unix:\(host.path)"])
    try await typing.wait(for: "@host[1]> ")
    try typing.send("counter.")
    let waiting = try TerminalRun(["attach", "unix:\(host.path)"])
    try await waiting.wait(for: "@host[1]> ")
    try waiting.enter("counter:wait()")
    try await waiting.wait(for: "waiting for counter:wait")
    #expect(try await host.end(SIGKILL) == 128 + SIGKILL)
    #expect(try await typing.end() == 69)
    #expect(typing.shown.contains("the host has gone"))
    #expect(typing.isNormal)
    #expect(try await waiting.end() == 69)
    #expect(waiting.shown.contains("the host has gone"))
    // It has left its socket behind, which the next one replaces.
    #expect(FileManager.default.fileExists(atPath: host.path))
    let refused = try await host.eval("-e", "1")
    #expect(refused.code == 69)
    #expect(refused.errors.contains("the host that listened there has gone"))
    let project = try TestProject(Self.files)
    let next = Process()
    next.executableURL = try CommandRun.executable
    next.arguments = ["run", project.path, "--listen", "unix:\(host.path)", "--quiet"]
    next.standardOutput = FileHandle.nullDevice
    try next.run()
    var answer = ""
    for _ in 0..<200 where answer.isEmpty {
      answer = try await host.eval("-e", "counter.n").output
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(answer == "0\n")
    next.terminate()
    while next.isRunning { try await Task.sleep(for: .milliseconds(10)) }
    #expect(next.terminationStatus == 143)
  }

  @Test func `A script that never waits lets sessions in between its calls`() async throws {
    var files = Self.files
    files["main.lua"] = """
      local counter = useStore("counter")
      counter.stop = false
      for i = 1, 1e9 do
        counter:add(1)
        if counter.stop then return "stopped" end
      end
      """
    files["stores/counter.lua"] = Self.files["stores/counter.lua"]?
      .replacing(
        "state = { n = 0 },",
        with: "state = { n = 0, stop = false }, permissions = { \"*\" },"
      )
    files["moonstore.lua"] = "return { main = 'main.lua' }"
    let host = try await Host([], files: files)
    #expect(
      try await host.eval("-e", ":dry counter:add(1000000)").output.contains("it would change")
    )
    // Only a session that gets in can end the script.
    #expect(
      try await host.eval("-e", "counter.stop = true return counter.n > 0").output == "true\n"
    )
    while try host.output.isEmpty { try await Task.sleep(for: .milliseconds(20)) }
    #expect(try host.output == "stopped\n")
  }

  @Test func `A day that is traded comes to the same with sessions attached`() async throws {
    let alone = try await CommandRun(["run", TestProject.shop, "--json"])
    let host = try await Host([TestProject.shop, "--json", "--quiet"])
    let idle = try TerminalRun(["attach", "unix:\(host.path)"])
    let run = try TerminalRun(["attach", "unix:\(host.path)", "--rights", "read"])
    try await run.wait(for: "[1]> ")
    try await idle.wait(for: "[1]> ")
    try run.enter(":watch products.stockUnits")
    try await run.wait(for: "any key ends it")
    _ = try await host.eval("-e", ":dry products:restock('nothing', 1)")
    _ = try await host.eval("-e", ":trace * --limit 50 --for 5")
    while try host.output.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
    #expect(try host.output == alone.output)
    #expect(try await host.end() == 143)
  }
}
