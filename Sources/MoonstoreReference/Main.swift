import Foundation
import MoonstoreInterface

/// Writes what comes from the description of the script interface, or says what is not as it would be written.
@main
enum Main {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let isCheck = arguments.contains("--check")
    guard let root = arguments.first(where: { !$0.hasPrefix("--") }) else {
      throw Failure("usage: MoonstoreReference ROOT [--check]")
    }
    let interface = ScriptInterface.current
    if !interface.problems.isEmpty { throw Failure(interface.problems.joined(separator: "\n")) }
    let stale = try GeneratedFile.all(of: interface).filter { file in
      let path = root + "/" + file.path
      let known = try? String(contentsOfFile: path, encoding: .utf8)
      if known == file.text { return false }
      if !isCheck { try file.text.write(toFile: path, atomically: true, encoding: .utf8) }
      return true
    }
    if isCheck, !stale.isEmpty {
      throw Failure(
        "not as they are written from the interface: \(stale.map { $0.path }.joined(separator: ", "))"
      )
    }
    print(isCheck ? "all is as it is written" : "written: \(stale.count) files")
  }

  private struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
