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
    let code = code(of: text)
    guard !code.hasPrefix(":") || code.hasPrefix("::") else { return false }
    return EntrySyntax(code).form == .incomplete
  }

  /// The Lua of an entry, behind a command that takes code; a text that is another command stays as it is.
  public static func code(of text: String) -> Substring {
    let code = text.drop { $0.isWhitespace }
    if code.first == "=" { return code.dropFirst() }
    guard code.first == ":" else { return text[...] }
    let name = code.prefix { !$0.isWhitespace }
    guard name.count < code.count, ReplCommand.named(name)?.takes == .code else { return code }
    return code.dropFirst(name.count)
  }

  /// What errors call an entry, by its number.
  public static func name(ofEntry number: Int) -> String { "entry \(number)" }

  /// Whether errors call an entry so.
  static func isEntry(_ name: String) -> Bool {
    name.hasPrefix("entry ") && Int(name.dropFirst("entry ".count)) != nil
  }

  /// Whether a text ends inside of a long string or a long comment, so that its next line is no line of its own.
  public static func endsInsideText(_ text: String) -> Bool {
    SyntaxTree(parsing: text + "\n").endsInsideToken
  }
}
