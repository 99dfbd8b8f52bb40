import MoonstoreCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A regular file that is open for reading: what was opened is what is read, whatever stands at its path meanwhile.
final class ReadableFile {
  /// What errors call it.
  let path: String
  private let descriptor: Int32

  private init(_ descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// Opens a file that the host has named; links are followed.
  static func open(named path: String) throws(StoreError) -> ReadableFile {
    let descriptor = unsafe openat(AT_FDCWD, path, OpenFlags.reading)
    guard descriptor >= 0 else { throw failure(path, errno) }
    return try make(descriptor, path)
  }

  /// Opens a file of a folder, by a path that leads to it from there.
  ///
  /// The way is gone folder by folder, each opened from the one before and none by its path, and links are followed
  /// here, so that no change of the folders and no link leads out of the folder.
  static func open(_ path: String, in root: String) throws(StoreError) -> ReadableFile {
    let descriptor = unsafe openat(AT_FDCWD, root, OpenFlags.reading | O_DIRECTORY)
    guard descriptor >= 0 else { throw failure(root, errno) }
    var way = FolderWay(descriptor)
    defer { way.end() }
    var rest = steps(of: path)
    var links = 0
    while let name = rest.popLast() {
      if name == ".." {
        guard way.leave() else { throw leavingFolder(path) }
        continue
      }
      let next = unsafe openat(way.folder, name, OpenFlags.reading | O_NOFOLLOW)
      if next < 0 {
        let reason = errno
        guard reason == ELOOP || reason == EMLINK, let target = way.link(at: name) else {
          throw failure(path, reason)
        }
        links += 1
        guard links <= 40 else { throw failure(path, ELOOP) }
        if target.hasPrefix("/") {
          guard let inside = Self.path(target, below: root) else { throw leavingFolder(path) }
          way.leaveAll()
          rest += steps(of: inside)
        } else {
          rest += steps(of: target)
        }
        continue
      }
      switch kind(of: next) {
      case S_IFDIR: way.enter(next)
      case S_IFREG where rest.isEmpty: return ReadableFile(next, path: path)
      case let kind:
        close(next)
        throw kind == S_IFREG
          ? failure(path, ENOTDIR)
          : StoreError(.unreadable, "\(path): only regular files can be read")
      }
    }
    throw StoreError(.unreadable, "\(path): this is a folder")
  }

  /// What of an absolute path leads on from a folder; nil when it leads elsewhere.
  static func path(_ path: String, below root: String) -> String? {
    if path == root { return "." }
    guard path.hasPrefix(root + "/") else { return nil }
    return String(path.dropFirst(root.count + 1))
  }

  /// The names of a path, the first one last.
  private static func steps(of path: String) -> [String] {
    path.split(separator: "/").reversed().filter { $0 != "." }.map(String.init)
  }

  private static func make(_ descriptor: Int32, _ path: String) throws(StoreError) -> ReadableFile {
    switch kind(of: descriptor) {
    case S_IFREG: return ReadableFile(descriptor, path: path)
    case let kind:
      close(descriptor)
      throw StoreError(
        .unreadable,
        kind == S_IFDIR ? "\(path): this is a folder" : "\(path): only regular files can be read"
      )
    }
  }

  private static func kind(of descriptor: Int32) -> mode_t {
    var status = stat()
    // The call writes to the local variable only.
    guard unsafe fstat(descriptor, &status) == 0 else { return 0 }
    return status.st_mode & S_IFMT
  }

  static func leavingFolder(_ path: String) -> StoreError {
    StoreError(
      .permissionDenied,
      "'\(path)' is neither in the project nor a file that the host was given"
    )
  }

  private static func failure(_ path: String, _ reason: Int32) -> StoreError {
    let text =
      switch reason {
      case ENOENT, ENOTDIR: "there is no such file"
      case EACCES, EPERM: "no permission to read it"
      case ELOOP: "these links lead in a circle"
      case ENXIO, ENODEV: "only regular files can be read"
      case EMFILE, ENFILE: "this process has as many files open as it may have"
      // The text is copied before another call can change it.
      default: unsafe String(cString: strerror(reason))
      }
    return StoreError(.unreadable, "\(path): \(text)")
  }

  /// Some bytes from where the last ones ended; none at the end.
  func read(upTo count: Int) throws(StoreError) -> [UInt8] {
    var reason: Int32 = 0
    // The buffer belongs to the array, which has this capacity; the system fills a part of it.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var result: Int
      repeat {
        result = unsafe systemRead(descriptor, buffer.baseAddress, count)
      } while result < 0 && errno == EINTR
      if result < 0 { reason = errno }
      filled = max(0, result)
    }
    guard reason == 0 else { throw Self.failure(path, reason) }
    return bytes
  }
}

// The system's function, which has the name of a method here.
private func systemRead(_ number: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int)
  -> Int
{
  unsafe read(number, buffer, count)
}

private enum OpenFlags {
  // A pipe or a terminal must neither be waited for nor taken over.
  static let reading = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
}

/// The folders that lead to a file, each open, so that leaving one does not depend on where it has been moved.
private struct FolderWay {
  private var folders: [Int32]
  var folder: Int32 { folders[folders.count - 1] }

  init(_ root: Int32) { folders = [root] }

  mutating func enter(_ descriptor: Int32) { folders.append(descriptor) }

  /// False at the first, which is not left.
  mutating func leave() -> Bool {
    guard folders.count > 1, let last = folders.popLast() else { return false }
    close(last)
    return true
  }

  mutating func leaveAll() { while leave() {} }

  mutating func end() {
    leaveAll()
    close(folder)
  }

  /// What a link leads to; nil for what is none.
  func link(at name: String) -> String? {
    // The buffer belongs to the array, which has this capacity; the system fills a part of it.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, filled in
      let count = unsafe buffer.withMemoryRebound(to: CChar.self) { target in
        guard let start = target.baseAddress else { return 0 }
        return unsafe readlinkat(folder, name, start, target.count)
      }
      filled = max(0, count)
    }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }
}
