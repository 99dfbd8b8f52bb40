import Foundation
import MoonValue

/// One run of the built command, as a person or a program would start it.
struct CommandRun {
  let output: String
  let errors: String
  let code: Int32

  /// The checkout that this test belongs to.
  static let checkout = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static let shop = checkout.appending(path: "Scripts/shop").path

  /// The command stands beside the bundle of its tests.
  private static var executable: URL {
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

  /// Starts the command and waits for its end.
  ///
  /// - Parameters:
  ///   - arguments: Its arguments.
  ///   - input: What it reads from stdin, which is closed then.
  ///   - signal: A signal that it gets after a while.
  /// - Throws: When it cannot be started.
  init(_ arguments: [String], input: String = "", signal: Int32? = nil) async throws {
    let process = Process()
    process.executableURL = try CommandRun.executable
    process.arguments = arguments
    let folder = FileManager.default.temporaryDirectory.appending(path: "moonstore-run-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func file(_ name: String, _ text: String = "") throws -> FileHandle {
      let path = folder.appending(path: name)
      try Data(text.utf8).write(to: path)
      return name == "in"
        ? try FileHandle(forReadingFrom: path) : try FileHandle(forWritingTo: path)
    }
    process.standardInput = try file("in", input)
    process.standardOutput = try file("out")
    process.standardError = try file("err")
    try process.run()
    if let signal {
      try await Task.sleep(for: .milliseconds(700))
      kill(process.processIdentifier, signal)
    }
    while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    code = process.terminationStatus
    output = try String(contentsOf: folder.appending(path: "out"), encoding: .utf8)
    errors = try String(contentsOf: folder.appending(path: "err"), encoding: .utf8)
  }

  /// The answers of a stream of calls.
  var answers: [Value] {
    get throws { try output.split(separator: "\n").map { try Value(json: String($0)) } }
  }
}

/// Files in a folder of their own, gone with the value.
final class Files {
  let path: String

  init(_ files: [String: String]) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "moonstore-\(UUID())")
    path = folder.path
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in files {
      let file = folder.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      try Data(text.utf8).write(to: file)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
