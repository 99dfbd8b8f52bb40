import Foundation

/// Files in a folder of their own, gone with the value.
package final class TestProject: Sendable {
  package let path: String

  /// Writes the files: path in the folder to text.
  package init(_ files: [String: String]) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "moonstore-\(UUID())")
    path = folder.path
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in files { try write(name, text) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package func write(_ name: String, _ text: String) throws {
    let file = URL(fileURLWithPath: path).appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(),
      withIntermediateDirectories: true
    )
    try Data(text.utf8).write(to: file)
  }

  /// The checkout that the tests belong to.
  package static let checkout = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  package static let shop = checkout + "/Scripts/shop"
}
