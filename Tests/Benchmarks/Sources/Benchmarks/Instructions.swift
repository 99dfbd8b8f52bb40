import Foundation

/// Counts the instructions of the processor with valgrind's callgrind, which no other load disturbs.
struct InstructionCounter {
  struct Failure: Error, CustomStringConvertible { let description: String }

  private let folder: URL
  private let program: String
  private let valgrind: String

  /// How many operations a row is counted over; nil for rows that do no work in this process.
  ///
  /// Enough that what happens now and then, such as a collection, weighs what it weighs, and few enough for the
  /// time that valgrind takes.
  static func times(_ id: String) -> Int? {
    switch id {
    case "W8b", "Hb", "C", "R", "Rt", "D": nil
    case "W4r", "W6de", "W6br", "W7i", "W7m", "L4r", "H": 20
    case "Y1", "Y2": 2
    case "W3s", "P3", "P3x", "L3", "W8": 200
    case "W4", "W4l", "W7r", "W7w", "W7p": 20_000
    default: 2_000
    }
  }

  init() throws {
    guard let valgrind = InstructionCounter.find("valgrind"),
      let strip = InstructionCounter.find("strip")
    else { throw Failure(description: "--instructions needs valgrind and strip on the PATH") }
    self.valgrind = valgrind
    folder = FileManager.default.temporaryDirectory
      .appending(path: "benchmarks-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    program = folder.appending(path: "benchmarks").path
    // Valgrind 3.19 cannot read the debug information of Swift 6.
    let own = Bundle.main.executablePath ?? CommandLine.arguments[0]
    _ = try InstructionCounter.run(strip, ["--strip-debug", "-o", program, own])
  }

  func end() { try? FileManager.default.removeItem(at: folder) }

  /// The instructions of one operation: what twice as many cost more.
  func count(_ id: String, times: Int) throws -> Double {
    let once = try total(id, times)
    let twice = try total(id, 2 * times)
    return (twice - once) / Double(times)
  }

  private func total(_ id: String, _ times: Int) throws -> Double {
    let output = try InstructionCounter.run(
      valgrind,
      [
        "--tool=callgrind", "--callgrind-out-file=\(folder.path)/out", program, "--repeat", id,
        String(times),
      ]
    )
    for line in output.split(separator: "\n") where line.contains("Collected :") {
      if let last = line.split(separator: " ").last, let total = Double(last) { return total }
    }
    throw Failure(description: "callgrind did not say how many instructions \(id) took: \(output)")
  }

  static func find(_ name: String) -> String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// What a program writes to its standard error, where valgrind speaks.
  private static func run(_ path: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(path) ended with \(process.terminationStatus): \(output)")
    }
    return output
  }
}
