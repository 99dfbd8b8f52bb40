#if canImport(CoreServices)
import CoreServices
import Dispatch
import Foundation
import MoonstoreCore

/// Watches a folder and all below it with the file-system events of macOS.
final class EventStreamWatcher: FolderWatcher {
  private let queue = DispatchQueue(label: "moonstore.watch")
  private let signal: FolderSignal
  // The stream is made once and given back once, in `stop`, on the queue that its events come on.
  private nonisolated(unsafe) var stream: FSEventStreamRef?

  init(_ root: String, _ signal: FolderSignal) throws(StoreError) {
    self.signal = signal
    var context = unsafe FSEventStreamContext()
    unsafe context.info = Unmanaged.passUnretained(signal).toOpaque()
    let callback: FSEventStreamCallback = { _, info, _, _, _, _ in
      // The signal outlives the stream: the watcher holds it.
      guard let info = unsafe info else { return }
      unsafe Unmanaged<FolderSignal>.fromOpaque(info).takeUnretainedValue().raise()
    }
    let flags = kFSEventStreamCreateFlagFileEvents | kFSEventStreamCreateFlagWatchRoot
    unsafe stream = FSEventStreamCreate(
      nil,
      callback,
      &context,
      [root] as CFArray,
      FSEventStreamEventId(kFSEventStreamEventIdSinceNow),
      0.01,
      FSEventStreamCreateFlags(flags)
    )
    guard let stream = unsafe stream else {
      throw StoreError(.unreadable, "\(root): cannot be watched; poll instead")
    }
    unsafe FSEventStreamSetDispatchQueue(stream, queue)
    unsafe FSEventStreamStart(stream)
  }

  deinit { stop() }

  func stop() {
    queue.sync {
      guard let stream = unsafe stream else { return }
      unsafe FSEventStreamStop(stream)
      unsafe FSEventStreamInvalidate(stream)
      unsafe FSEventStreamRelease(stream)
      unsafe self.stream = nil
    }
  }
}
#endif
