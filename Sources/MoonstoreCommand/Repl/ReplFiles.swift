import Foundation
import MoonstoreCore
import MoonstoreHost

/// `:load` and `:save`: files of the user who types, wherever the session is.
struct ReplFiles {
  private let entries: [String]

  init(_ entries: [String]) { self.entries = entries }

  /// What follows a command; nil for everything else.
  func path(of command: String, in text: String) -> String? {
    let line = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard line == command || line.hasPrefix(command + " ") else { return nil }
    return String(line.dropFirst(command.count)).trimmingCharacters(in: .whitespaces)
  }

  /// The text of a file.
  func load(_ path: String) throws(StoreError) -> String {
    guard !path.isEmpty else { throw StoreError(.invalidArgument, ":load: which file?") }
    do {
      let descriptor = try Descriptor.open(path)
      defer { descriptor.close() }
      var bytes: [UInt8] = []
      while let more = try descriptor.read(upTo: 65_536, unless: nil), !more.isEmpty {
        bytes += more
      }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw StoreError(.unreadable, "\(path): the file is not UTF-8 text")
      }
      return text.asLua
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(.unreadable, "\(path): \(error)")
    }
  }

  /// Writes the entries, and says so; a file that is there is not replaced.
  func save(to path: String) throws(StoreError) -> String {
    guard !path.isEmpty else { throw StoreError(.invalidArgument, ":save: into which file?") }
    guard !FileManager.default.fileExists(atPath: path) else {
      throw StoreError(.invalidArgument, ":save: \(path) is there already")
    }
    let code = entries.filter { !$0.hasPrefix(":") }
    let text = code.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }.joined()
    do {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw StoreError(.unreadable, ":save: \(path) cannot be written")
    }
    return "\(code.count) \(code.count == 1 ? "entry" : "entries") written to \(path)"
  }
}
