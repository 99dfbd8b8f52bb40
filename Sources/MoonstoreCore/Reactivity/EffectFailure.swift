/// An error that came out of an effect, with the effect's label.
///
/// The graph gives it to its `onEffectFailure`, or keeps it for `takeFailures()`.
public struct EffectFailure: Error, CustomStringConvertible, Sendable {
  /// The label of the effect.
  public let label: String

  /// What it threw.
  public let error: any Error

  /// The label and the error in one line.
  public var description: String {
    error is EffectLoopError ? "\(error)" : "effect '\(label)' failed: \(error)"
  }
}

/// Effects made each other, or themselves, due again and again.
public struct EffectLoopError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The labels of the effects that took part in the last round, in the order of running.
  public let labels: [String]

  /// How often one effect may run in one flush.
  public let limit: Int

  /// The way round the loop in one line.
  public var description: String {
    let round = (labels + labels.prefix(1)).joined(separator: " -> ")
    return "effects did not settle within \(limit) runs: \(round)"
  }
}

extension ReactiveGraph {
  /// Returns the failures that nobody has heard of, oldest first, and forgets them.
  ///
  /// Only the newest 100 are kept.
  /// - Returns: The failures since the last call, while `onEffectFailure` was nil.
  public func takeFailures() -> [EffectFailure] {
    defer { failures = [] }
    return failures
  }

  func report(_ error: any Error, of observer: GraphObserver) {
    if let onEffectError {
      onEffectError(error, observer)
      if onEffectFailure == nil { return }
    }
    report(EffectFailure(label: observer.label, error: error))
  }

  func report(_ failure: EffectFailure) {
    if let onEffectFailure {
      onEffectFailure(failure)
      return
    }
    if failures.count == 100 { failures.removeFirst() }
    failures.append(failure)
  }
}

/// Finds out which effects take part in a loop.
///
/// The first effect to use up its runs opens the watch; what runs until it is due again is the
/// loop.
struct LoopWatch {
  private var opener: UInt32?
  private var labels: [String] = []
  private var error: EffectLoopError?

  mutating func note(_ id: UInt32, label: String) {
    guard error == nil else { return }
    if opener == nil { opener = id }
    labels.append(label)
  }

  mutating func close(limit: Int) {
    guard error == nil else { return }
    error = EffectLoopError(labels: labels, limit: limit)
  }

  mutating func takeError() -> EffectLoopError? {
    defer { self = LoopWatch() }
    return error
  }
}
