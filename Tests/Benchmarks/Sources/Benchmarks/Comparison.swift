/// What has changed since an earlier run.
struct Comparison {
  /// How much worse a ratio to the reference, or a number of instructions, may be before it is a regression.
  static let mostRatio = 1.15
  static let mostInstructions = 1.05

  let text: String
  /// The rows that are worse.
  let regressions: [String]

  init(of now: [Row], with before: [Row]) {
    var table = Table([
      "row", "ratio before", "now", "change", "instructions before", "now", "change",
    ])
    var regressions: [String] = []
    for row in now {
      guard let old = before.first(where: { $0.id == row.id }) else { continue }
      var line = ["\(row.id) \(row.title)"]
      func add(_ old: Double?, _ new: Double?, digits: Int, most: Double) {
        guard let old, let new, old > 0 else {
          line += ["-", "-", "-"]
          return
        }
        let change = new / old
        line += [
          number(old, digits: digits), number(new, digits: digits),
          "\(change >= 1 ? "+" : "")\(number((change - 1) * 100))%",
        ]
        if change > most { regressions.append(row.id) }
      }
      add(old.ratio, row.ratio, digits: 2, most: Comparison.mostRatio)
      add(old.instructions, row.instructions, digits: 0, most: Comparison.mostInstructions)
      table.add(line)
    }
    text = table.text
    self.regressions = regressions
  }
}
