import Foundation

/// What stands at a path, links followed.
enum FileKind {
  case file, folder

  /// Nil when nothing is there.
  init?(at path: String) {
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: real) else {
      return nil
    }
    let type = attributes[.type] as? FileAttributeType
    self = type == .typeDirectory ? .folder : .file
  }
}
