#if os(Linux)
import Dispatch
import Foundation
import MoonstoreCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Watches a folder and all folders below it with inotify.
///
/// Folders are watched, not files: a watch on a file is lost as soon as an editor puts another file in its
/// place.
final class InotifyWatcher: FolderWatcher {
  private static let events = UInt32(
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF
      | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK
  )

  private let root: String
  private let descriptor: Int32
  private let signal: FolderSignal
  private let queue = DispatchQueue(label: "moonstore.watch")
  private let source = Mutex<(any DispatchSourceRead)?>(nil)
  /// The folders by the number of their watch.
  private let folders = Mutex<[Int32: String]>([:])

  /// Starts to watch.
  ///
  /// - Throws: `unreadable` when the system has no watch left, or the folder cannot be read.
  init(_ root: String, _ signal: FolderSignal) throws(StoreError) {
    self.root = root
    self.signal = signal
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard descriptor >= 0 else {
      throw StoreError(
        .unreadable,
        "\(root): the system gives no more watches (\(InotifyWatcher.reason)); raise "
          + "fs.inotify.max_user_instances, or poll"
      )
    }
    source.withLock { source in
      let made = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
      made.setEventHandler { [weak self] in self?.receive() }
      made.setCancelHandler { [descriptor] in close(descriptor) }
      made.activate()
      source = made
    }
    guard add(root) else {
      stop()
      throw StoreError(
        .unreadable,
        "\(root): cannot be watched (\(InotifyWatcher.reason)); raise fs.inotify.max_user_watches, or poll"
      )
    }
  }

  deinit { stop() }

  func stop() {
    source.withLock { source in
      source?.cancel()
      source = nil
    }
  }

  private var isStopped: Bool { source.withLock { $0 == nil } }

  private static var reason: String { unsafe String(cString: strerror(errno)) }

  /// Watches a folder and those below it, through links as long as they stay in the root and lead in no circle.
  ///
  /// - Returns: Whether the folder itself is watched.
  @discardableResult
  private func add(_ folder: String, above: [String] = []) -> Bool {
    let watch = unsafe inotify_add_watch(descriptor, folder, InotifyWatcher.events)
    guard watch >= 0 else { return false }
    folders.withLock { $0[watch] = folder }
    let real = ProjectWalk.real(folder)
    guard !above.contains(real) else { return true }
    // What was made before the watch stood is found by looking.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where !name.hasPrefix(".") {
      var isFolder: ObjCBool = false
      let path = folder + "/" + name
      if unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        isFolder.boolValue, ProjectWalk.isInside(path, of: root)
      {
        add(path, above: above + [real])
      }
    }
    return true
  }

  private func isLink(_ path: String) -> Bool {
    let facts = try? FileManager.default.attributesOfItem(atPath: path)
    return facts?[.type] as? FileAttributeType == .typeSymbolicLink
  }

  private func receive() {
    var matters = false
    unsafe withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
      while true {
        let count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
        guard count > 0 else { return }
        var place = 0
        while place + 16 <= count {
          // struct inotify_event: the watch, the mask, a cookie, and the length of the name that follows.
          let watch = unsafe buffer.load(fromByteOffset: place, as: Int32.self)
          let mask = unsafe buffer.load(fromByteOffset: place + 4, as: UInt32.self)
          let length = Int(unsafe buffer.load(fromByteOffset: place + 12, as: UInt32.self))
          let name = unsafe buffer[(place + 16)..<min(count, place + 16 + length)]
          if receive(watch, mask, unsafe String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)) {
            matters = true
          }
          place += 16 + length
        }
      }
    }
    if matters { signal.raise() }
  }

  private func receive(_ watch: Int32, _ mask: UInt32, _ name: String) -> Bool {
    if mask & UInt32(IN_Q_OVERFLOW) != 0 {
      // Nobody knows what was missed.
      add(root)
      return true
    }
    guard let folder = folders.withLock({ $0[watch] }) else { return false }
    if mask & UInt32(IN_IGNORED) != 0 {
      folders.withLock { $0[watch] = nil }
      if folder == root { lookForRoot() }
      return true
    }
    if mask & UInt32(IN_MOVE_SELF) != 0 {
      // It is somewhere else now; if it still stands in the project, it was found there.
      if folder == root { inotify_rm_watch(descriptor, watch) }
      return true
    }
    if mask & UInt32(IN_ISDIR) != 0 {
      if mask & UInt32(IN_CREATE | IN_MOVED_TO) != 0, !name.hasPrefix(".") {
        add(folder + "/" + name)
      }
      return true
    }
    // A link has no ending that tells what it leads to.
    if mask & UInt32(IN_CREATE | IN_MOVED_TO) != 0, !name.hasPrefix("."),
      isLink(folder + "/" + name)
    {
      if ProjectWalk.isInside(folder + "/" + name, of: root) { add(folder + "/" + name) }
      return true
    }
    return InotifyWatcher.matters(name)
  }

  /// The project's folder itself went: it may come back, such as when a whole checkout is replaced.
  private func lookForRoot() {
    queue.asyncAfter(deadline: .now() + 0.2) { [weak self] in
      guard let self, !isStopped else { return }
      if add(root) { signal.raise() } else { lookForRoot() }
    }
  }
}
#endif
