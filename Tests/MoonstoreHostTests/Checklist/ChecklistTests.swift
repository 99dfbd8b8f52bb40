import Foundation
import Testing
import TestSupport

/// Each function and behaviour of the document that the project began from has a number, and each number a test
/// whose name begins with it: `Tests/Checklist.md` is the table.
@Suite struct ChecklistTests {
  private static let tests = TestProject.checkout + "/Tests"

  /// Types and claims, registry, factories, bus, the shop, composition, and the document's own tests.
  private static let numbers: [String] =
    [
      ("T", 11), ("R", 15), ("F", 10), ("E", 11), ("M", 12), ("P", 8), ("C", 8), ("O", 4), ("U", 6),
      ("X", 4),
    ].flatMap { letter, count in (1...count).map { "\(letter)\($0)" } }

  private struct Entry: Hashable {
    let number: String
    let sentence: String
    let file: String
  }

  /// The tests whose names begin with numbers, such as `R12 and R13 …` or `M9 to M12 …`.
  private func entries() throws -> [Entry] {
    let folder = URL(fileURLWithPath: Self.tests)
    let walker = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    var found: [Entry] = []
    for case let file as URL in walker ?? FileManager.DirectoryEnumerator()
    where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /func\s+`([A-Z][0-9]+[^`]*)`/) {
        let name = String(match.1)
        let (numbers, sentence) = Self.split(name)
        let path = file.path.replacing(Self.tests + "/", with: "")
        found += numbers.map { Entry(number: $0, sentence: sentence, file: path) }
      }
    }
    return found
  }

  private static func split(_ name: String) -> (numbers: [String], sentence: String) {
    var numbers: [String] = []
    var words = name.split(separator: " ")[...]
    var isRange = false
    while let word = words.first {
      if let match = word.wholeMatch(of: /([A-Z])([0-9]+),?/), let number = Int(match.2) {
        let letter = String(match.1)
        let first = isRange ? Int(numbers.last?.dropFirst() ?? "").map { $0 + 1 } ?? number : number
        if first <= number { numbers += (first...number).map { "\(letter)\($0)" } }
        isRange = false
      } else if word == "to", words.dropFirst().first?.wholeMatch(of: /[A-Z][0-9]+/) != nil {
        isRange = true
      } else if word != "and" || words.dropFirst().first?.wholeMatch(of: /[A-Z][0-9]+/) == nil {
        break
      }
      words = words.dropFirst()
    }
    return (numbers, words.joined(separator: " "))
  }

  private func table(_ entries: [Entry]) -> String {
    var lines = [
      "# The document's functions and behaviours, and the tests that show each as it should be", "",
      "T types and claims, R registry, F factories, E entity factory, M message bus, P products, C cart,",
      "O orders, U composition, X the document's own tests. A test fails when a number has none, or when this",
      "table is not what the tests say.", "", "| | test | file |", "|---|---|---|",
    ]
    for number in Self.numbers {
      let own = entries.filter { $0.number == number }
      for entry in own.sorted(by: { ($0.file, $0.sentence) < ($1.file, $1.sentence) }) {
        lines.append("| \(number) | \(entry.sentence) | `\(entry.file)` |")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  @Test func `Every number has a test, and the table names it`() throws {
    let entries = try entries()
    let missing = Self.numbers.filter { number in !entries.contains { $0.number == number } }
    #expect(missing == [], "these numbers have no test")
    let file = Self.tests + "/Checklist.md"
    let wanted = table(entries)
    let written = try? String(contentsOfFile: file, encoding: .utf8)
    #expect(written == wanted, "Tests/Checklist.md should be:\n\(wanted)")
  }
}
