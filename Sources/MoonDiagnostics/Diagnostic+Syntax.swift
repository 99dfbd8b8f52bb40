public import MoonLuaSyntax

extension Diagnostic.Place {
  /// Longer lines, such as generated ones, are not kept: there may be many places in one.
  private static let longestLine = 10_000

  /// The place of some bytes of a text.
  ///
  /// - Parameters:
  ///   - range: The bytes.
  ///   - source: The text.
  ///   - file: The script that the text belongs to.
  public init(_ range: Range<Int>, in source: SourceText, file: String) {
    let start = source.position(at: range.lowerBound)
    let end = source.position(at: range.upperBound)
    let line = source.range(ofLine: start.line)
    self.init(
      file: file,
      line: start.line,
      column: start.column,
      endLine: end.line,
      endColumn: end.column,
      text: line.count <= Self.longestLine ? source[line] : nil
    )
  }
}

extension Diagnostic {
  /// The code of all that makes a text no Lua, which luacheck calls so too.
  public static let syntaxCode = "E011"

  /// All that is wrong with the syntax of a text.
  ///
  /// - Parameters:
  ///   - tree: The tree of the text.
  ///   - file: The script that the text belongs to.
  /// - Returns: The problems in the order of the text; none for a text that Lua compiles.
  public static func syntax(of tree: SyntaxTree, file: String) -> [Diagnostic] {
    tree.problems.map { problem in
      let place = Place(problem.range, in: tree.source, file: file)
      return Diagnostic(.error, syntaxCode, problem.message, at: place)
    }
  }
}

extension Diagnostic {
  /// All that is wrong with the syntax of an entry of a prompt, with columns as they were typed.
  public static func syntax(of entry: EntrySyntax, file: String) -> [Diagnostic] {
    guard entry.prefixLength > 0 else { return syntax(of: entry.tree, file: file) }
    let typed = SourceText(bytes: ContiguousArray(entry.source.utf8.dropFirst(entry.prefixLength)))
    return entry.tree.problems.map { problem in
      let start = max(0, problem.range.lowerBound - entry.prefixLength)
      let end = max(start, problem.range.upperBound - entry.prefixLength)
      return Diagnostic(
        .error,
        syntaxCode,
        problem.message,
        at: Place(start..<end, in: typed, file: file)
      )
    }
  }
}
