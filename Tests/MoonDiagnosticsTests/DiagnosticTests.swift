import MoonDiagnostics
import MoonLuaSyntax
import MoonValue
import Testing

@Suite struct DiagnosticTests {
  private func first(_ text: String) throws -> Diagnostic {
    let tree = SyntaxTree(parsing: text)
    return try #require(Diagnostic.syntax(of: tree, file: "stores/a.lua").first)
  }

  @Test func `A diagnostic is one line with place, severity, code and message`() throws {
    #expect(
      "\(try first("local a = 1\nlocal b = = 2"))"
        == "stores/a.lua:2:11: error E011: unexpected symbol near '='"
    )
    let line = Diagnostic(.error, "script", "stop", at: .init(file: "x.lua", line: 3))
    #expect("\(line)" == "x.lua:3: error script: stop")
    #expect(
      "\(Diagnostic(.error, "unreadable", "there is no such file"))"
        == "error: there is no such file"
    )
  }

  @Test func `A frame shows the line and marks what is meant, below tabs and wide characters too`()
    throws
  {
    let layout = DiagnosticText()
    let lines = layout.text(of: try first("\tx = '日本' .. } --")).split(separator: "\n")
    #expect(
      lines == [
        "stores/a.lua:1:14: error E011: unexpected symbol near '}'",
        "    1 | \tx = '日本' .. } --",
        "      | \t              ^",
      ]
    )
    #expect(DiagnosticText(showsFrames: false).text(of: try first("}")).count { $0 == "\n" } == 1)
  }

  @Test func `Of a line that is too long the part around the place is shown`() throws {
    let text = "x = '" + String(repeating: "a", count: 500) + "' } "
    let lines = DiagnosticText(width: 60).text(of: try first(text)).split(separator: "\n")
    #expect(lines.count == 3 && lines.allSatisfy { $0.count <= 61 })
    let mark = try #require(lines[2].firstIndex(of: "^"))
    let offset = lines[2].distance(from: lines[2].startIndex, to: mark)
    #expect(lines[1].dropFirst(offset).first == "}")
  }

  @Test func `Nothing of a script's text commands the terminal`() {
    let place = Diagnostic.Place(
      file: "a\u{1B}[2J.lua",
      line: 1,
      column: 1,
      text: "x\u{1B}[31m\u{202E}"
    )
    let text = DiagnosticText().text(
      of: Diagnostic(.warning, "W1\u{7}", "m\u{1B}c\nerror: y", at: place, traceback: ["\u{9B}1m"])
    )
    #expect(!text.unicodeScalars.contains { TerminalText.isHarmful($0) })
    #expect(text.contains("\n  error: y"))
    #expect(
      DiagnosticText(hasColor: true).text(of: Diagnostic(.error, "a", "b")).contains("\u{1B}[1;31m")
    )
  }

  @Test func `A place without its line, or outside of it, is told without a frame that breaks`() {
    for place in [
      Diagnostic.Place(file: "a.lua"), .init(file: "a.lua", line: 9),
      .init(file: "a.lua", line: 1, column: 99, endLine: 1, endColumn: 2, text: "x"),
      .init(file: "a.lua", line: 1, column: 1, endLine: 4, endColumn: 1, text: ""),
    ] {
      let text = DiagnosticText().text(of: Diagnostic(.note, "n", "m", at: place))
      #expect(text.hasPrefix("a.lua") && text.hasSuffix("\n"))
    }
  }

  @Test func `As data it has its place, notes, traceback and fix`() throws {
    var diagnostic = try first("x = = 1")
    diagnostic.notes = [.init("here", at: .init(file: "b.lua", line: 2))]
    diagnostic.fix = .init("take it out", replacing: 4..<5, with: "")
    #expect(
      diagnostic.json
        == #"{"code":"E011","column":5,"endColumn":6,"endLine":1,"file":"stores/a.lua","#
        + #""fix":{"end":5,"replacement":"","start":4,"title":"take it out"},"line":1,"#
        + #""message":"unexpected symbol near '='","notes":[{"file":"b.lua","line":2,"message":"here"}],"#
        + #""severity":"error"}"#
    )
  }

  @Test
  func `Columns of an entry are those that were typed, also where it was read as an expression`()
    throws
  {
    let entry = EntrySyntax("1 +\n}", isWhole: true)
    let found = Diagnostic.syntax(of: entry, file: "entry 1")
    #expect(found.first?.place?.line == 2 && found.first?.place?.column == 1)
    let line = EntrySyntax("a.b(1, ]", isWhole: true)
    #expect(Diagnostic.syntax(of: line, file: "entry 2").first?.place?.column == 8)
  }
}
