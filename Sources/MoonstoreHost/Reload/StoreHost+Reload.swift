import MoonValue
public import MoonstoreCore
import Synchronization

extension StoreHost {
  /// Looks at the project's folder, and replaces the scripts that have changed, are new or are gone, together
  /// with those that require a module that has changed: all of them or, when anything is wrong, none.
  ///
  /// State survives, and so do handles, subscriptions of others, pending requests and what runs.
  ///
  /// - Parameters:
  ///   - scripts: The scripts to load anew even if they have not changed, by their paths in the project; nil
  ///     for all that have changed.
  ///   - options: How to treat what is under way.
  /// - Returns: What was done. If something was wrong, the report is refused and says why.
  /// - Throws: `closed`, `busy` while a turn is under way, `unreadable` for a folder that cannot be read and
  ///   for a host without a project, `invalidArgument` for a script that the project does not have.
  @discardableResult
  public func reload(
    _ scripts: [String]? = nil,
    _ options: ReloadOptions = ReloadOptions()
  ) async throws(StoreError) -> ReloadReport {
    let texts = try await ProjectTexts.read(try project())
    return try reload(texts, wanted: scripts, options)
  }

  func reload(
    _ texts: ProjectTexts,
    wanted scripts: [String]?,
    _ options: ReloadOptions,
    isUnattended: Bool = false
  ) throws(StoreError) -> ReloadReport {
    try reload(options, isUnattended: isUnattended) { (engine) throws(StoreError) in
      try engine.batch(from: texts, wanted: scripts.map { NameSet($0) })
    }
  }

  /// Takes a script back, or forth again, to one of the versions that are kept.
  ///
  /// What stands in its file is passed over until the file changes.
  ///
  /// - Parameters:
  ///   - script: Its path in the project.
  ///   - version: The number of the version; see `versions(of:)`.
  ///   - options: How to treat what is under way.
  /// - Returns: What was done; see `reload(_:_:)`.
  /// - Throws: `unreadable` for an unknown script, `invalidArgument` for a version that is not kept.
  @discardableResult
  public func reload(
    _ script: String,
    to version: Int,
    _ options: ReloadOptions = ReloadOptions()
  ) throws(StoreError) -> ReloadReport {
    try reload(options) { (engine) throws(StoreError) in
      try engine.batch(returning: script, to: version)
    }
  }

  /// The last 20 versions of a script, oldest first.
  ///
  /// - Throws: `unreadable` for an unknown script.
  public func versions(of script: String) throws(StoreError) -> [ScriptVersion] {
    try withEngine { (engine) throws(StoreError) in
      guard let history = engine.histories[script] else {
        let known = engine.histories.keys.sorted()
        throw StoreError(
          .unreadable,
          "there is no script '\(script)'\(Suggestion.text(for: script, among: known))"
        )
      }
      return history.versions
    }
  }

  /// What runs with code that was replaced since it began.
  public func outdatedWork() throws(StoreError) -> [ReloadReport.Running] {
    try withEngine { (engine) throws(StoreError) in engine.outdatedWork() }
  }

  /// Ends what runs with code that was replaced since it began, where it waits.
  ///
  /// - Parameter script: Only what runs code of this script; nil for all.
  /// - Returns: How much there was.
  /// - Throws: `closed`.
  @discardableResult
  public func cancelOutdatedWork(of script: String? = nil) throws(StoreError) -> Int {
    try withEngine { (engine) throws(StoreError) in
      engine.cancelOutdated { script.map($0.hasSameBytes) ?? true }
    }
  }

  /// Each reload from now on that did something, or was refused.
  public func reloads() throws(StoreError) -> AsyncStream<ReloadReport> {
    try withEngine { (engine) throws(StoreError) in engine.reloadListeners.stream() }
  }

  func project() throws(StoreError) -> Project {
    try withEngine { (engine) throws(StoreError) in
      guard let project = engine.project else {
        throw StoreError(.unreadable, "this host has no project whose scripts could be reloaded")
      }
      return project
    }
  }

  private func reload(
    _ options: ReloadOptions,
    isUnattended: Bool = false,
    _ batch: (HostEngine) throws(StoreError) -> ReloadBatch
  ) throws(StoreError) -> ReloadReport {
    try withEngine { (engine) throws(StoreError) in
      let report: ReloadReport
      do throws(StoreError) {
        let batch = try batch(engine)
        if batch.isEmpty { return ReloadReport() }
        report = try engine.reload(batch, options)
      } catch  where [.unreadable, .permissionDenied].contains(error.code) && error.script != nil {
        // A script that cannot be read is a change that cannot be made.
        var refused = ReloadReport()
        refused.failures = [error]
        report = refused
      }
      if !engine.reloadListeners.tell(report), isUnattended {
        for failure in report.failures { engine.configuration.report(failure) }
      }
      return report
    }
  }
}

/// Those who hear of reloads.
final class ReloadListeners: Sendable {
  private let listeners = Mutex<(last: Int, all: [Int: AsyncStream<ReloadReport>.Continuation])>(
    (0, [:])
  )

  func stream() -> AsyncStream<ReloadReport> {
    let (stream, continuation) = AsyncStream.makeStream(of: ReloadReport.self)
    let number = listeners.withLock { listeners in
      listeners.last += 1
      listeners.all[listeners.last] = continuation
      return listeners.last
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.listeners.withLock { $0.all.removeValue(forKey: number) }
    }
    return stream
  }

  /// Tells them, and says whether there are any.
  @discardableResult
  func tell(_ report: ReloadReport) -> Bool {
    let all = listeners.withLock { Array($0.all.values) }
    for listener in all { listener.yield(report) }
    return !all.isEmpty
  }

  func finish() {
    for listener in listeners.withLock({ Array($0.all.values) }) { listener.finish() }
  }
}
