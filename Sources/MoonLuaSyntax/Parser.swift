/// Reads the tokens of a text into a tree, and goes on behind what it cannot read.
///
/// It accepts what Lua 5.4's own parser accepts. Children are made before their parents: a parsing function leaves
/// its node on the stack of pending nodes, and whatever surrounds it takes them from there.
struct Parser {
  let source: SourceText
  let tokens: TokenList
  private(set) var nodes: ContiguousArray<SyntaxTree.Record> = []
  private(set) var problems: [SyntaxProblem] = []
  var declarations: ContiguousArray<Int32>
  var scopes = Scopes()
  /// The token to read next.
  private(set) var position = 0
  /// The nodes without a parent yet.
  private var pending: ContiguousArray<UInt32> = []
  /// How deep statements and expressions nest here.
  private var depth = 0
  /// The token at which something was wrong last: one problem each is enough.
  private var lastProblem = -1

  /// Lua's compiler nests C calls up to 200, one of which is its own.
  static let maximumDepth = 199

  /// What cannot be read as anything: the statement around it is over.
  struct Failure: Error {}

  init(_ source: SourceText, _ tokens: TokenList) {
    self.source = source
    self.tokens = tokens
    declarations = ContiguousArray(repeating: -1, count: tokens.count)
    nodes.reserveCapacity(tokens.count)
  }

  // MARK: Tokens

  var kind: TokenKind {
    @inline(__always) get { tokens.kinds[position] }
  }

  func kind(ahead: Int) -> TokenKind {
    position + ahead < tokens.count ? tokens.kinds[position + ahead] : .end
  }

  @inline(__always)
  mutating func advance() {
    if kind != .end { position += 1 }
  }

  /// Takes the next token if it is of a kind.
  @inline(__always)
  mutating func take(_ wanted: TokenKind) -> Bool {
    guard kind == wanted else { return false }
    position += 1
    return true
  }

  func line(of token: Int) -> Int { source.line(at: tokens.range(of: token).lowerBound) }

  // MARK: Problems

  /// Notes what is wrong at the next token.
  mutating func report(_ message: String) {
    guard lastProblem != position else { return }
    lastProblem = position
    let near = kind.text ?? source[tokens.range(of: position)]
    let place = kind == .end ? "<eof>" : "'\(near.prefix(60))'"
    problems.append(
      SyntaxProblem(
        message: "\(message) near \(place)",
        range: tokens.range(of: position),
        isAtEnd: kind == .end
      )
    )
  }

  /// Notes what is wrong with a token that was read.
  mutating func report(_ message: String, at token: Int) {
    problems.append(SyntaxProblem(message: message, range: tokens.range(of: token)))
  }

  mutating func fail(_ message: String) -> Failure {
    report(message)
    return Failure()
  }

  /// Takes a token without which the statement makes no sense.
  mutating func expect(_ wanted: TokenKind) throws(Failure) {
    if take(wanted) { return }
    throw fail("'\(wanted.text ?? "name")' expected")
  }

  mutating func expectName() throws(Failure) -> Int {
    guard kind == .name else { throw fail("<name> expected") }
    position += 1
    return position - 1
  }

  /// Takes the token that ends what a token has begun, or notes that it lacks and goes on as if it were there.
  mutating func close(_ wanted: TokenKind, openedBy opening: Int) {
    if take(wanted) { return }
    let text = wanted.text ?? ""
    let line = line(of: opening)
    if line == self.line(of: position) {
      report("'\(text)' expected")
    } else {
      let what = tokens.kinds[opening].text ?? ""
      report("'\(text)' expected (to close '\(what)' at line \(line))")
    }
  }

  // MARK: Nodes

  /// A place in the stack of pending nodes, from which on they become children.
  var mark: Int { pending.count }

  /// Makes a node of the tokens from one on, with all nodes since a mark as its children.
  @inline(__always)
  mutating func finish(_ kind: SyntaxKind, from firstToken: Int, since mark: Int) {
    let id = UInt32(nodes.count)
    var first: UInt32 = 0
    var place = pending.count - 1
    while place >= mark {
      let child = Int(pending[place])
      nodes[child].parent = id
      nodes[child].nextSibling = first
      first = UInt32(child) + 1
      place -= 1
    }
    pending.removeLast(pending.count - mark)
    nodes.append(
      SyntaxTree.Record(
        kind: kind,
        firstToken: UInt32(firstToken),
        tokenEnd: UInt32(max(position, firstToken)),
        firstChild: first
      )
    )
    pending.append(id)
  }

  /// The kind of the node that was finished last.
  var lastKind: SyntaxKind { nodes[nodes.count - 1].kind }

  /// Enters a statement or an expression inside of another one.
  mutating func nest() throws(Failure) {
    depth += 1
    guard depth <= Parser.maximumDepth else { throw fail("C stack overflow") }
  }

  mutating func unnest() { depth -= 1 }

  // MARK: Blocks

  mutating func parseChunk() {
    scopes.beginFunction(isVararg: true)
    let mark = mark
    parseStatements()
    while kind != .end {
      report("<eof> expected")
      let broken = position
      advance()
      finish(.brokenStatement, from: broken, since: self.mark)
      parseStatements()
    }
    scopes.endFunction()
    reportFaults()
    finish(.chunk, from: 0, since: mark)
  }

  private mutating func reportFaults() {
    for fault in scopes.faults {
      switch fault {
      case .noLabel(let token):
        let name = source[tokens.range(of: token)]
        report("no visible label '\(name)' for goto at line \(line(of: token))", at: token)
      case .breakOutsideLoop(let token):
        report("break outside a loop at line \(line(of: token))", at: token)
      case .intoScope(let jump, let local):
        let label = source[tokens.range(of: jump)]
        let name = source[tokens.range(of: local)]
        let line = line(of: jump)
        report(
          "<goto \(label)> at line \(line) jumps into the scope of local '\(name)'",
          at: jump
        )
      }
    }
  }

  /// Reads a block that ends before `end`, `else`, `elseif` or `until`, in the scope that is open.
  mutating func parseBlock() {
    let first = position
    let mark = mark
    parseStatements()
    finish(.block, from: first, since: mark)
  }

  /// Whether a block ends here.
  var endsBlock: Bool {
    switch kind {
    case .end, .endKeyword, .else, .elseif, .until: true
    default: false
    }
  }

  private mutating func parseStatements() {
    while !endsBlock {
      let first = position
      let mark = mark
      let outer = depth
      let isReturn = kind == .return
      do throws(Failure) {
        try parseStatement()
      } catch {
        depth = outer
        recover(from: first)
        finish(.brokenStatement, from: first, since: mark)
        continue
      }
      if isReturn {
        if endsBlock { return }
        // A return ends its block: what follows is told once, and read.
        report(depth == 0 ? "<eof> expected" : "'end' expected")
      }
    }
  }

  /// Goes to where the next statement probably begins.
  private mutating func recover(from first: Int) {
    let failed = position
    if position == first { advance() }
    let failedLine = line(of: failed)
    while !endsBlock {
      switch kind {
      case .semicolon:
        advance()
        return
      case .local, .function, .if, .for, .while, .repeat, .do, .return, .break, .goto, .doubleColon:
        return
      case .name where line(of: position) > failedLine && beginsStatement(position): return
      default: advance()
      }
    }
  }

  /// Whether a name looks like the beginning of a statement.
  private func beginsStatement(_ token: Int) -> Bool {
    guard token > 0, line(of: token) > line(of: token - 1), token + 1 < tokens.count else {
      return false
    }
    switch tokens.kinds[token + 1] {
    case .assign, .comma, .dot, .colon, .openParenthesis, .openBracket, .string, .openBrace:
      return true
    default: return false
    }
  }
}
