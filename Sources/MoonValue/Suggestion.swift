/// Finds the name that was probably meant.
///
/// What it costs is bounded, since scripts choose both the name and those that it is compared with: long names
/// are not compared, nor more than so many, of which those of other lengths cost next to nothing.
package enum Suggestion {
  /// Longer names are not compared; their writers have copied them.
  package static let longest = 64
  /// How many names are looked at.
  package static let most = 4_096

  /// "; did you mean 'x'?" for the nearest other name, or nothing when none is near.
  package static func text(for name: String, among names: some Sequence<String>) -> String {
    guard name.utf8.count <= longest else { return "" }
    let wanted = letters(of: name)
    let limit = max(1, wanted.count / 3)
    var nearest: (name: String, distance: Int)?
    for other in names.prefix(most) where other.utf8.count <= longest && other != name {
      let bound = min(limit, (nearest?.distance ?? Int.max) - 1)
      if bound < 0 { break }
      if let found = distance(wanted, letters(of: other), atMost: bound) {
        nearest = (other, found)
      }
    }
    guard let nearest else { return "" }
    return "; did you mean '\(nearest.name)'?"
  }

  private static func letters(of name: String) -> [UInt32] {
    name.lowercased().unicodeScalars.map(\.value)
  }

  /// How many letters must be added, dropped, changed or swapped with a neighbour; nil for more than a bound.
  private static func distance(_ a: [UInt32], _ b: [UInt32], atMost bound: Int) -> Int? {
    if abs(a.count - b.count) > min(3, bound) { return nil }
    var before: [Int] = []
    var previous = Array(0...b.count)
    for i in stride(from: 1, through: a.count, by: 1) {
      var row = [i] + Array(repeating: 0, count: b.count)
      var least = i
      for j in stride(from: 1, through: b.count, by: 1) {
        let change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        row[j] = min(previous[j] + 1, row[j - 1] + 1, change)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          row[j] = min(row[j], before[j - 2] + 1)
        }
        least = min(least, row[j])
      }
      // A swap reaches back two rows, at the cost of one.
      if least > bound + 1 { return nil }
      before = previous
      previous = row
    }
    return previous[b.count] <= bound ? previous[b.count] : nil
  }
}
