/// What an entry of a prompt is: an expression, statements, or a text that lacks its end.
///
/// The prompt asks it at each line break, and the session before it runs the entry, so that both decide alike.
public struct EntrySyntax: Sendable {
  /// What an entry is.
  public enum Form: Sendable {
    /// Only space and comments.
    case empty
    /// An expression list, whose values are the entry's.
    case expression
    case statements
    /// A text that lacks its end: with more lines it may be right.
    case incomplete
    /// A text that no further lines can make right.
    case invalid
  }

  /// What the entry is.
  public let form: Form
  /// The text as it is compiled: an expression behind `return`.
  public let source: String
  /// The tree of `source`; of an invalid entry that reading which got further.
  public let tree: SyntaxTree
  /// How many bytes stand in `source` before the text of the entry: those of `return`, or none.
  public let prefixLength: Int

  /// Reads an entry.
  ///
  /// It lacks its end if either of the two readings, as an expression and as statements, reaches the end of the text
  /// and would read on.
  ///
  /// - Parameters:
  ///   - text: The entry.
  ///   - isWhole: Whether no line follows, so that nothing is incomplete.
  public init(_ text: some StringProtocol, isWhole: Bool = false) {
    // With a line break behind it a text without an end quote is wrong, and does not lack its end.
    let text = isWhole ? String(text) : text + "\n"
    let statements = SyntaxTree(parsing: text)
    if statements.tokens.count == 1, statements.problems.isEmpty {
      (form, source, tree, prefixLength) = (.empty, text, statements, 0)
      return
    }
    let prefix = "return "
    let expression = SyntaxTree(parsing: prefix + text)
    if expression.problems.isEmpty {
      (form, source, tree, prefixLength) = (
        .expression, prefix + text, expression, prefix.utf8.count
      )
    } else if statements.problems.isEmpty {
      (form, source, tree, prefixLength) = (.statements, text, statements, 0)
    } else {
      let isIncomplete = !isWhole && (expression.isIncomplete || statements.isIncomplete)
      form = isIncomplete ? .incomplete : .invalid
      // An expression must get further by a line, since a statement can begin with little that an expression can.
      let isExpression = EntrySyntax.firstLine(expression) > EntrySyntax.firstLine(statements)
      source = isExpression ? prefix + text : text
      tree = isExpression ? expression : statements
      prefixLength = isExpression ? prefix.utf8.count : 0
    }
  }

  private static func firstLine(_ tree: SyntaxTree) -> Int {
    tree.problems.first.map { tree.source.line(at: $0.range.lowerBound) } ?? .max
  }
}
