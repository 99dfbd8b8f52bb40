import Foundation
import MoonDiagnostics
import MoonValue

/// How findings are written.
public enum CheckFormat: String, Sendable, CaseIterable {
  /// For people: with the lines of scripts.
  case pretty
  /// One line each.
  case plain
  /// One object.
  case json
  /// SARIF 2.1.0, for code hosts.
  case sarif
  /// Annotations of GitHub Actions.
  case github
  /// JUnit's XML, a case for each script.
  case junit

  /// The text of a report, with a line break at its end.
  ///
  /// - Parameters:
  ///   - report: What was found.
  ///   - hasColor: Whether `pretty` is coloured.
  ///   - showsUndecided: Whether `pretty` and `plain` list what was not decided.
  ///   - root: The path of the project from where the command was called, for annotations.
  /// - Returns: All of it; for `pretty` with the summary.
  public func text(
    of report: CheckReport,
    hasColor: Bool = false,
    showsUndecided: Bool = false,
    root: String = ""
  ) -> String {
    let listed = report.diagnostics + (showsUndecided ? report.undecided : [])
    switch self {
    case .pretty:
      return listed.map(DiagnosticText(hasColor: hasColor).text).joined()
        + TerminalText.clean(report.summary) + "\n"
    case .plain: return listed.map(DiagnosticText(showsFrames: false).text).joined()
    case .json: return json(report)
    case .sarif: return sarif(report, root)
    case .github: return report.diagnostics.map { github($0, root) }.joined()
    case .junit: return junit(report)
    }
  }

  private func line(_ value: Value) -> String {
    String(decoding: (try? value.jsonBytes(JSONOptions(bytes: .lossy))) ?? [], as: UTF8.self) + "\n"
  }

  private func json(_ report: CheckReport) -> String {
    line([
      "diagnostics": .array(report.diagnostics.map(\.record)),
      "undecided": .array(report.undecided.map(\.record)),
      "summary": [
        "errors": .integer(Int64(report.count(.error))),
        "warnings": .integer(Int64(report.count(.warning))),
        "scripts": .integer(Int64(report.fileCount)),
        "undecided": .integer(Int64(report.undecided.count)),
      ],
    ])
  }

  // MARK: SARIF

  private func sarif(_ report: CheckReport, _ root: String) -> String {
    let found = Set(report.diagnostics.map(\.code))
    let rules = CheckCode.all.filter { found.contains($0.code) }
    return line([
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
      "runs": [
        [
          "tool": [
            "driver": [
              "name": "moonstore check",
              "rules": .array(
                rules.map {
                  ["id": .string($0.code), "shortDescription": ["text": .string($0.summary)]]
                }
              ),
            ]
          ],
          // Columns are counted in Unicode scalars.
          "columnKind": "unicodeCodePoints",
          "results": .array(report.diagnostics.map { result($0, root) }),
        ]
      ],
    ])
  }

  private func result(_ diagnostic: Diagnostic, _ root: String) -> Value {
    var location: Value = [:]
    if let place = diagnostic.place {
      var region: ValueMap = ["startLine": .integer(Int64(place.line ?? 1))]
      if let column = place.column { region["startColumn"] = .integer(Int64(column)) }
      if let line = place.endLine { region["endLine"] = .integer(Int64(line)) }
      if let column = place.endColumn { region["endColumn"] = .integer(Int64(column)) }
      location = [
        "physicalLocation": [
          "artifactLocation": ["uri": .string(uri(root + place.file))], "region": .map(region),
        ]
      ]
    }
    return [
      "ruleId": .string(diagnostic.code), "level": .string(diagnostic.severity.rawValue),
      "message": ["text": .string(diagnostic.message)], "locations": [location],
    ]
  }

  private func uri(_ path: String) -> String {
    path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
  }

  // MARK: GitHub

  private func github(_ diagnostic: Diagnostic, _ root: String) -> String {
    let command =
      switch diagnostic.severity {
      case .error: "error"
      case .warning: "warning"
      case .note: "notice"
      }
    var fields: [String] = []
    if let place = diagnostic.place {
      fields.append("file=\(property(root + place.file))")
      if let line = place.line { fields.append("line=\(line)") }
      if let line = place.endLine { fields.append("endLine=\(line)") }
      if let column = place.column { fields.append("col=\(column)") }
      if let column = place.endColumn { fields.append("endColumn=\(column)") }
    }
    fields.append("title=\(property(diagnostic.code))")
    return "::\(command) \(fields.joined(separator: ","))::\(data(diagnostic.message))\n"
  }

  private func data(_ text: String) -> String {
    text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
  }

  private func property(_ text: String) -> String {
    data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
  }

  // MARK: JUnit

  private func junit(_ report: CheckReport) -> String {
    let files = Dictionary(grouping: report.diagnostics) { $0.place?.file ?? "" }
    let passed = max(0, report.fileCount - files.count)
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    text += "<testsuites>\n  <testsuite name=\"moonstore check\" tests=\"\(files.count + passed)\""
    text += " failures=\"\(files.count)\" errors=\"0\">\n"
    for (file, diagnostics) in files.sorted(by: { $0.key < $1.key }) {
      text += "    <testcase classname=\"check\" name=\"\(xml(file))\">\n"
      let lines = diagnostics.map(\.description).joined(separator: "\n")
      text += "      <failure message=\"\(xml(diagnostics[0].message))\">\(xml(lines))</failure>\n"
      text += "    </testcase>\n"
    }
    for number in stride(from: 1, through: passed, by: 1) {
      text += "    <testcase classname=\"check\" name=\"script \(number) without findings\"/>\n"
    }
    return text + "  </testsuite>\n</testsuites>\n"
  }

  private func xml(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\n", "\t": escaped.unicodeScalars.append(scalar)
      // XML has no place for other control characters.
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
        escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
