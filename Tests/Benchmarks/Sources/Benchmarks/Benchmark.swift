import CReference

/// One row of the table: what is measured, against what, and how much it may be.
struct Benchmark {
  /// Does so many operations, and gives what they took together, in nanoseconds or bytes.
  ///
  /// It throws if the result of the work is not what it must be: nothing that does nothing can be timed.
  typealias Work = (_ count: Int) async throws -> Double

  /// Ours, and the reference beside it.
  struct Workload {
    var ours: Work
    var reference: Work?
  }

  enum Unit: String, Codable {
    case nanoseconds = "ns"
    case bytes
  }

  enum Target {
    /// No more than so many nanoseconds or bytes.
    case atMost(Double)
    /// No more than so many times the reference.
    case ratio(Double)
  }

  let id: String
  let title: String
  var unit = Unit.nanoseconds
  var target: Target?
  /// How often to do it in one sample; nil for as often as makes a sample long enough.
  var count: Int?
  /// How many operations a count of one does.
  var scale = 1.0
  /// Makes what is measured; what it costs is not counted.
  let prepare: () async throws -> Workload

  func matches(_ filter: String?) -> Bool {
    guard let filter else { return true }
    return id.lowercased().hasPrefix(filter.lowercased())
      || title.lowercased().contains(filter.lowercased())
  }
}

/// A benchmark whose work came to something else than it must.
struct WrongResult: Error, CustomStringConvertible {
  let description: String

  static func check<T: Equatable>(_ found: T, is expected: T, _ what: String) throws {
    guard found != expected else { return }
    throw WrongResult(description: "\(what) is \(found), and must be \(expected)")
  }
}

/// The nanoseconds that something computes; what else runs on the machine does not count.
func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
  let start = computed_nanoseconds()
  try body()
  return computed_nanoseconds() - start
}

/// The nanoseconds that something computes, on whatever threads.
func nanoseconds(_ body: () async throws -> Void) async rethrows -> Double {
  let start = computed_nanoseconds()
  try await body()
  return computed_nanoseconds() - start
}

/// The nanoseconds until something is done, with all that it waits for.
func elapsedNanoseconds(_ body: () async throws -> Void) async rethrows -> Double {
  let start = ContinuousClock.now
  try await body()
  let (seconds, attoseconds) = (ContinuousClock.now - start).components
  return Double(seconds) * 1e9 + Double(attoseconds) / 1e9
}
