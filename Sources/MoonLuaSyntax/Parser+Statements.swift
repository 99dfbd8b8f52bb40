extension Parser {
  mutating func parseStatement() throws(Failure) {
    let first = position
    let mark = mark
    try nest()
    defer { unnest() }
    switch kind {
    case .semicolon:
      advance()
      finish(.emptyStatement, from: first, since: mark)
    case .if: try parseIf(first, mark)
    case .while: try parseWhile(first, mark)
    case .do:
      advance()
      parseScopedBlock(isLoop: false)
      close(.endKeyword, openedBy: first)
      finish(.doStatement, from: first, since: mark)
    case .for: try parseFor(first, mark)
    case .repeat: try parseRepeat(first, mark)
    case .function: try parseFunctionStatement(first, mark)
    case .local:
      advance()
      if kind == .function {
        try parseLocalFunction(first, mark)
      } else {
        try parseLocal(first, mark)
      }
    case .doubleColon: try parseLabel(first, mark)
    case .return: try parseReturn(first, mark)
    case .break:
      advance()
      scopes.addJump(nil, token: first)
      finish(.breakStatement, from: first, since: mark)
    case .goto:
      advance()
      let name = try expectName()
      scopes.addJump(tokens.names[name], token: name)
      finish(.gotoStatement, from: first, since: mark)
    default: try parseExpressionStatement(first, mark)
    }
  }

  mutating func parseScopedBlock(isLoop: Bool) {
    scopes.beginBlock(isLoop: isLoop)
    parseBlock()
    scopes.endBlock()
  }

  // MARK: Control

  private mutating func parseIf(_ first: Int, _ mark: Int) throws(Failure) {
    repeat {
      let clause = position
      let inner = self.mark
      advance()
      try parseExpression()
      expectSoftly(.then)
      parseScopedBlock(isLoop: false)
      finish(.ifClause, from: clause, since: inner)
    } while kind == .elseif
    let clause = position
    if take(.else) {
      let inner = self.mark
      parseScopedBlock(isLoop: false)
      finish(.elseClause, from: clause, since: inner)
    }
    close(.endKeyword, openedBy: first)
    finish(.ifStatement, from: first, since: mark)
  }

  /// Takes a keyword, or notes that it lacks and goes on as if it were there, so that the block behind it is one.
  private mutating func expectSoftly(_ wanted: TokenKind) {
    if take(wanted) { return }
    report("'\(wanted.text ?? "")' expected")
    // What is not read here stands on the line of the condition; the block begins behind it.
    let line = line(of: max(0, position - 1))
    while kind != .end, !kind.isKeyword, self.line(of: position) == line { advance() }
    _ = take(wanted)
  }

  private mutating func parseWhile(_ first: Int, _ mark: Int) throws(Failure) {
    advance()
    try parseExpression()
    expectSoftly(.do)
    parseScopedBlock(isLoop: true)
    close(.endKeyword, openedBy: first)
    finish(.whileStatement, from: first, since: mark)
  }

  private mutating func parseRepeat(_ first: Int, _ mark: Int) throws(Failure) {
    advance()
    scopes.beginBlock(isLoop: true)
    scopes.beginBlock(isLoop: false)
    defer {
      scopes.endBlock()
      scopes.endBlock()
    }
    parseBlock()
    close(.until, openedBy: first)
    // The condition sees the locals of the block.
    try parseExpression()
    finish(.repeatStatement, from: first, since: mark)
  }

  private mutating func parseFor(_ first: Int, _ mark: Int) throws(Failure) {
    advance()
    scopes.beginBlock(isLoop: true)
    defer { scopes.endBlock() }
    var names: [Int] = [try declareName()]
    let isNumeric = kind == .assign
    // What the loop keeps for itself: three values, and four for iterators.
    let hidden = isNumeric ? 3 : 4
    guard scopes.addHidden(hidden) else { throw reportTooManyLocals() }
    defer { scopes.removeHidden(hidden) }
    if take(.assign) {
      try parseExpression()
      try expect(.comma)
      try parseExpression()
      if take(.comma) { try parseExpression() }
    } else if kind == .comma || kind == .in {
      while take(.comma) {
        names.append(try declareName())
        guard scopes.isWithinLimit(more: names.count) else { throw reportTooManyLocals() }
      }
      try expect(.in)
      try parseExpressionList()
    } else {
      throw fail("'=' or 'in' expected")
    }
    expectSoftly(.do)
    scopes.beginBlock(isLoop: false)
    for name in names { scopes.declare(tokens.names[name], token: name, .none) }
    guard scopes.isWithinLimit(more: 0) else { throw reportTooManyLocals() }
    parseBlock()
    scopes.endBlock()
    close(.endKeyword, openedBy: first)
    finish(isNumeric ? .numericFor : .genericFor, from: first, since: mark)
  }

  /// Reads a name that will be declared.
  private mutating func declareName() throws(Failure) -> Int {
    let name = try expectName()
    finish(.declaredName, from: name, since: mark)
    declarations[name] = Int32(name)
    return name
  }

  private mutating func parseLabel(_ first: Int, _ mark: Int) throws(Failure) {
    advance()
    let name = try expectName()
    try expect(.doubleColon)
    finish(.labelStatement, from: first, since: mark)
    // Whether it is the last statement of its block that does something.
    var next = position
    while next < tokens.count {
      if tokens.kinds[next] == .semicolon {
        next += 1
      } else if tokens.kinds[next] == .doubleColon {
        next += 3
      } else {
        break
      }
    }
    let isLast: Bool
    switch next < tokens.count ? tokens.kinds[next] : .end {
    case .end, .endKeyword, .else, .elseif: isLast = true
    default: isLast = false
    }
    if let known = scopes.addLabel(tokens.names[name], token: name, isLast: isLast) {
      let text = source[tokens.range(of: name)]
      report("label '\(text)' already defined on line \(line(of: known))", at: name)
    }
  }

  private mutating func parseReturn(_ first: Int, _ mark: Int) throws(Failure) {
    advance()
    if !endsBlock, kind != .semicolon { try parseExpressionList() }
    _ = take(.semicolon)
    finish(.returnStatement, from: first, since: mark)
  }

  // MARK: Declarations

  private mutating func parseLocal(_ first: Int, _ mark: Int) throws(Failure) {
    var declared: [(name: Int, attribute: Scopes.Attribute)] = []
    var isClosing = false
    repeat {
      let inner = self.mark
      let name = try expectName()
      var attribute = Scopes.Attribute.none
      if take(.less) {
        let word = try expectName()
        try expect(.greater)
        switch source[tokens.range(of: word)] {
        case "const": attribute = .const
        case "close":
          attribute = .close
          if isClosing {
            report("multiple to-be-closed variables in local list", at: word)
          }
          isClosing = true
        case let unknown: report("unknown attribute '\(unknown)'", at: word)
        }
      }
      finish(.declaredName, from: name, since: inner)
      declarations[name] = Int32(name)
      declared.append((name, attribute))
      guard scopes.isWithinLimit(more: declared.count) else { throw reportTooManyLocals() }
    } while take(.comma)
    if take(.assign) { try parseExpressionList() }
    for (name, attribute) in declared { scopes.declare(tokens.names[name], token: name, attribute) }
    finish(.localStatement, from: first, since: mark)
  }

  mutating func reportTooManyLocals() -> Failure {
    fail("too many local variables (limit is \(Scopes.maximumLocals))")
  }

  private mutating func parseLocalFunction(_ first: Int, _ mark: Int) throws(Failure) {
    advance()
    let name = try declareName()
    guard scopes.isWithinLimit(more: 1) else { throw reportTooManyLocals() }
    // It sees itself.
    scopes.declare(tokens.names[name], token: name, .none)
    try parseFunctionBody(openedBy: first, isMethod: false)
    finish(.localFunction, from: first, since: mark)
  }

  private mutating func parseFunctionStatement(_ first: Int, _ mark: Int) throws(Failure) {
    advance()
    let nameStart = position
    let inner = self.mark
    let name = try expectName()
    var isField = false
    var isMethod = false
    while take(.dot) {
      isField = true
      _ = try expectName()
    }
    if take(.colon) {
      isMethod = true
      _ = try expectName()
    }
    resolve(name, isWritten: !isField && !isMethod)
    finish(.functionName, from: nameStart, since: inner)
    try parseFunctionBody(openedBy: first, isMethod: isMethod)
    finish(.functionStatement, from: first, since: mark)
  }

  /// Reads parameters, block and `end`.
  mutating func parseFunctionBody(openedBy opening: Int, isMethod: Bool) throws(Failure) {
    let first = position
    let mark = mark
    scopes.beginFunction(isVararg: false)
    defer { scopes.endFunction() }
    let parameterStart = position
    let inner = self.mark
    try expect(.openParenthesis)
    var names: [Int] = []
    if kind != .closeParenthesis {
      repeat {
        if take(.ellipsis) {
          scopes.setVararg()
          break
        }
        guard kind == .name else { throw fail("<name> expected") }
        names.append(try declareName())
        guard scopes.isWithinLimit(more: names.count + (isMethod ? 1 : 0)) else {
          throw reportTooManyLocals()
        }
      } while take(.comma)
    }
    if isMethod {
      // The parameter that is not written, in the place of the method's name.
      if tokens.selfName == 0 {
        _ = scopes.addHidden(1)
      } else {
        scopes.declare(tokens.selfName, token: first - 1, .none)
      }
    }
    for name in names { scopes.declare(tokens.names[name], token: name, .none) }
    try expect(.closeParenthesis)
    finish(.parameters, from: parameterStart, since: inner)
    parseBlock()
    close(.endKeyword, openedBy: opening)
    finish(.functionBody, from: first, since: mark)
  }

  // MARK: Expressions as statements

  private mutating func parseExpressionStatement(_ first: Int, _ mark: Int) throws(Failure) {
    try parseSuffixedExpression()
    guard kind == .assign || kind == .comma else {
      guard lastKind == .call || lastKind == .methodCall else { throw fail("syntax error") }
      return finish(.callStatement, from: first, since: mark)
    }
    var levels = 0
    defer { for _ in 0..<levels { unnest() } }
    try checkTarget()
    while take(.comma) {
      try parseSuffixedExpression()
      try checkTarget()
      // Lua reads the list by recursion.
      try nest()
      levels += 1
    }
    finish(.targetList, from: first, since: mark)
    try expect(.assign)
    try parseExpressionList()
    finish(.assignment, from: first, since: mark)
  }

  /// Throws unless what was read last can be assigned to.
  private mutating func checkTarget() throws(Failure) {
    switch lastKind {
    case .member, .index: return
    case .variable: checkWritable(position - 1)
    default: throw fail("syntax error")
    }
  }
}
