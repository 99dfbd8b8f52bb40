import Foundation
import MoonValue

/// The entries of a project's sessions on disk: one JSON string a line, for nobody else to read.
///
/// Several sessions append to one file. Entries that begin with a space are not kept.
struct EntryHistory {
  private let path: String

  private static let kept = 2_000
  private static let longest = 65_536

  /// The history of a project; nil where the surroundings want none: `MOONSTORE_HISTORY` names another file,
  /// or is empty.
  init?(ofProject project: String, environment: [String: String]) {
    if let own = environment["MOONSTORE_HISTORY"] {
      if own.isEmpty { return nil }
      path = own
      return
    }
    let state: String
    if let given = environment["XDG_STATE_HOME"], given.hasPrefix("/") {
      state = given
    } else if let home = environment["HOME"], !home.isEmpty {
      state = home + "/.local/state"
    } else {
      return nil
    }
    let root = URL(fileURLWithPath: project).resolvingSymlinksInPath()
    let name = root.lastPathComponent.filter { $0.isLetter || $0.isNumber || $0 == "-" }
    path = "\(state)/moonstore/history/\(name)-\(Self.fingerprint(root.path))"
  }

  /// FNV-1a: tells projects of one name apart, the same in each run.
  private static func fingerprint(_ text: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return String(hash, radix: 16)
  }

  /// The last entries, the oldest first; what cannot be read is left out.
  func entries() -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    let lines = data.split(separator: UInt8(ascii: "\n"))
    let entries = lines.suffix(Self.kept).compactMap { try? Value(json: $0).stringValue }
    if lines.count > Self.kept * 2 { rewrite(entries) }
    return entries
  }

  /// Adds an entry.
  func add(_ entry: String) {
    guard !entry.hasPrefix(" "), entry.utf8.count <= Self.longest,
      let line = try? Value.string(entry).jsonBytes()
    else { return }
    try? FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700]
    )
    // The path is read during the call only.
    let number = unsafe Foundation.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard number >= 0 else { return }
    fchmod(number, 0o600)
    let file = Descriptor(number: number)
    // In one piece, so that the lines of two sessions do not mix.
    try? file.write(line + [UInt8(ascii: "\n")])
    file.close()
  }

  private func rewrite(_ entries: [String]) {
    let lines = entries.compactMap { try? Value.string($0).jsonBytes() }
    let data = Data(lines.flatMap { $0 + [UInt8(ascii: "\n")] })
    let temporary = path + ".\(getpid())"
    guard
      FileManager.default.createFile(
        atPath: temporary,
        contents: data,
        attributes: [.posixPermissions: 0o600]
      )
    else { return }
    // The names are read during the call only.
    _ = unsafe rename(temporary, path)
  }
}
