public import MoonDiagnostics
import MoonLuaSyntax
public import MoonstoreCore

extension StoreError {
  /// The error as people and programs are told of it, wherever it came up.
  ///
  /// Of a text that is no Lua all mistakes are told, not only the first one, if the text is known.
  ///
  /// - Parameters:
  ///   - severity: How bad it is to those who are told.
  ///   - text: Gives the text of a script or an entry by its name, for columns and for what is shown of its lines.
  /// - Returns: One diagnostic; several for a text with several mistakes.
  public func diagnostics(
    _ severity: Diagnostic.Severity = .error,
    text: (_ script: String) -> String? = { _ in nil }
  ) -> [Diagnostic] {
    guard let script else {
      return [Diagnostic(severity, code.rawValue, summary, traceback: tracebackLines)]
    }
    let known = text(script)
    if code == .syntax, let known, let found = StoreError.syntax(of: known, script, line) {
      return found
    }
    let source = known.map(SourceText.init)
    let shown = line.flatMap { line in
      source.flatMap { line <= $0.lineCount && line > 0 ? $0[$0.range(ofLine: line)] : nil }
    }
    let place = Diagnostic.Place(file: script, line: line, column: column, text: shown)
    let kind = code == .syntax ? Diagnostic.syntaxCode : code.rawValue
    return [Diagnostic(severity, kind, ownMessage, at: place, traceback: tracebackLines)]
  }

  private var tracebackLines: [String] { traceback.split(separator: "\n").map(String.init) }

  /// All mistakes of a text; nil where it is not the text that had the mistake, such as one that was changed since.
  private static func syntax(of text: String, _ script: String, _ line: Int?) -> [Diagnostic]? {
    let found =
      ReplInput.isEntry(script)
      ? Diagnostic.syntax(of: EntrySyntax(text, isWhole: true), file: script)
      : Diagnostic.syntax(of: SyntaxTree(parsing: text), file: script)
    return found.contains { $0.place?.line == line } ? found : nil
  }

  /// The message without its place, and with the store in which it happened.
  private var ownMessage: String {
    var text = message
    if let script, let line, text.hasPrefix("\(script):\(line): ") {
      text = String(text.dropFirst("\(script):\(line): ".count))
    } else if let script, text.hasPrefix("\(script): ") {
      text = String(text.dropFirst("\(script): ".count))
    }
    if let store {
      let place = member.map { "\(store):\($0)" } ?? store
      if !text.contains(place) { text += " (in \(place))" }
    }
    return text
  }

  /// Where a text that is no Lua is wrong, for those who do not have the text.
  mutating func locate(in tree: SyntaxTree, prefixLength: Int = 0) {
    guard code == .syntax, let problem = tree.problems.first else { return }
    let position = tree.source.position(at: problem.range.lowerBound)
    guard position.line == line else { return }
    column = position.column - (position.line == 1 ? prefixLength : 0)
  }
}
