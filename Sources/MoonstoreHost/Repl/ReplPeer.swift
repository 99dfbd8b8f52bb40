import MoonLuaSyntax

/// What a prompt talks to: a session of this process, or one of another that it is attached to.
public protocol ReplPeer: Sendable {
  /// Runs an entry, and waits for its end.
  func submit(_ text: String, _ view: ReplView) async -> ReplResult
  /// What could stand at the end of a text.
  func completions(for text: String) async -> ReplCompletions
  /// Cancels the entry that runs or waits.
  func cancel()
  /// Ends watches and traces.
  func stop() async
  /// Ends the session.
  func close() async
}

extension ReplSession: ReplPeer {}

/// What a prompt asks of a text before it is submitted.
public enum ReplInput: Sendable {
  /// Whether a text lacks its end, so that the next line belongs to it.
  public static func isIncomplete(_ text: String) -> Bool {
    var code = text.drop { $0.isWhitespace }
    if code.first == ":" {
      let name = code.prefix { !$0.isWhitespace }
      guard ReplCommand.named(name)?.takes == .code else { return false }
      code = code.dropFirst(name.count)
    } else if code.first == "=" {
      code = code.dropFirst()
    }
    // With a line break behind it a text without an end quote is wrong, and does not lack its end.
    let source = code + "\n"
    let expression = SyntaxTree(parsing: "return " + source)
    guard !expression.problems.isEmpty else { return false }
    let statements = SyntaxTree(parsing: String(source))
    guard !statements.problems.isEmpty else { return false }
    return expression.isIncomplete || statements.isIncomplete
  }
}
