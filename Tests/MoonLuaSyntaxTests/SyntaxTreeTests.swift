import MoonLuaSyntax
import Testing

/// What is in a tree, and where.
struct SyntaxTreeTests {
  /// The kinds and texts of a tree in one line, for comparing.
  private func outline(_ node: SyntaxNode) -> String {
    let inner = node.children.map(outline).joined(separator: " ")
    let own = node.ownTokens.map { node.tree.text(ofToken: $0) }.joined(separator: " ")
    return "(\(node.kind)\(own.isEmpty ? "" : " '\(own)'")\(inner.isEmpty ? "" : " \(inner)"))"
  }

  private func outline(_ text: String) -> String {
    SyntaxTree(parsing: text).root.children.map(outline).joined(separator: " ")
  }

  @Test(
    "Statements and expressions become nodes with their parts in order",
    arguments: [
      (
        "x = 1", "(assignment '=' (targetList (variable 'x')) (expressionList (numberLiteral '1')))"
      ),
      (
        "local a <const>, b = f()",
        "(localStatement 'local , =' (declaredName 'a < const >') (declaredName 'b') "
          + "(expressionList (call (variable 'f') (arguments '( )'))))"
      ),
      (
        "cart:add 'x'",
        "(callStatement (methodCall ': add' (variable 'cart') (arguments (stringLiteral ''x''))))"
      ),
      (
        "return a + b * c ^ d",
        "(returnStatement 'return' (expressionList (binary '+' (variable 'a') (binary '*' (variable 'b') "
          + "(binary '^' (variable 'c') (variable 'd'))))))"
      ),
      (
        "for i, v in pairs(t) do print(v) end",
        "(genericFor 'for , in do end' (declaredName 'i') (declaredName 'v') (expressionList (call (variable 'pairs') "
          + "(arguments '( )' (variable 't')))) (block (callStatement (call (variable 'print') (arguments '( )' (variable 'v'))))))"
      ),
      (
        "t = { 1, a = 2, [k] = 3 }",
        "(assignment '=' (targetList (variable 't')) (expressionList (table '{ , , }' (positionalField (numberLiteral '1')) "
          + "(namedField 'a =' (numberLiteral '2')) (keyedField '[ ] =' (variable 'k') (numberLiteral '3')))))"
      ),
      (
        "function a.b:c(x, ...) end",
        "(functionStatement 'function' (functionName 'a . b : c') (functionBody 'end' (parameters '( , ... )' (declaredName 'x')) (block)))"
      ),
    ]
  )
  func outlines(text: String, expected: String) {
    #expect(outline(text) == expected)
  }

  @Test("A name leads to the local variable that it stands for, and a global one to none")
  func declarations() {
    let tree = SyntaxTree(parsing: "local a = 1\nlocal function f(a) return a end\nreturn a, b, f")
    let names = (0..<tree.tokens.count).filter { tree.tokens.kinds[$0] == .name }
    let found = names.map { token in
      tree.declaration(ofToken: token).map {
        tree.source.position(at: tree.tokens.range(of: $0).lowerBound)
      }
    }
    let (outer, function, parameter) = (
      SourceText.Position(line: 1, column: 7), SourceText.Position(line: 2, column: 16),
      SourceText.Position(line: 2, column: 18)
    )
    #expect(found == [outer, function, parameter, parameter, outer, nil, function])
  }

  @Test("Positions count scalars, and UTF-16 units for editors; all line breaks of Lua end a line")
  func positions() throws {
    let tree = SyntaxTree(parsing: "-- é\r\nx = '😀' .. y\n\ry = 1")
    let last = try #require((0..<tree.tokens.count).first { tree.text(ofToken: $0) == "y" })
    let offset = tree.tokens.range(of: last).lowerBound
    #expect(tree.source.position(at: offset) == SourceText.Position(line: 2, column: 12))
    #expect(tree.source.utf16Column(at: offset) == 12)
    #expect(tree.source.lineCount == 3)
    #expect(tree.source[tree.source.range(ofLine: 3)] == "y = 1")
    #expect(tree.node(at: offset).kind == .variable)
    #expect(tree.tokens.comments.map { tree.source[$0] } == ["-- é"])
  }

  @Test("Of a file a byte order mark and a first line for the shell are passed over")
  func files() {
    let source = SourceText("\u{FEFF}#!/usr/bin/env lua\nreturn 1")
    #expect(SyntaxTree(parsing: source, isFile: true).problems.isEmpty)
    #expect(!SyntaxTree(parsing: source).problems.isEmpty)
    #expect(SyntaxTree(parsing: "return #'text'").problems.isEmpty)
  }

  @Test(
    "String literals stand for the bytes that Lua makes of them",
    arguments: [
      (#"'a\n\65\x42\u{20AC}\z   c'"#, "a\nAB€c"), ("[[\nfirst\r\n\nsecond]]", "first\n\nsecond"),
      ("[[\n\na]]", "\na"),
      ("[==[]]]==]", "]]"), (#""\"'""#, "\"'"), (#"'\u{0}\0'"#, "\0\0"),
    ]
  )
  func strings(text: String, content: String) throws {
    let literal = try #require(
      SyntaxTree(parsing: "return " + text).root.child(.returnStatement)?.child(.expressionList)?
        .child(.stringLiteral)
    )
    #expect(literal.stringContent.map { Array($0) } == Array(content.utf8))
  }

  @Test(
    "Numerals stand for the values that Lua makes of them",
    arguments: [
      ("0", .integer(0)), ("9223372036854775807", .integer(.max)),
      ("9223372036854775808", .number(9_223_372_036_854_775_808)),
      ("0xFFFFFFFFFFFFFFFF", .integer(-1)), ("0x1p4", .number(16)), ("0x.8", .number(0.5)),
      ("1e2", .number(100)), (".5", .number(0.5)),
      ("5.", .number(5)), ("1e999", .number(.infinity)), ("0x1p-1080", .number(0x1p-1074 * 0x1p-6)),
      ("1e", nil), ("0x", nil), ("3x", nil),
    ] as [(String, NumberLiteral?)]
  )
  func numbers(text: String, value: NumberLiteral?) {
    #expect(NumberLiteral.parse(ArraySlice(Array(text.utf8))) == value)
  }
}

/// What is told of a text that is wrong, and what of it is read all the same.
struct SyntaxRecoveryTests {
  private func problems(_ text: String) -> [String] {
    let tree = SyntaxTree(parsing: text)
    return tree.problems.map {
      "\(tree.source.position(at: $0.range.lowerBound).line): \($0.message)"
    }
  }

  @Test("Each of several mistakes is told once, at its own line")
  func several() {
    let text = """
      local a = = 1
      local b = 2
      if b then
        c = (1 +
        d = 3
      end
      for i = 1 10 do print(i) end
      local function f(
      e = 4
      """
    #expect(
      problems(text) == [
        "1: unexpected symbol near '='",
        "5: ')' expected (to close '(' at line 4) near '='",
        "7: ',' expected near '10'",
        "9: ')' expected near '='",
      ]
    )
    let tree = SyntaxTree(parsing: text)
    var declared: [String] = []
    tree.root.walk { if $0.kind == .declaredName { declared.append($0.text) } }
    #expect(declared.contains("b") && declared.contains("i"))
  }

  @Test(
    "A text that only lacks its end says so, and one that more text cannot mend does not",
    arguments: [
      ("if x then", true), ("local t = {", true), ("x = 'abc", true), ("x = [[abc", true),
      ("--[[ abc", true), ("f(", true), ("x = ", true),
      ("function f(a, b", true), ("x = a +", true), ("repeat x = 1", true), ("if x then }", false),
      ("x = = 1", false), ("x = 'a\nb'", false), ("end", false),
      ("x = 1", false), ("", false),
    ]
  )
  func incomplete(text: String, isIncomplete: Bool) {
    #expect(SyntaxTree(parsing: text).isIncomplete == isIncomplete)
  }

  @Test("The first problem stands on the line where Lua's compiler puts it")
  func lines() throws {
    for (text, line) in [
      ("x = 1\ny = = 2", 2), ("if x\nthen\nend end", 3), ("local x <const> = 1\nx = 2", 2),
      ("f(\n\n}", 3),
    ] {
      let tree = SyntaxTree(parsing: text)
      let first = try #require(tree.problems.first)
      #expect(tree.source.line(at: first.range.lowerBound) == line)
      #expect(StandardCompiler.refusal(of: Array(text.utf8))?.contains(":\(line):") == true)
    }
  }
}
