import Foundation
import MoonValue
import TestSupport

/// One run of the built command, as a person or a program would start it.
struct CommandRun {
  let output: String
  let errors: String
  let code: Int32

  /// The command stands beside the bundle of its tests.
  static var executable: URL {
    get throws {
      for argument in [CommandLine.arguments[0]] + Bundle.allBundles.map(\.bundlePath) {
        var folder = URL(fileURLWithPath: argument)
        for _ in 0..<4 {
          folder.deleteLastPathComponent()
          let candidate = folder.appending(path: "moonstore")
          if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
        }
      }
      throw CocoaError(.fileNoSuchFile)
    }
  }

  /// A signal that a run gets once it has written a text to stdout or stderr.
  struct Interrupt {
    let signal: Int32
    let marker: String
    var times = 1
  }

  /// Starts the command and waits for its end.
  ///
  /// - Parameters:
  ///   - arguments: Its arguments.
  ///   - input: What it reads from stdin, which is closed then.
  ///   - environment: Variables that it gets besides those of the tests.
  ///   - terminal: Whether its stderr is a terminal.
  ///   - interrupt: A signal that it gets on the way; its stdin stays open until then.
  /// - Throws: When it cannot be started.
  init(
    _ arguments: [String],
    input: String = "",
    environment: [String: String] = [:],
    terminal: Bool = false,
    interrupt: Interrupt? = nil
  ) async throws {
    let process = Process()
    process.executableURL = try CommandRun.executable
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment
      .merging(["TERM": "xterm"]) { $1 }.merging(environment) { $1 }
    let folder = try TestProject(["out": "", "err": ""])
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }
    func file(_ name: String) throws -> FileHandle {
      try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/" + name))
    }
    let pseudo = terminal ? try PseudoTerminal() : nil
    let stdin = Pipe()
    process.standardInput = stdin
    process.standardOutput = try file("out")
    process.standardError = try pseudo?.slave ?? file("err")
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    if let interrupt {
      while process.isRunning, !(try text("out") + text("err")).contains(interrupt.marker) {
        try await Task.sleep(for: .milliseconds(5))
      }
      for _ in 0..<interrupt.times {
        kill(process.processIdentifier, interrupt.signal)
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    try? stdin.fileHandleForWriting.close()
    while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    code = process.terminationStatus
    output = try text("out")
    errors = try pseudo?.text() ?? text("err")
  }

  /// Runs a line of shell in which `$moonstore` is the command, for what only a shell can do.
  static func shell(_ line: String, in folder: TestProject) throws -> CommandRun {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", line]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.environment = ["moonstore": try executable.path, "PATH": "/usr/bin:/bin"]
    let output = Pipe()
    let errors = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let written = try output.fileHandleForReading.readToEnd() ?? Data()
    let complaints = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return CommandRun(
      output: String(decoding: written, as: UTF8.self),
      errors: String(decoding: complaints, as: UTF8.self),
      code: process.terminationStatus
    )
  }

  private init(output: String, errors: String, code: Int32) {
    self.output = output
    self.errors = errors
    self.code = code
  }

  /// The answers of a stream of calls.
  var answers: [Value] {
    get throws { try output.split(separator: "\n").map { try Value(json: String($0)) } }
  }
}
