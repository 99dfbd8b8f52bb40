import MoonDiagnostics
import MoonLuaSyntax

/// Values that are assigned to local variables and never used.
///
/// Walks each function backwards with the set of variables whose value is still wanted. Variables of inner functions
/// are left out, since those may run at any time, and functions with `goto` are.
struct LivenessRules {
  private let script: CheckedScript
  private let tree: SyntaxTree
  /// The variables that are followed, by declaration.
  private var followed: [Int: Variables.Variable] = [:]
  /// Uses of followed variables, by token.
  private var uses: [Int: (declaration: Int, use: Variables.Use)] = [:]
  /// Tokens of uses in order, for those within an expression.
  private var tokens: [Int] = []
  private var dead: Set<Int> = []
  /// What is wanted behind each loop around the place.
  private var exits: [Set<Int>] = []

  init(_ script: CheckedScript) {
    self.script = script
    tree = script.tree
    var jumping: Set<UInt32> = []
    for node in tree.nodes where node.kind == .gotoStatement {
      jumping.insert(script.function(around: node))
    }
    for variable in script.variables.list
    where !variable.isCaptured && !variable.name.hasPrefix("_") && !variable.hasAttribute
      && !jumping.contains(variable.function)
      && variable.occurrences.contains(where: { $0.use == .read })
      && variable.occurrences.contains(where: { $0.use == .write })
    {
      followed[variable.token] = variable
      for each in variable.occurrences { uses[each.token] = (variable.token, each.use) }
    }
    tokens = uses.keys.sorted()
  }

  mutating func check(_ findings: inout Findings) {
    guard !followed.isEmpty else { return }
    for node in tree.nodes where node.kind == .functionBody || node.kind == .chunk {
      exits = []
      let entry =
        node.kind == .chunk ? block(node, after: []) : block(node.child(.block), after: [])
      guard let parameters = node.child(.parameters) else { continue }
      for name in parameters.children {
        let token = name.tokens.lowerBound
        guard followed[token] != nil, !entry.contains(token) else { continue }
        report(token, "W312", "the value of the parameter", &findings)
      }
    }
    for token in dead.sorted() {
      let declaration = uses[token]?.declaration ?? token
      guard let variable = followed[declaration] else { continue }
      switch variable.kind {
      case .loop where token == declaration:
        report(token, "W313", "the value of the loop's variable", &findings)
      default: report(token, "W311", "the value that is assigned to", &findings)
      }
    }
  }

  private func report(_ token: Int, _ code: String, _ what: String, _ findings: inout Findings) {
    findings.add(code, "\(what) '\(tree.text(ofToken: token))' is never used", token: token)
  }

  // MARK: Blocks

  /// What is wanted before a block, from what is wanted behind it.
  private mutating func block(_ block: SyntaxNode?, after: Set<Int>) -> Set<Int> {
    guard let block else { return after }
    var wanted = after
    for statement in Array(block.children).reversed() { wanted = before(statement, wanted) }
    return wanted
  }

  private mutating func before(_ statement: SyntaxNode, _ after: Set<Int>) -> Set<Int> {
    switch statement.kind {
    case .returnStatement: return adding(statement, to: [])
    case .breakStatement: return exits.last ?? after
    case .doStatement: return block(statement.child(.block), after: after)
    case .ifStatement: return beforeIf(statement, after)
    case .whileStatement, .numericFor, .genericFor: return beforeLoop(statement, after)
    case .repeatStatement: return beforeRepeat(statement, after)
    case .assignment: return beforeAssignment(statement, after)
    case .localStatement: return beforeLocal(statement, after)
    default: return adding(statement, to: after)
    }
  }

  private mutating func beforeIf(_ statement: SyntaxNode, _ after: Set<Int>) -> Set<Int> {
    let clauses = Array(statement.children)
    var next = after
    for clause in clauses.reversed() {
      let inner = block(clause.child(.block), after: after)
      if clause.kind == .elseClause {
        next = inner
      } else {
        next = adding(clause.firstChild, to: next.union(inner))
      }
    }
    return next
  }

  /// Each loop is walked until nothing changes, and so is each loop in it: deeper ones are taken to want everything.
  private static let deepestLoop = 6

  private mutating func beforeLoop(_ loop: SyntaxNode, _ after: Set<Int>) -> Set<Int> {
    guard exits.count < Self.deepestLoop else { return adding(loop, to: after) }
    let names = loop.children.filter { $0.kind == .declaredName }.map(\.tokens.lowerBound)
    exits.append(after)
    defer { exits.removeLast() }
    var head = after
    if loop.kind == .whileStatement { head = adding(loop.firstChild, to: after) }
    while true {
      var inner = block(loop.child(.block), after: head)
      for name in names {
        if followed[name] != nil {
          if inner.contains(name) { dead.remove(name) } else { dead.insert(name) }
        }
        inner.remove(name)
      }
      let next = head.union(inner)
      if next == head { break }
      // What seemed to be unused may be used in the next round.
      head = next
    }
    if loop.kind != .whileStatement {
      for child in loop.children where child.kind != .block && child.kind != .declaredName {
        head = adding(child, to: head)
      }
    }
    return head
  }

  private mutating func beforeRepeat(_ loop: SyntaxNode, _ after: Set<Int>) -> Set<Int> {
    guard exits.count < Self.deepestLoop else { return adding(loop, to: after) }
    let children = Array(loop.children)
    exits.append(after)
    defer { exits.removeLast() }
    var head: Set<Int> = []
    while true {
      let end = adding(children.last, to: after.union(head))
      let next = block(children.first, after: end)
      if next.isSubset(of: head) { return head }
      head.formUnion(next)
    }
  }

  // MARK: Assignments

  private mutating func beforeAssignment(_ statement: SyntaxNode, _ after: Set<Int>) -> Set<Int> {
    guard let targets = statement.child(.targetList) else { return adding(statement, to: after) }
    var wanted = after
    for target in targets.children where target.kind == .variable {
      let token = target.tokens.lowerBound
      guard let use = uses[token] else { continue }
      if after.contains(use.declaration) { dead.remove(token) } else { dead.insert(token) }
      wanted.remove(use.declaration)
    }
    for target in targets.children where target.kind != .variable {
      wanted = adding(target, to: wanted)
    }
    return adding(statement.child(.expressionList), to: wanted)
  }

  private mutating func beforeLocal(_ statement: SyntaxNode, _ after: Set<Int>) -> Set<Int> {
    var wanted = after
    for name in statement.children where name.kind == .declaredName {
      let token = name.tokens.lowerBound
      guard let variable = followed[token] else { continue }
      // An explicit nil says that there is nothing yet.
      if variable.isInitialized, variable.initial?.kind != .nilLiteral {
        if after.contains(token) { dead.remove(token) } else { dead.insert(token) }
      }
      wanted.remove(token)
    }
    return adding(statement.child(.expressionList), to: wanted)
  }

  /// What is read in an expression is wanted before it.
  private func adding(_ node: SyntaxNode?, to wanted: Set<Int>) -> Set<Int> {
    guard let node else { return wanted }
    let range = node.tokens
    var low = 0
    var high = tokens.count
    while low < high {
      let middle = (low + high) / 2
      if tokens[middle] < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    guard low < tokens.count, tokens[low] < range.upperBound else { return wanted }
    var wanted = wanted
    while low < tokens.count, tokens[low] < range.upperBound {
      if let use = uses[tokens[low]], use.use != .write { wanted.insert(use.declaration) }
      low += 1
    }
    return wanted
  }
}
