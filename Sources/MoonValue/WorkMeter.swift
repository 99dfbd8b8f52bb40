/// Asks now and then whether long work may go on.
///
/// Work in loops spends a step for each item, which costs a subtraction; once in some thousand steps the owner of
/// the time is asked. Without an owner, work always goes on.
package final class WorkMeter {
  /// Whether work may go on; nil for always.
  package var mayGoOn: (() -> Bool)?

  private static let stride = 2_048
  private var left = WorkMeter.stride

  package init() {}

  /// Counts steps of work.
  ///
  /// - Throws: `WorkEnded` when what it is a part of has run over its time.
  @inline(__always)
  package func spend(_ steps: Int = 1) throws(WorkEnded) {
    left -= steps
    if left < 0 { try ask() }
  }

  @inline(never)
  private func ask() throws(WorkEnded) {
    left = WorkMeter.stride
    guard let mayGoOn else { return }
    if mayGoOn() { return }
    // The next step asks again.
    left = 0
    throw WorkEnded()
  }
}

/// Work was ended in its middle, since the turn that it is a part of has run over its time.
///
/// A script that has called it never sees this: it is ended itself.
package struct WorkEnded: Error, CustomStringConvertible {
  package init() {}
  package var description: String { "the turn ran over its time and was ended" }
}
