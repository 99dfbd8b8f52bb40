import Foundation
import MoonLua
import MoonValue
import MoonstoreCore

/// A folder of scripts on disk: which files there are, and in which order their kinds are loaded.
///
/// Gives script sources to the loader.
struct Project {
  /// One Lua file.
  struct Source {
    /// Relative to the project, such as `stores/cart.lua`; what errors and logs call it.
    let path: String
    let text: String
    let kind: Kind
  }

  /// What a script is for, by its folder.
  enum Kind: String, CaseIterable {
    case plugin = "plugins"
    case middleware
    case factory = "factories"
    case store = "stores"

    /// What a script is for; nil for one that is loaded only when it is required or named.
    init?(path: String) {
      guard let folder = path.split(separator: "/", maxSplits: 1).first, path.contains("/") else {
        return nil
      }
      self.init(rawValue: String(folder))
    }
  }

  /// The folder, as it was given.
  let root: String

  init(root: String) throws(StoreError) {
    guard let kind = FileKind(at: root) else {
      throw StoreError(.unreadable, "\(root): there is no such project folder")
    }
    guard kind == .folder else {
      throw StoreError(.unreadable, "\(root): a project is a folder; this is a file")
    }
    guard FileManager.default.isReadableFile(atPath: root) else {
      throw StoreError(.unreadable, "\(root): no permission to read this folder")
    }
    self.root = root
  }

  /// The scripts that are loaded with the project, in order.
  func sources() throws(StoreError) -> [Source] {
    var sources: [Source] = []
    for kind in Kind.allCases {
      for path in try scripts(in: kind.rawValue) {
        sources.append(Source(path: path, text: try text(of: path), kind: kind))
      }
    }
    return sources
  }

  private func scripts(in folder: String) throws(StoreError) -> [String] {
    let base = root + "/" + folder
    guard FileManager.default.fileExists(atPath: base) else { return [] }
    try checkInside(folder)
    guard let walker = FileManager.default.enumerator(atPath: base) else {
      throw StoreError(.unreadable, "\(base): no permission to read this folder")
    }
    var paths: [String] = []
    for case let path as String in walker where path.hasSuffix(".lua") {
      // Hidden files are other programs': locks and copies of editors.
      let isHidden = path.split(separator: "/").contains { $0.hasPrefix(".") }
      if isHidden { continue }
      try checkInside(folder + "/" + path)
      paths.append(folder + "/" + path)
    }
    return paths.sorted()
  }

  /// All scripts of the project, by their paths, except those of its tests and in hidden folders.
  func paths() throws(StoreError) -> [String] {
    guard let walker = FileManager.default.enumerator(atPath: root) else {
      throw StoreError(.unreadable, "\(root): no permission to read this folder")
    }
    var paths: [String] = []
    for case let path as String in walker where path.hasSuffix(".lua") {
      let folders = path.split(separator: "/")
      if folders.first == "tests" || folders.contains(where: { $0.hasPrefix(".") }) { continue }
      if FileKind(at: root + "/" + path) == .file { paths.append(path) }
    }
    return paths.sorted()
  }

  /// The text of a script below the project.
  func text(of path: String) throws(StoreError) -> String {
    try Project.read(root + "/" + path, as: path)
  }

  func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

  /// Reads a script; `name` is what errors call it.
  static func read(_ file: String, as name: String) throws(StoreError) -> String {
    guard FileManager.default.fileExists(atPath: file) else {
      throw StoreError(.unreadable, "\(name): there is no such script", script: name)
    }
    guard let data = FileManager.default.contents(atPath: file) else {
      throw StoreError(.unreadable, "\(name): no permission to read it", script: name)
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw StoreError(.unreadable, "\(name): the script is not UTF-8 text", script: name)
    }
    // As Lua's own loader has it: a first line for the shell is none of Lua's. The line stays counted.
    guard text.hasPrefix("#") else { return text }
    return String(text.drop { $0 != "\n" })
  }
}

extension Project {
  /// Refuses a file that a link leads out of the project.
  func checkInside(_ path: String) throws(StoreError) {
    let folder = URL(fileURLWithPath: root).resolvingSymlinksInPath().path
    let real = URL(fileURLWithPath: root + "/" + path).resolvingSymlinksInPath().path
    guard real.hasPrefix(folder + "/") else {
      throw StoreError(
        .permissionDenied,
        "\(path): this link leads out of the project",
        script: path
      )
    }
  }
}
