import Foundation
import MoonstoreCore

/// The scripts below a folder: links are followed as long as they stay in the project, and others are named.
struct ProjectWalk {
  /// The scripts, relative to the root and in order.
  private(set) var paths: [String] = []
  /// Links of folders whose scripts are loaded that lead out of the project, in a circle or nowhere.
  private(set) var refused: [(path: String, error: StoreError)] = []

  private let root: String

  /// Walks the whole project, without its tests, or one folder of it.
  init(_ root: String, below folder: String? = nil) {
    self.root = root
    let real = Self.real(root)
    if let folder {
      visit(folder, above: [real])
    } else {
      walk("", above: [real])
    }
    paths.sort()
  }

  /// Whether a path leads to something in the folder, links followed.
  static func isInside(_ path: String, of root: String) -> Bool {
    real(path.hasPrefix("/") ? path : root + "/" + path).hasPrefix(real(root) + "/")
  }

  /// A path without links, where something is.
  static func real(_ path: String) -> String {
    // The system's own way from link to link; what is not there has none.
    guard let real = unsafe realpath(path, nil) else {
      return URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  private mutating func walk(_ folder: String, above: [String]) {
    let full = folder.isEmpty ? root : root + "/" + folder
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: full) else { return }
    for name in names {
      // Hidden files are other programs': locks and copies of editors.
      if name.hasPrefix(".") || folder.isEmpty && name == "tests" { continue }
      visit(folder.isEmpty ? name : folder + "/" + name, above: above)
    }
  }

  private mutating func visit(_ path: String, above: [String]) {
    let full = root + "/" + path
    let facts = try? FileManager.default.attributesOfItem(atPath: full)
    switch facts?[.type] as? FileAttributeType {
    case FileAttributeType.typeDirectory?: walk(path, above: above + [Self.real(full)])
    case FileAttributeType.typeRegular?: if path.hasSuffix(".lua") { paths.append(path) }
    case FileAttributeType.typeSymbolicLink?: follow(path, above: above)
    default: return
    }
  }

  private mutating func follow(_ path: String, above: [String]) {
    let real = Self.real(root + "/" + path)
    guard let kind = FileKind(at: real) else {
      if path.hasSuffix(".lua") { refuse(path, "this link leads nowhere") }
      return
    }
    guard kind == .folder || path.hasSuffix(".lua") else { return }
    guard Self.isInside(path, of: root) || real == Self.real(root) else {
      return refuse(path, "this link leads out of the project")
    }
    guard kind == .folder else { return paths.append(path) }
    guard !above.contains(real) else { return refuse(path, "this link leads in a circle") }
    walk(path, above: above + [real])
  }

  private mutating func refuse(_ path: String, _ reason: String) {
    // Elsewhere a link is no script's, and nothing is loaded from it.
    guard
      Project.Kind(path: path) != nil || Project.Kind(rawValue: path) != nil
        || path == ProjectSettings.file
    else { return }
    refused.append((path, StoreError(.permissionDenied, "\(path): \(reason)", script: path)))
  }
}
