/// Something in a text that Lua does not compile.
public struct SyntaxProblem: Hashable, Sendable {
  /// What is wrong, in Lua's words where Lua has some.
  public let message: String
  /// The bytes that are to blame.
  public let range: Range<Int>
  /// Whether only the end of the text is in the way: with more text it may be right.
  public let isAtEnd: Bool

  init(message: String, range: Range<Int>, isAtEnd: Bool = false) {
    self.message = message
    self.range = range
    self.isAtEnd = isAtEnd
  }
}
