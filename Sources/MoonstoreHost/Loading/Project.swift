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

  /// The folder, with links followed once, so that a link that is changed later takes no project away.
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
    self.root = ProjectWalk.real(root)
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
    guard FileManager.default.fileExists(atPath: root + "/" + folder) else { return [] }
    let walk = ProjectWalk(root, below: folder)
    if let error = walk.refused.first?.error { throw error }
    return walk.paths
  }

  /// All scripts of the project, and the links that are refused, except those of its tests and in hidden folders.
  func paths() throws(StoreError) -> ProjectWalk {
    // A folder that is away, such as one that is being replaced or mounted, is no project without scripts.
    guard FileManager.default.isReadableFile(atPath: root),
      let names = try? FileManager.default.contentsOfDirectory(atPath: root)
    else {
      throw StoreError(
        .unreadable,
        "\(root): the project's folder is away; its scripts go on as they were"
      )
    }
    guard !names.isEmpty else {
      throw StoreError(
        .unreadable,
        "\(root): the project's folder is empty, as where a drive is not mounted; its scripts go on as they were"
      )
    }
    return ProjectWalk(root)
  }

  /// The text of a script below the project.
  func text(of path: String) throws(StoreError) -> String {
    try Project.read(root + "/" + path, as: path)
  }

  /// What tells the folder from another one at the same place; nil while there is none.
  var identity: [UInt64]? {
    guard let facts = try? FileManager.default.attributesOfItem(atPath: root) else { return nil }
    return [FileAttributeKey.systemNumber, .systemFileNumber].map {
      (facts[$0] as? NSNumber)?.uint64Value ?? 0
    }
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
    guard let text = String(validating: data, as: UTF8.self) else {
      throw StoreError(.unreadable, "\(name): the script is not UTF-8 text", script: name)
    }
    return text.asLua
  }
}

extension Project {
  /// Refuses a path that leads out of the project, by its names or by a link.
  func checkInside(_ path: String) throws(StoreError) {
    guard ProjectWalk.isInside(path, of: root) else {
      throw StoreError(
        .permissionDenied,
        "\(path): this link leads out of the project",
        script: path
      )
    }
  }
}

extension String {
  /// What Lua's own loader takes of a file's text: not a byte order mark, which some editors write, and not a first
  /// line for the shell, whose line break stays.
  package var asLua: String {
    var text = self
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    return text.hasPrefix("#") ? String(text.drop { $0 != "\n" }) : text
  }
}
