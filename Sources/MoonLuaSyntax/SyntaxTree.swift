/// What a node of a syntax tree is, with the children that it has.
public enum SyntaxKind: UInt8, Sendable, CaseIterable {
  /// The whole text: a block.
  case chunk
  /// Statements.
  case block

  // Statements.
  /// A lone semicolon.
  case emptyStatement
  /// `local a <const>, b = 1, 2`: attributed names, and an expression list where there is one.
  case localStatement
  /// `local function f() end`: a name and a function body.
  case localFunction
  /// `function a.b:c() end`: a function name and a function body.
  case functionStatement
  /// `a, b.c = 1, 2`: a target list and an expression list.
  case assignment
  /// A call that stands for itself.
  case callStatement
  /// `do ... end`: a block.
  case doStatement
  /// `while c do ... end`: a condition and a block.
  case whileStatement
  /// `repeat ... until c`: a block and a condition.
  case repeatStatement
  /// Clauses.
  case ifStatement
  /// A condition and a block, from `if` or `elseif` on.
  case ifClause
  /// A block, from `else` on.
  case elseClause
  /// A name, two or three expressions, a block.
  case numericFor
  /// Names, an expression list, a block.
  case genericFor
  case gotoStatement
  case labelStatement
  case breakStatement
  /// An expression list where there is one.
  case returnStatement
  /// What could not be read, up to where reading goes on.
  case brokenStatement

  // Parts of statements.
  /// A name that is declared, with its attribute.
  case declaredName
  case expressionList
  case targetList
  /// `a.b.c:d`: names, of which a method's stands last.
  case functionName
  /// Declared names, and `...` as a token.
  case parameters
  /// Parameters and a block.
  case functionBody

  // Expressions.
  case nilLiteral, booleanLiteral, numberLiteral, stringLiteral, varargs
  /// `function() end`: a function body.
  case functionExpression
  /// Fields.
  case table
  /// A variable.
  case variable
  /// An expression in parentheses.
  case parenthesized
  /// `a.b`: an expression, and the name as a token.
  case member
  /// `a[b]`: two expressions.
  case index
  /// `f(...)`: an expression and arguments.
  case call
  /// `a:m(...)`: an expression, the name as a token, and arguments.
  case methodCall
  /// Expressions, in parentheses or as a single string or table.
  case arguments
  /// An operator as a token, and an expression.
  case unary
  /// Two expressions, with the operator as a token between them.
  case binary

  // Fields of tables.
  /// An expression.
  case positionalField
  /// A name as a token, and an expression.
  case namedField
  /// Two expressions.
  case keyedField

  /// Whether it is an expression.
  public var isExpression: Bool {
    rawValue >= SyntaxKind.nilLiteral.rawValue && rawValue <= SyntaxKind.binary.rawValue
  }

  /// Whether it is a statement.
  public var isStatement: Bool {
    rawValue >= SyntaxKind.emptyStatement.rawValue
      && rawValue <= SyntaxKind.brokenStatement.rawValue
      && self != .ifClause && self != .elseClause
  }
}

/// The tree of a Lua text: every token belongs to the innermost node around it.
///
/// It is made by `SyntaxTree.init(parsing:)`, also from a text that is wrong: what could not be read stands in
/// broken statements and in `problems`. It never changes, so threads can share it.
public final class SyntaxTree: Sendable {
  /// The text.
  public let source: SourceText
  /// Its tokens and comments.
  public let tokens: TokenList
  /// What is wrong with it, in the order of the text; Lua compiles a text that has none.
  public let problems: [SyntaxProblem]
  let records: ContiguousArray<Record>
  /// For the token of each name that stands for a local variable, the token that declares it; -1 for others.
  let declarations: ContiguousArray<Int32>

  struct Record: Sendable {
    let kind: SyntaxKind
    let firstToken: UInt32
    /// Behind the last token.
    var tokenEnd: UInt32
    var parent: UInt32 = 0
    var firstChild: UInt32 = 0
    var nextSibling: UInt32 = 0
  }

  /// Reads a text.
  public convenience init(parsing text: String) { self.init(parsing: SourceText(text)) }

  /// Reads a text.
  ///
  /// - Parameters:
  ///   - source: The text.
  ///   - isFile: Whether a byte order mark and a first line that begins with `#` are passed over, as Lua does
  ///     where it reads a file.
  public init(parsing source: SourceText, isFile: Bool = false) {
    let lexer = Lexer(source, isFile: isFile)
    var parser = Parser(source, lexer.tokens)
    parser.parseChunk()
    self.source = source
    tokens = lexer.tokens
    records = parser.nodes
    declarations = parser.declarations
    problems = SyntaxTree.merged(lexer.problems, parser.problems)
  }

  /// A broken token is told once, by the lexer.
  private static func merged(_ lexical: [SyntaxProblem], _ syntactic: [SyntaxProblem])
    -> [SyntaxProblem]
  {
    guard !lexical.isEmpty else {
      return syntactic.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }
    let told = syntactic.filter { problem in
      !lexical.contains { $0.range.overlaps(problem.range) || $0.isAtEnd && problem.isAtEnd }
    }
    return (lexical + told).sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// The node of the whole text.
  public var root: SyntaxNode { SyntaxNode(tree: self, id: UInt32(records.count - 1)) }

  /// All nodes, children before their parents.
  public var nodes: Nodes { Nodes(tree: self) }

  /// The nodes of a tree.
  public struct Nodes: RandomAccessCollection, Sendable {
    let tree: SyntaxTree

    /// The first one's number.
    public var startIndex: Int { 0 }
    /// How many there are.
    public var endIndex: Int { tree.records.count }

    /// A node by its number.
    public subscript(index: Int) -> SyntaxNode { SyntaxNode(tree: tree, id: UInt32(index)) }
  }

  /// The node of an `id`.
  public func node(_ id: UInt32) -> SyntaxNode { SyntaxNode(tree: self, id: id) }

  /// Whether the text is wrong only because it ends too early, so that more text can make it right.
  public var isIncomplete: Bool { !problems.isEmpty && problems.allSatisfy(\.isAtEnd) }

  /// Whether the text ends inside of a token or a comment that has no end yet.
  public var endsInsideToken: Bool { problems.contains { $0.isAtEnd && !$0.range.isEmpty } }

  /// The innermost node around an offset.
  public func node(at offset: Int) -> SyntaxNode {
    var node = root
    while let inner = node.children.first(where: { $0.range.contains(offset) }) { node = inner }
    return node
  }

  /// The token that declares the local variable that a name stands for; nil for global names and fields.
  ///
  /// The `self` that methods have without writing it is declared by the method's name.
  public func declaration(ofToken token: Int) -> Int? {
    let found = declarations[token]
    return found >= 0 ? Int(found) : nil
  }

  /// The text of a token.
  public func text(ofToken token: Int) -> String { source[tokens.range(of: token)] }
}

/// A node of a syntax tree.
public struct SyntaxNode: Sendable {
  /// The tree that it belongs to.
  public let tree: SyntaxTree
  /// Tells the nodes of a tree apart.
  public let id: UInt32

  private var record: SyntaxTree.Record { tree.records[Int(id)] }

  /// What it is.
  public var kind: SyntaxKind { record.kind }

  /// Its tokens, those of its children included.
  public var tokens: Range<Int> { Int(record.firstToken)..<Int(record.tokenEnd) }

  /// Its bytes, from its first to its last token; a node without tokens is empty, where it would stand.
  public var range: Range<Int> {
    let tokens = tokens
    guard !tokens.isEmpty else {
      let offset = tree.tokens.range(of: tokens.lowerBound).lowerBound
      return offset..<offset
    }
    return tree.tokens.range(of: tokens.lowerBound)
      .lowerBound..<tree.tokens.range(of: tokens.upperBound - 1).upperBound
  }

  /// Its text.
  public var text: String { tree.source[range] }

  /// The node around it; nil for the root.
  public var parent: SyntaxNode? {
    Int(id) == tree.records.count - 1 ? nil : SyntaxNode(tree: tree, id: record.parent)
  }

  /// The nodes just inside, in order.
  public var children: Children { Children(tree: tree, upcoming: record.firstChild) }

  /// The first node just inside.
  public var firstChild: SyntaxNode? {
    record.firstChild == 0 ? nil : SyntaxNode(tree: tree, id: record.firstChild - 1)
  }

  /// The next node in the same parent.
  public var nextSibling: SyntaxNode? {
    record.nextSibling == 0 ? nil : SyntaxNode(tree: tree, id: record.nextSibling - 1)
  }

  /// The first child of a kind.
  public func child(_ kind: SyntaxKind) -> SyntaxNode? { children.first { $0.kind == kind } }

  /// The tokens that belong to it and to none of its children, in order.
  public var ownTokens: [Int] {
    var own: [Int] = []
    var next = tokens.lowerBound
    for child in children {
      own += Array(next..<max(next, child.tokens.lowerBound))
      next = max(next, child.tokens.upperBound)
    }
    return own + Array(next..<max(next, tokens.upperBound))
  }

  /// The first of its own tokens that is a name: what a member, a method, a field or a declaration is called.
  public var nameToken: Int? { ownTokens.first { tree.tokens.kinds[$0] == .name } }

  /// All nodes inside and the node itself, each before its children.
  public func walk(_ visit: (SyntaxNode) -> Void) {
    var stack = [self]
    while let node = stack.popLast() {
      visit(node)
      stack += Array(node.children).reversed()
    }
  }

  /// The bytes that a string literal stands for.
  public var stringContent: ContiguousArray<UInt8>? {
    guard kind == .stringLiteral else { return nil }
    return StringLiteral.content(of: ContiguousArray(tree.source.bytes[range]))
  }

  /// A sequence of children.
  public struct Children: Sequence, IteratorProtocol, Sendable {
    let tree: SyntaxTree
    /// The number of the next child and 1; 0 behind the last one.
    var upcoming: UInt32

    /// The next child.
    public mutating func next() -> SyntaxNode? {
      guard upcoming != 0 else { return nil }
      let node = SyntaxNode(tree: tree, id: upcoming - 1)
      upcoming = tree.records[Int(upcoming - 1)].nextSibling
      return node
    }
  }
}
