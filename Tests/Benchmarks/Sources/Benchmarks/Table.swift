import Foundation

/// Columns of text as wide as their widest, the first one to the left and the others to the right.
struct Table {
  private var lines: [[String]]

  init(_ header: [String]) { lines = [header] }

  mutating func add(_ line: [String]) { lines.append(line) }

  var text: String {
    let widths = (lines.first ?? []).indices.map { column in
      lines.map { $0[column].count }.max() ?? 0
    }
    return lines.map { line in
      line.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - line[column].count)
        return column == 0 ? line[column] + space : space + line[column]
      }
      .joined(separator: "  ")
    }
    .joined(separator: "\n")
  }

  /// The same for a page of the documentation.
  var markdown: String {
    var rows = lines.map { "| " + $0.joined(separator: " | ") + " |" }
    rows.insert("|" + String(repeating: "---|", count: lines.first?.count ?? 0), at: 1)
    return rows.joined(separator: "\n")
  }
}

/// A number with so many digits after the point, and its thousands apart.
func number(_ value: Double, digits: Int = 0) -> String {
  value.formatted(
    .number.precision(.fractionLength(digits)).grouping(.automatic).locale(
      Locale(identifier: "en_US")
    )
  )
}

/// Nanoseconds or bytes for people.
func quantity(_ value: Double, _ unit: Benchmark.Unit) -> String {
  switch unit {
  case .nanoseconds where value >= 1e9: "\(number(value / 1e9, digits: 2)) s"
  case .nanoseconds where value >= 1e6: "\(number(value / 1e6, digits: 2)) ms"
  case .nanoseconds: "\(number(value, digits: value < 100 ? 1 : 0)) ns"
  case .bytes: "\(number(value)) B"
  }
}

extension [Row] {
  func table(isMarkdown: Bool) -> String {
    let instructed = contains { $0.instructions != nil }
    var header = ["row", "ours", "±", "reference", "ratio", "target", "within", "allocations"]
    if instructed { header.append("instructions") }
    var table = Table(header)
    for row in self {
      var target = "-"
      if let most = row.target {
        target = row.isRatio ? "\(number(most, digits: 2))x" : quantity(most, row.unit)
      }
      var line: [String] = []
      line.append("\(row.id) \(row.title)")
      line.append(quantity(row.ours.median, row.unit))
      line.append("\(number(row.ours.spread * 100))%")
      line.append(row.reference.map { quantity($0.median, row.unit) } ?? "-")
      line.append(row.ratio.map { "\(number($0, digits: 2))x" } ?? "-")
      line.append(target)
      line.append(row.isWithin.map { $0 ? "yes" : "NO" } ?? "-")
      line.append(row.allocations.map { number($0, digits: $0 < 100 ? 1 : 0) } ?? "-")
      if instructed { line.append(row.instructions.map { number($0) } ?? "-") }
      table.add(line)
    }
    return isMarkdown ? table.markdown : table.text
  }
}
