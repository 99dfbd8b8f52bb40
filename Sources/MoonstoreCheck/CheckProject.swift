import Foundation

/// The scripts of a project folder, as the checker reads them.
public struct CheckProject: Sendable {
  /// A folder or file that cannot be read.
  public struct Failure: Error, CustomStringConvertible {
    /// What is wrong, with its path.
    public let description: String

    /// Makes a failure.
    public init(_ description: String) { self.description = description }
  }

  /// The folder.
  public let root: String
  /// Its scripts, in order of their paths.
  public var sources: [Checker.Source] = []
  /// What `moonstore.lua` says to the checker.
  public let settings: CheckSettings

  /// Folders that hold no scripts of the project.
  private static let passedOver: Set<String> = ["node_modules", "lua_modules"]

  /// Reads a project.
  ///
  /// - Throws: `Failure`, where there is no such folder or a script cannot be read.
  public init(root: String) throws(Failure) {
    self.root = root
    var isFolder: ObjCBool = false
    // The flag is written during the call only.
    let exists = unsafe FileManager.default.fileExists(atPath: root, isDirectory: &isFolder)
    guard exists else { throw Failure("\(root): there is no such project folder") }
    guard isFolder.boolValue else {
      throw Failure("\(root): a project is a folder; this is a file")
    }
    guard let names = FileManager.default.enumerator(atPath: root) else {
      throw Failure("\(root): no permission to read this folder")
    }
    var paths: [String] = []
    while let path = names.nextObject() as? String {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      if name.hasPrefix(".") || Self.passedOver.contains(name) {
        names.skipDescendants()
      } else if name.hasSuffix(".lua") {
        paths.append(path)
      }
    }
    for path in paths.sorted() {
      sources.append(Checker.Source(path: path, bytes: try Self.read(root + "/" + path, path)))
    }
    let text = sources.first { $0.path == "moonstore.lua" }
    settings =
      text.map { CheckSettings(text: String(decoding: $0.bytes, as: UTF8.self)) } ?? CheckSettings()
  }

  /// The folder of the project that a script belongs to: the nearest around it with a `moonstore.lua` or `stores`.
  public static func root(around path: String) -> String? {
    var folder = URL(filePath: path).standardizedFileURL.deletingLastPathComponent()
    for _ in 0..<100 {
      for name in ["moonstore.lua", "stores"]
      where FileManager.default.fileExists(atPath: folder.appending(path: name).path) {
        return folder.path
      }
      let outer = folder.deletingLastPathComponent()
      if outer.path == folder.path { return nil }
      folder = outer
    }
    return nil
  }

  /// The path of a file in the project; nil for one that lies outside.
  public func path(of file: String) -> String? {
    let root = URL(filePath: root).resolvingSymlinksInPath().standardizedFileURL.path + "/"
    let path = URL(filePath: file).resolvingSymlinksInPath().standardizedFileURL.path
    return path.hasPrefix(root) ? String(path.dropFirst(root.count)) : nil
  }

  /// Adds a script, or puts a text in the place of the one that is there.
  public mutating func put(_ source: Checker.Source) {
    if let index = sources.firstIndex(where: { $0.path == source.path }) {
      sources[index] = source
    } else {
      sources.append(source)
    }
  }

  /// Reads a file.
  public static func read(_ file: String, _ name: String) throws(Failure) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: file) else {
      let exists = FileManager.default.fileExists(atPath: file)
      throw Failure("\(name): \(exists ? "it cannot be read" : "there is no such file")")
    }
    return [UInt8](data)
  }
}
