import Foundation
import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The library `files`, which scripts get only where the host grants it.
  func addFileFunctions(_ natives: Natives) throws {
    try natives.add("readFile", as: "files.read") { [unowned self] arguments in
      arguments.skip()
      let path = try readablePath(try arguments.string("the path"), "files.read")
      let reader = try LineReader(path: path)
      return arguments.answer(.string(try reader.readAll()))
    }
    try natives.add("openFile", as: "files.lines") { [unowned self] arguments in
      arguments.skip()
      let path = try readablePath(try arguments.string("the path"), "files.lines")
      fileCount += 1
      files[fileCount] = try LineReader(path: path)
      return arguments.answer(.integer(Int64(fileCount)))
    }
    try natives.add("nextLine", as: "files.lines") { [unowned self] arguments in
      let number = try arguments.integer("the file")
      guard let line = try files[number]?.next() else {
        files[number] = nil
        return arguments.answer(slot: .empty)
      }
      return arguments.answer(slot: line)
    }
  }

  /// The real path of a file that scripts may read: one that the host has named, or one below the project.
  private func readablePath(_ path: String, _ function: String) throws -> String {
    guard configuration.grantsFiles else {
      throw StoreError(.permissionDenied, "\(function): this host grants no files")
    }
    let named = configuration.readableFiles.contains(path)
    let root = projectRoot.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
    var candidates = [path]
    if !path.hasPrefix("/"), let root, !named { candidates.append(root + "/" + path) }
    let found = candidates.first { FileManager.default.fileExists(atPath: $0) } ?? path
    // Links are followed before the check, so that none leads out.
    let real = URL(fileURLWithPath: found).resolvingSymlinksInPath().path
    let isBelow = root.map { real == $0 || real.hasPrefix($0 + "/") } ?? false
    guard named || isBelow else {
      throw StoreError(
        .permissionDenied,
        "\(function): '\(path)' is neither in the project nor a file that the host was given"
      )
    }
    return found
  }
}

/// Reads a file line by line, with a buffer of its own.
final class LineReader {
  private let handle: FileHandle
  private let path: String
  private var buffer: [UInt8] = []
  private var position = 0
  private var isAtEnd = false

  init(path: String) throws(StoreError) {
    self.path = path
    guard let kind = FileKind(at: path) else {
      throw StoreError(.unreadable, "\(path): there is no such file")
    }
    guard kind == .file else { throw StoreError(.unreadable, "\(path): this is a folder") }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw StoreError(.unreadable, "\(path): no permission to read it")
    }
    self.handle = handle
  }

  deinit { try? handle.close() }

  /// The next line without its newline; nil at the end.
  func next() throws(StoreError) -> StateSlot? {
    var searched = position
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { position = end + 1 }
        return slot(buffer[position..<end])
      }
      searched = buffer.count
      guard !isAtEnd else {
        guard position < buffer.count else { return nil }
        defer { position = buffer.count }
        return slot(buffer[position...])
      }
      searched -= position
      try fill()
      try checkSize()
    }
  }

  func readAll() throws(StoreError) -> String {
    while !isAtEnd {
      try fill()
      try checkSize()
    }
    return String(decoding: buffer, as: UTF8.self)
  }

  // What it holds is no memory of Lua's, and counts for no quota.
  private func checkSize() throws(StoreError) {
    guard buffer.count - position > LineReader.mostBytes else { return }
    throw StoreError(
      .unreadable,
      "\(path): more than \(LineReader.mostBytes) bytes cannot be read at once"
    )
  }

  private static let mostBytes = 1 << 28

  private func fill() throws(StoreError) {
    buffer.removeFirst(position)
    position = 0
    do {
      let chunk = try handle.read(upToCount: 65_536) ?? Data()
      if chunk.isEmpty { isAtEnd = true }
      buffer.append(contentsOf: chunk)
    } catch {
      throw StoreError(.unreadable, "\(path): \(error.localizedDescription)", underlying: error)
    }
  }

  private func slot(_ bytes: ArraySlice<UInt8>) -> StateSlot {
    String(validating: bytes, as: UTF8.self).map(StateSlot.string) ?? .bytes(Array(bytes))
  }
}
