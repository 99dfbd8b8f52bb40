/// Priorities of registrations: a new one goes last, and a replacement inherits the rank of its predecessor.
///
/// While scripts are replaced, what comes takes the ranks of what went in the same line, lowest first: the new
/// version of a script stands where the old one stood.
package struct Ranks {
  /// What tells whose successor a registration can be: its kind, its owner and what it is about.
  package struct Line: Hashable {
    package enum Kind: UInt8 {
      case handler, responder, messageMiddleware, listener, subscriber, plugin, actionMiddleware
      case hook, layer, effect, provided, observer, watcher
    }

    let kind: Kind
    let owner: String
    let subject: String

    package init(_ kind: Kind, owner: String, _ subject: String = "") {
      self.kind = kind
      self.owner = owner
      self.subject = subject
    }
  }

  /// What has become of ranks while scripts are replaced.
  private struct Replacement {
    /// Ranks that were given up, by line; some may have been taken back.
    var vacant: [Line: Heap<Int>] = [:]
    var isVacant: Set<Int> = []
    var isQueued: Set<Int> = []
  }

  private var count = 0
  private var replacement: Replacement?

  package init() {}

  /// A rank behind all others, or that of a predecessor in the same line.
  package mutating func next(in line: Line) -> Int {
    if replacement != nil, let rank = inherit(in: line) { return rank }
    count += 1
    return count
  }

  private mutating func inherit(in line: Line) -> Int? {
    while let rank = replacement?.vacant[line]?.popMin() {
      replacement?.isQueued.remove(rank)
      if replacement?.isVacant.remove(rank) != nil { return rank }
    }
    return nil
  }

  /// A registration has left its rank.
  package mutating func giveUp(_ rank: Int, in line: Line) {
    guard replacement != nil else { return }
    replacement?.isVacant.insert(rank)
    // It may wait there already, if it was given up and taken back before.
    guard replacement?.isQueued.insert(rank).inserted == true else { return }
    replacement?.vacant[line, default: Heap()].insert(rank)
  }

  /// A registration has its rank again, since its end was undone.
  package mutating func takeBack(_ rank: Int) { replacement?.isVacant.remove(rank) }

  /// From now on registrations inherit the ranks of their predecessors.
  package mutating func beginReplacing() { replacement = Replacement() }

  /// New registrations go last again.
  package mutating func endReplacing() { replacement = nil }
}
