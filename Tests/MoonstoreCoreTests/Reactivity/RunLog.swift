import MoonstoreCore

/// What happened, in order; closures of a test write into it.
final class RunLog {
  private(set) var entries: [String] = []

  func add(_ entry: String) { entries.append(entry) }

  /// Counts entries with this text.
  func count(_ entry: String) -> Int { entries.count { $0 == entry } }

  /// Returns the entries and forgets them.
  func take() -> [String] {
    defer { entries = [] }
    return entries
  }
}

struct Refusal: Error, Equatable {
  let reason: String
}
