import Foundation
import StandardLua

/// What the system's own Lua says of a text.
enum StandardCompiler {
  /// Its message; nil where it compiles the text.
  static func refusal(of bytes: [UInt8]) -> String? {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1_024) { message in
      guard let start = message.baseAddress else { return "no memory" }
      // Both texts are used during the call only.
      let compiles = unsafe bytes.withUnsafeBufferPointer { source in
        unsafe source.withMemoryRebound(to: CChar.self) { source in
          unsafe standard_lua_compiles(
            source.baseAddress ?? UnsafePointer(start),
            source.count,
            start,
            message.count
          )
        }
      }
      return compiles ? nil : unsafe String(cString: start)
    }
  }
}

/// Lua that lies on this machine: what ships with the project, and what Debian's packages have installed.
enum LuaFiles {
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func all() -> [(path: String, bytes: [UInt8])] {
    let folders =
      ["Scripts", "Sources", "Tests"].map { repository.appending(path: $0) }
      + ["/usr/share/lua", "/usr/share/lua5.4"].map { URL(filePath: $0) }
    var found: [(path: String, bytes: [UInt8])] = []
    for folder in folders {
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
      while let file = files?.nextObject() as? URL {
        guard file.pathExtension == "lua", let data = try? Data(contentsOf: file) else { continue }
        found.append((file.path, [UInt8](data)))
      }
    }
    return found.sorted { $0.path < $1.path }
  }
}
