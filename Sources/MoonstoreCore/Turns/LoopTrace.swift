/// What ran in the last rounds of a turn that does not settle, so that its error can name the loop.
struct LoopTrace {
  /// How many of the last rounds are looked at.
  static let length = 100
  /// How many members an error names at most.
  private static let shown = 20

  var isOn = false
  private(set) var members: [String] = []

  /// Notes that something ran; costs nothing in a turn that settles.
  @inline(__always)
  mutating func note(_ label: @autoclosure () -> String) {
    if isOn { members.append(label()) }
  }

  /// The error of a loop.
  ///
  /// - Parameters:
  ///   - what: What happens again and again.
  ///   - limit: How often it may.
  ///   - members: What ran, the last at the end: the loop with what led to it, or a part of it.
  ///   - setting: Where the limit is set.
  /// - Returns: The error, which names each member once.
  func error(
    _ what: String,
    _ limit: Int,
    _ members: [String],
    setting: String = "loopLength"
  ) -> StoreError {
    StoreError(
      .endlessLoop,
      "\(what) without end: the turn was undone after \(limit) rounds of "
        + LoopTrace.path(members) + "; end the loop, or raise limits.\(setting)"
    )
  }

  /// The way round: each member once, and the first again.
  static func path(_ members: [String]) -> String {
    var round: [String] = []
    // From the last one back to where it ran before.
    for member in members.reversed() {
      if let last = members.last, member == last, !round.isEmpty { break }
      if !round.contains(member) { round.append(member) }
    }
    round.reverse()
    if round.count > shown { round = ["..."] + round.suffix(shown) }
    return (round + round.prefix(1)).joined(separator: " -> ")
  }
}
