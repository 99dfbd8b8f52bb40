import Foundation
import MoonDiagnostics
import MoonstoreCheck
import Testing

/// Where luacheck is installed, if it is.
private let luacheck = ["/usr/bin/luacheck", "/usr/local/bin/luacheck"].first {
  FileManager.default.isExecutableFile(atPath: $0)
}

/// Findings that luacheck has too are those that it has, over the Lua of Debian's packages.
///
/// Left out where luacheck is not installed (`apt install lua-check`). The differences are listed in `isDifferent`.
@Suite(.enabled(if: luacheck != nil, "luacheck is not installed"))
struct LuacheckAgreementTests {
  private struct Finding: Hashable, CustomStringConvertible {
    let file: String
    let line: Int
    let code: String

    var description: String { "\(file):\(line): \(code)" }
  }

  private func files() -> [Checker.Source] {
    var found: [Checker.Source] = []
    let folder = "/usr/share/lua"
    let names = FileManager.default.enumerator(atPath: folder)
    while let name = names?.nextObject() as? String {
      guard name.hasSuffix(".lua"),
        let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
        data.count < 40_000
      else { continue }
      found.append(Checker.Source(path: "f\(found.count).lua", bytes: [UInt8](data)))
    }
    // Enough for every kind of finding, and little enough for a build for debugging.
    return Array(found.prefix(150))
  }

  private func theirs(_ sources: [Checker.Source]) throws -> Set<Finding> {
    let folder = FileManager.default.temporaryDirectory.appending(path: "agreement-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for source in sources {
      try Data(source.bytes).write(to: folder.appending(path: source.path))
    }
    let process = Process()
    process.executableURL = URL(filePath: luacheck ?? "")
    process.currentDirectoryURL = folder
    process.arguments = [
      "--std", "lua54", "--codes", "--formatter", "plain", "--no-color", "--no-max-line-length",
      ".",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    var found: Set<Finding> = []
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 3)
      guard parts.count == 4, let number = Int(parts[1]), let open = parts[3].firstIndex(of: "("),
        let close = parts[3].firstIndex(of: ")")
      else { continue }
      let code = String(parts[3][open..<close].dropFirst())
      if isDifferent(code, String(parts[3])) { continue }
      let file = parts[0].hasPrefix("./") ? parts[0].dropFirst(2) : parts[0]
      found.insert(Finding(file: String(file), line: number, code: code))
    }
    return found
  }

  /// Differences that are meant.
  private func isDifferent(_ code: String, _ text: String) -> Bool {
    // What the host gives is other than what Lua gives; layout is none of ours.
    if code.hasPrefix("W1") || code.hasPrefix("W6") { return true }
    // Names that begin with a dash are not meant to be used; `self` has to be taken, and is the same in each function.
    if text.contains("'self'") || text.contains("'_") { return true }
    return false
  }

  @Test func `Unused, hidden and unreachable code is told as luacheck tells it`() throws {
    let sources = files()
    guard sources.count > 20 else { return }
    // Only what is whole in both: a file that one of them cannot read says nothing.
    let report = Checker().check(sources)
    let broken = Set(report.diagnostics.filter { $0.code == "E011" }.compactMap { $0.place?.file })
    let ours = Set(
      report.diagnostics.filter { $0.code.hasPrefix("W") && !$0.code.hasPrefix("W1") }.map {
        Finding(file: $0.place?.file ?? "", line: $0.place?.line ?? 0, code: $0.code)
      }
    )
    let theirs = try theirs(sources).filter { !broken.contains($0.file) && !$0.code.hasPrefix("E") }
    let tooMany = ours.subtracting(theirs).map(\.description).sorted()
    #expect(tooMany.isEmpty, "only ours: \(tooMany)")
    // Parameters of functions that are handed on are taken since a caller gives them, and what is written into an
    // unknown table reaches its other holders: these we do not tell.
    let missed = theirs.subtracting(ours).filter { !["W212", "W241"].contains($0.code) }
      .map(\.description).sorted()
    #expect(missed.isEmpty, "only luacheck's: \(missed)")
  }
}
