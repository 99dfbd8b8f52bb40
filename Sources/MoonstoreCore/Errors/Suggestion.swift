/// Finds the name that somebody may have meant.
package enum Suggestion {
  /// "; did you mean 'x'?" for the nearest name, or nothing when none is near.
  package static func text(for name: String, among names: [String]) -> String {
    let limit = max(1, name.count / 3)
    let nearest = names.map { ($0, distance(name, $0)) }.min { $0.1 < $1.1 }
    guard let nearest, nearest.1 <= limit else { return "" }
    return "; did you mean '\(nearest.0)'?"
  }

  /// How many letters must be added, dropped, changed or swapped with a neighbour.
  private static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.lowercased())
    let b = Array(b.lowercased())
    if abs(a.count - b.count) > 3 { return Int.max }
    var before: [Int] = []
    var previous = Array(0...b.count)
    for i in stride(from: 1, through: a.count, by: 1) {
      var row = [i] + Array(repeating: 0, count: b.count)
      for j in stride(from: 1, through: b.count, by: 1) {
        let change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        row[j] = min(previous[j] + 1, row[j - 1] + 1, change)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          row[j] = min(row[j], before[j - 2] + 1)
        }
      }
      before = previous
      previous = row
    }
    return previous[b.count]
  }
}
