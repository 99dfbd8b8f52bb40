/// Places among those who hear or surround the same thing, in order.
///
/// Whoever comes gets a place behind all others. While something is replaced, what comes takes the places of
/// what went: the new version of a script stands where the old one stood.
package struct Ranks {
  private var count = 0
  /// Places that were given up, by line; nil while nothing is replaced.
  private var vacant: [String: [Int]]?

  package init() {}

  /// A place behind all others, or that of whoever stood in the same line before: who asks, and for what.
  package mutating func next(in line: String) -> Int {
    if vacant?[line]?.isEmpty == false, let place = vacant?[line]?.removeFirst() { return place }
    count += 1
    return count
  }

  /// Somebody has left a place.
  package mutating func giveUp(_ rank: Int, in line: String) {
    guard vacant != nil else { return }
    vacant?[line, default: []].append(rank)
    vacant?[line]?.sort()
  }

  /// From now on those who come take the places of those who go.
  package mutating func beginReplacing() { vacant = [:] }

  /// What comes from now on stands at the end again.
  package mutating func endReplacing() { vacant = nil }
}

extension Array {
  /// Puts an element in its place; it is nearly always the last.
  package mutating func insert(_ element: Element, by rank: (Element) -> Int) {
    let own = rank(element)
    let place = lastIndex { rank($0) <= own }.map { $0 + 1 } ?? 0
    insert(element, at: place)
  }
}
