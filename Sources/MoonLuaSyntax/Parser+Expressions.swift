extension Parser {
  /// Reads expressions separated by commas.
  mutating func parseExpressionList() throws(Failure) {
    let first = position
    let mark = mark
    repeat { try parseExpression() } while take(.comma)
    finish(.expressionList, from: first, since: mark)
  }

  mutating func parseExpression() throws(Failure) { try parseOperators(above: 0) }

  // MARK: Operators

  /// How strongly a binary operator binds on its left and on its right; nil for what is none.
  private static func priority(of kind: TokenKind) -> (left: Int, right: Int)? {
    switch kind {
    case .or: (1, 1)
    case .and: (2, 2)
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: (3, 3)
    case .pipe: (4, 4)
    case .tilde: (5, 5)
    case .ampersand: (6, 6)
    case .shiftLeft, .shiftRight: (7, 7)
    case .concat: (9, 8)
    case .plus, .minus: (10, 10)
    case .star, .slash, .doubleSlash, .percent: (11, 11)
    case .caret: (14, 13)
    default: nil
    }
  }

  private static let unaryPriority = 12

  /// Reads an expression whose binary operators bind more strongly than `limit`.
  private mutating func parseOperators(above limit: Int) throws(Failure) {
    try nest()
    defer { unnest() }
    let first = position
    let mark = mark
    switch kind {
    case .not, .minus, .tilde, .hash:
      advance()
      try parseOperators(above: Parser.unaryPriority)
      finish(.unary, from: first, since: mark)
    default: try parseSimpleExpression()
    }
    while let priority = Parser.priority(of: kind), priority.left > limit {
      advance()
      try parseOperators(above: priority.right)
      finish(.binary, from: first, since: mark)
    }
  }

  private mutating func parseSimpleExpression() throws(Failure) {
    let first = position
    let mark = mark
    switch kind {
    case .number: literal(.numberLiteral)
    case .string: literal(.stringLiteral)
    case .nil: literal(.nilLiteral)
    case .true, .false: literal(.booleanLiteral)
    case .ellipsis:
      if !scopes.isVararg {
        report("cannot use '...' outside a vararg function", at: position)
      }
      literal(.varargs)
    case .openBrace: try parseTable()
    case .function:
      advance()
      try parseFunctionBody(openedBy: first, isMethod: false)
      finish(.functionExpression, from: first, since: mark)
    default: try parseSuffixedExpression()
    }
  }

  private mutating func literal(_ kind: SyntaxKind) {
    let first = position
    advance()
    finish(kind, from: first, since: mark)
  }

  // MARK: Variables, fields and calls

  mutating func parseSuffixedExpression() throws(Failure) {
    let first = position
    let mark = mark
    try parsePrimaryExpression()
    while true {
      switch kind {
      case .dot:
        advance()
        guard kind == .name else {
          report("<name> expected")
          return finish(.member, from: first, since: mark)
        }
        advance()
        finish(.member, from: first, since: mark)
      case .openBracket:
        let opening = position
        advance()
        try parseExpression()
        close(.closeBracket, openedBy: opening)
        finish(.index, from: first, since: mark)
      case .colon:
        advance()
        _ = try expectName()
        try parseArguments()
        finish(.methodCall, from: first, since: mark)
      case .openParenthesis, .string, .openBrace:
        try parseArguments()
        finish(.call, from: first, since: mark)
      default: return
      }
    }
  }

  private mutating func parsePrimaryExpression() throws(Failure) {
    let first = position
    let mark = mark
    switch kind {
    case .name:
      advance()
      resolve(first, isWritten: false)
      finish(.variable, from: first, since: mark)
    case .openParenthesis:
      advance()
      try parseExpression()
      close(.closeParenthesis, openedBy: first)
      finish(.parenthesized, from: first, since: mark)
    default: throw fail("unexpected symbol")
    }
  }

  private mutating func parseArguments() throws(Failure) {
    let first = position
    let mark = mark
    switch kind {
    case .string: literal(.stringLiteral)
    case .openBrace: try parseTable()
    case .openParenthesis:
      advance()
      if kind != .closeParenthesis {
        repeat { try parseExpression() } while take(.comma)
      }
      close(.closeParenthesis, openedBy: first)
    default: throw fail("function arguments expected")
    }
    finish(.arguments, from: first, since: mark)
  }

  // MARK: Tables

  private mutating func parseTable() throws(Failure) {
    let first = position
    let mark = mark
    advance()
    while kind != .closeBrace, kind != .end {
      try parseField()
      guard take(.comma) || take(.semicolon) else { break }
    }
    close(.closeBrace, openedBy: first)
    finish(.table, from: first, since: mark)
  }

  private mutating func parseField() throws(Failure) {
    let first = position
    let mark = mark
    if kind == .name, kind(ahead: 1) == .assign {
      advance()
      advance()
      try parseExpression()
      finish(.namedField, from: first, since: mark)
    } else if kind == .openBracket {
      advance()
      try parseExpression()
      close(.closeBracket, openedBy: first)
      try expect(.assign)
      try parseExpression()
      finish(.keyedField, from: first, since: mark)
    } else {
      try parseExpression()
      finish(.positionalField, from: first, since: mark)
    }
  }

  // MARK: Names

  /// Finds out which variable a name stands for.
  mutating func resolve(_ token: Int, isWritten: Bool) {
    switch scopes.resolve(tokens.names[token]) {
    case .global: break
    case .tooManyUpvalues: report("too many upvalues (limit is \(Scopes.maximumUpvalues))")
    case .local(let local):
      declarations[token] = local.token
      if isWritten { checkWritable(token) }
    }
  }

  /// Notes a write to a constant.
  mutating func checkWritable(_ token: Int) {
    guard case .local(let local) = scopes.resolve(tokens.names[token]), local.attribute != .none
    else {
      return
    }
    let name = source[tokens.range(of: token)]
    report("attempt to assign to const variable '\(name)'", at: token)
  }
}
