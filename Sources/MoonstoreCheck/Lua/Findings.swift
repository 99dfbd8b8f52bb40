import MoonDiagnostics
import MoonLuaSyntax

/// What rules have found in one script.
struct Findings {
  private let script: CheckedScript
  private(set) var list: [Diagnostic] = []
  /// More are not kept of one script: its reader has enough to do.
  static let most = 1_000

  init(_ script: CheckedScript) { self.script = script }

  mutating func add(
    _ code: String,
    _ message: String,
    _ node: SyntaxNode,
    notes: [Diagnostic.Note] = [],
    fix: Diagnostic.Fix? = nil
  ) {
    add(code, message, at: script.place(node), notes: notes, fix: fix)
  }

  mutating func add(
    _ code: String,
    _ message: String,
    token: Int,
    notes: [Diagnostic.Note] = [],
    fix: Diagnostic.Fix? = nil
  ) {
    add(code, message, at: script.place(ofToken: token), notes: notes, fix: fix)
  }

  mutating func add(
    _ code: String,
    _ message: String,
    at place: Diagnostic.Place,
    notes: [Diagnostic.Note] = [],
    fix: Diagnostic.Fix? = nil
  ) {
    guard list.count < Self.most else { return }
    list.append(
      Diagnostic(CheckCode.severity(of: code), code, message, at: place, notes: notes, fix: fix)
    )
  }

  mutating func add(_ diagnostics: [Diagnostic]) { list += diagnostics }
}
