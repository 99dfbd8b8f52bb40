import Foundation
import MoonstoreCore
import Synchronization

/// Tells that something in a folder may have changed: a script, or which folders there are.
///
/// It tells too often rather than too rarely; who hears of it looks at the contents.
protocol FolderWatcher: AnyObject, Sendable {
  /// Ends the watching.
  func stop()
}

extension FolderWatcher {
  /// Whether a file of this name can matter.
  static func matters(_ name: some StringProtocol) -> Bool { name.hasSuffix(".lua") }
}

/// Something to hear of, and how often it was heard of.
final class FolderSignal: Sendable {
  private let count = Atomic<Int>(0)
  private let continuation: AsyncStream<Void>.Continuation
  /// Gives an element when there is something new since the last.
  let stream: AsyncStream<Void>

  init() {
    (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  var heard: Int { count.load(ordering: .acquiring) }

  func raise() {
    count.add(1, ordering: .releasing)
    continuation.yield()
  }

  func finish() { continuation.finish() }
}

/// Looks at a folder again and again: for file systems that tell nobody of changes.
final class PollingWatcher: FolderWatcher {
  private let task: Task<Void, Never>

  init(
    _ folder: String,
    every seconds: Double,
    _ sleep: @escaping @Sendable (Double) async throws -> Void,
    _ signal: FolderSignal
  ) {
    // Before anybody goes on, so that what they change is a change.
    let first = PollingWatcher.look(at: folder)
    task = Task {
      var last = first
      while !Task.isCancelled {
        try? await sleep(seconds)
        let now = PollingWatcher.look(at: folder)
        if now != last { signal.raise() }
        last = now
      }
    }
  }

  func stop() { task.cancel() }

  /// What tells one state of a folder from another: each script's size, time and identity.
  private static func look(at folder: String) -> [String: [UInt64]] {
    var found: [String: [UInt64]] = [:]
    let walk = ProjectWalk(folder)
    let refused = walk.refused.map { $0.path }
    for path in walk.paths + refused {
      let real = ProjectWalk.real(folder + "/" + path)
      guard let facts = try? FileManager.default.attributesOfItem(atPath: real) else { continue }
      let time = (facts[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      found[path] = [
        (facts[.size] as? NSNumber)?.uint64Value ?? 0, time.bitPattern,
        (facts[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0,
      ]
    }
    // A folder that is away is told of, also one without scripts.
    if !FileManager.default.fileExists(atPath: folder) { found["."] = [] }
    return found
  }
}
