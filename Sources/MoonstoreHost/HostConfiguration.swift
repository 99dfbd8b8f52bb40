public import MoonValue
public import MoonstoreCore

/// What a host grants to its scripts, and where its time and randomness come from.
public struct HostConfiguration: Sendable {
  /// A line that a script has written with `log` or `print`.
  public struct LogEntry: Sendable {
    /// The script that wrote it.
    public let script: String
    /// `debug`, `info`, `warning`, `error` or `print`.
    public let level: String
    /// The text.
    public let text: String
  }

  /// Bounds.
  public var limits = Limits()
  /// What scripts may use before they are ended.
  public var scriptLimits = ScriptLimits()
  /// Where time comes from.
  public var clock: any HostClock = SystemClock()
  /// How long a `sleep` of a script really takes; a test can answer at once.
  public var sleep: @Sendable (_ seconds: Double) async throws -> Void = { seconds in
    try await Alarm.shared.sleep(seconds)
  }
  /// Begins the random numbers of scripts; the same seed gives the same numbers.
  public var seed: UInt64 = 0x5EED
  /// Whether what scripts do can be repeated in another process: `pairs` and `next` walk over plain tables in a stated
  /// order, whole numbers first, then other numbers, texts by their bytes, and all other keys.
  ///
  /// Lua's own order, which is quicker, differs from process to process. The order of state is the same either way.
  public var isRecorded = false
  /// Files and folders that scripts may read besides their project.
  public var readableFiles: [String] = []
  /// Whether scripts may read files at all.
  public var grantsFiles = false
  /// The scripts that may use `bus.use` although they stand outside of `middleware/`, by their paths.
  public var messageMiddleware: [String] = []
  /// Which servers scripts may reach; without it they have no library `http`.
  public var http: HTTPGrant?
  /// Values for the `settings` of scripts, over those of `moonstore.lua`.
  public var settings: [String: Value] = [:]
  /// Values that scripts get by `inject`, each time as a copy.
  public var provided: [String: Value] = [:]
  /// Hears what scripts log.
  public var log: @Sendable (LogEntry) -> Void = { _ in }
  /// Hears of each error that no caller gets: of handlers, watchers and subscribers.
  public var report: @Sendable (StoreError) -> Void = { _ in }
  /// Hears how far a script says that it is.
  public var progress: @Sendable (_ done: Double, _ total: Double?, _ text: String) -> Void = {
    _,
    _,
    _ in
  }

  /// The standard configuration: no files, no servers, the machine's clock.
  public init() {}
}
