/// How a reload treats what is under way, and what comes after it.
public struct ReloadOptions: Sendable {
  /// What becomes of actions, handlers and tasks that wait while their script is replaced.
  public enum Running: Sendable {
    /// They end with the code that they began with, however long that takes.
    case finish
    /// They end where they wait: their `<close>` variables run, and their callers get an error.
    case cancel
    /// They may go on for some seconds, and are cancelled then.
    case drain(seconds: Double)
  }

  /// What becomes of what waits.
  public var running = Running.finish
  /// How many turns of the new code are looked after; 0 for none.
  ///
  /// If something fails in one of them that had not failed with the old code, the host goes back by itself.
  public var guardedTurns = 0

  /// Lets what waits go on, and looks after nothing.
  public init() {}
}
