public import MoonstoreCore
import Synchronization

/// How a project's folder is watched.
public struct WatchOptions: Sendable {
  /// Seconds without another change before the scripts are reloaded, so that a burst is one reload.
  public var quiet = 0.05
  /// Seconds after which they are reloaded even if changes go on.
  public var longest = 1.0
  /// Seconds between two looks at the folder, for file systems that do not tell of changes (network drives,
  /// some containers); nil to be told by the system.
  public var polling: Double?
  /// Waits for so many seconds; another clock makes a test depend on nothing but events.
  public var sleep: @Sendable (_ seconds: Double) async throws -> Void = { seconds in
    try await Task.sleep(for: .seconds(seconds))
  }
  /// How to treat what is under way.
  public var reload = ReloadOptions()

  /// Told by the system, 50 ms after the last change.
  public init() {}
}

/// Reloads a host's scripts whenever they change, until it is stopped or let go of.
public final class ProjectWatch: Sendable {
  private let watcher: any FolderWatcher
  private let signal: FolderSignal
  private let task: Task<Void, Never>

  init(
    _ folder: String,
    _ options: WatchOptions,
    reload: @escaping @Sendable () async -> Bool
  ) throws(StoreError) {
    let signal = FolderSignal()
    self.signal = signal
    watcher = try ProjectWatch.watcher(folder, options, signal)
    // What was changed after the scripts were read, and before somebody watched, was told to nobody.
    signal.raise()
    task = Task {
      for await _ in signal.stream {
        await ProjectWatch.quiet(signal, options)
        // Stopped while it waited: no reload begins any more.
        if Task.isCancelled { return }
        if await !reload() { return }
      }
    }
  }

  deinit { stop() }

  /// Ends the watching; a reload that has begun is finished.
  public func stop() {
    watcher.stop()
    signal.finish()
    task.cancel()
  }

  private static func watcher(
    _ folder: String,
    _ options: WatchOptions,
    _ signal: FolderSignal
  ) throws(StoreError) -> any FolderWatcher {
    if let seconds = options.polling {
      guard seconds > 0 else {
        throw StoreError(
          .invalidArgument,
          "a folder is looked at every so many seconds, not every \(seconds)"
        )
      }
      return PollingWatcher(folder, every: seconds, options.sleep, signal)
    }
    #if os(Linux)
    return try InotifyWatcher(folder, signal)
    #elseif canImport(CoreServices)
    return try EventStreamWatcher(folder, signal)
    #else
    return PollingWatcher(folder, every: 0.5, options.sleep, signal)
    #endif
  }

  /// Waits until nothing has changed for a while.
  private static func quiet(_ signal: FolderSignal, _ options: WatchOptions) async {
    var waited = 0.0
    var heard: Int
    repeat {
      heard = signal.heard
      try? await options.sleep(options.quiet)
      waited += options.quiet
    } while signal.heard != heard && waited < options.longest && !Task.isCancelled
  }
}

extension StoreHost {
  /// Reloads scripts of the project whenever their contents change.
  ///
  /// `reloads()` tells of each reload, and of each refusal once for each state of the folder; if nobody listens,
  /// what was wrong is reported as other errors are that no caller gets.
  ///
  /// - Parameter options: How to watch.
  /// - Returns: What ends the watching.
  /// - Throws: `closed`; `unreadable` for a host without a project, and when the system watches nothing more.
  public func watch(_ options: WatchOptions = WatchOptions()) throws(StoreError) -> ProjectWatch {
    let project = try project()
    let report = try withEngine { (engine) throws(StoreError) in engine.configuration.report }
    let last = LastRefusal()
    return try ProjectWatch(project.root, options) { [weak self] in
      guard let self else { return false }
      do throws(StoreError) {
        let texts = try await ProjectTexts.read(project)
        // What was refused as it is would be refused again.
        if last.texts == texts.readable { return true }
        let done = try await reload(texts, options.reload)
        last.texts = done.isRefused ? texts.readable : nil
      } catch {
        if error.code == .closed { return false }
        report(error)
      }
      return true
    }
  }

  /// Reloads what differs from these texts, when no turn is under way.
  private func reload(
    _ texts: ProjectTexts,
    _ options: ReloadOptions
  ) async throws(StoreError) -> ReloadReport {
    for _ in 0..<1_000 {
      do throws(StoreError) {
        return try reload(texts, wanted: nil, options, isUnattended: true)
      } catch  where error.code == .busy {
        try? await Task.sleep(for: .milliseconds(10))
      }
    }
    throw StoreError(
      .busy,
      "the scripts have changed, and no turn has ended for 10 s: they were not reloaded"
    )
  }
}

/// The texts that were refused last.
private final class LastRefusal: Sendable {
  private let value = Mutex<NameTable<String>?>(nil)
  var texts: NameTable<String>? {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
}
