import Foundation
import MoonstoreCore

/// Where a script is, and what errors call it.
struct ScriptLocation {
  let path: String
  /// Relative to the project where it lies in it, else as it was given.
  let name: String

  /// Finds a script that was named on the command line: from here, else from the project.
  init(named script: String, in project: String) throws(StoreError) {
    let inside = project + "/" + script
    guard let path = [script, inside].first(where: Self.isFile) else {
      let isFolder = [script, inside].contains { FileManager.default.fileExists(atPath: $0) }
      let places = script.hasPrefix("/") ? "" : ", neither here nor in \(project)"
      throw StoreError(
        .unreadable,
        isFolder
          ? "\(script): a script is a file; this is a folder"
          : "\(script): there is no such script\(places)"
      )
    }
    self.init(path: path, given: script, project: project)
  }

  /// Finds the script that the project's settings name.
  init(main script: String, of project: String) throws(StoreError) {
    let path = project + "/" + script
    guard Self.isFile(path) else {
      throw StoreError(
        .unreadable,
        "moonstore.lua names main = \"\(script)\", but the project has no such script",
        script: "moonstore.lua"
      )
    }
    self.init(path: path, given: script, project: project)
  }

  private init(path: String, given: String, project: String) {
    self.path = path
    let root = Self.real(project) + "/"
    let real = Self.real(path)
    name = real.hasPrefix(root) ? String(real.dropFirst(root.count)) : given
  }

  private static func real(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().path
  }

  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    // The flag is written during the call only.
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }
}
