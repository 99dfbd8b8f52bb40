import MoonDiagnostics
import MoonLuaSyntax

/// Code that is never reached, loops that are none, blocks and statements without effect.
struct FlowRules {
  let script: CheckedScript

  func check(_ findings: inout Findings) {
    let tree = script.tree
    var labels: [UInt32: [(name: String, token: Int)]] = [:]
    var jumps: [UInt32: Set<String>] = [:]
    for node in tree.nodes {
      switch node.kind {
      case .block, .chunk:
        checkReach(node, &findings)
        checkSemicolons(node, &findings)
      case .doStatement:
        if isEmpty(node) { findings.add("W541", "this block is empty", node) }
      case .ifClause, .elseClause:
        if isEmpty(node) {
          findings.add("W542", "this branch is empty", token: node.tokens.lowerBound)
        }
      case .whileStatement, .repeatStatement, .numericFor, .genericFor:
        checkLoop(node, &findings)
      case .assignment, .localStatement: checkCounts(node, &findings)
      case .table: checkFields(node, &findings)
      case .labelStatement:
        let token = node.tokens.lowerBound + 1
        guard token < node.tokens.upperBound else { continue }
        labels[script.function(around: node), default: []].append(
          (tree.text(ofToken: token), token)
        )
      case .gotoStatement:
        let token = node.tokens.upperBound - 1
        jumps[script.function(around: node), default: []].insert(tree.text(ofToken: token))
      default: break
      }
    }
    for (function, labels) in labels {
      for label in labels where jumps[function]?.contains(label.name) != true {
        findings.add("W521", "unused label '\(label.name)'", token: label.token)
      }
    }
  }

  /// A semicolon that ends a statement is a part of it; any other one is a statement without effect.
  private func checkSemicolons(_ block: SyntaxNode, _ findings: inout Findings) {
    var isNeeded = false
    for statement in block.children {
      guard statement.kind == .emptyStatement else {
        isNeeded = true
        continue
      }
      if !isNeeded {
        let fix = Diagnostic.Fix("take it out", replacing: statement.range, with: "")
        findings.add("W551", "this statement is empty", statement, fix: fix)
      }
      isNeeded = false
    }
  }

  private func isEmpty(_ node: SyntaxNode) -> Bool {
    node.child(.block).map { $0.children.allSatisfy { $0.kind == .emptyStatement } } ?? false
  }

  // MARK: Reach

  private func checkReach(_ block: SyntaxNode, _ findings: inout Findings) {
    var isOver = false
    for statement in block.children {
      if statement.kind == .labelStatement { return }
      if isOver {
        if statement.kind == .emptyStatement || statement.kind == .brokenStatement { continue }
        return findings.add(
          "W511",
          "this is never reached",
          token: statement.tokens.lowerBound
        )
      }
      isOver = ends(statement)
    }
  }

  /// Whether nothing goes on behind a statement.
  private func ends(_ statement: SyntaxNode) -> Bool {
    switch statement.kind {
    case .returnStatement, .breakStatement, .gotoStatement: true
    case .doStatement: statement.child(.block).map(ends(block:)) ?? false
    case .ifStatement:
      statement.child(.elseClause) != nil
        && statement.children.allSatisfy { $0.child(.block).map(ends(block:)) ?? false }
    case .whileStatement:
      statement.firstChild?.unwrapped.text == "true" && !hasBreak(statement)
    default: false
    }
  }

  private func ends(block: SyntaxNode) -> Bool {
    block.children.contains { ends($0) } && !block.children.contains { $0.kind == .labelStatement }
  }

  /// Whether a statement can leave a loop: by a break of its own, or a goto.
  private func hasBreak(_ loop: SyntaxNode) -> Bool {
    var found = false
    loop.walk { node in
      guard !found, node.kind == .breakStatement || node.kind == .gotoStatement else { return }
      var around = node.parent
      while let outer = around, !outer.kind.isLoop, outer.kind != .functionBody {
        around = outer.parent
      }
      found = node.kind == .gotoStatement || around?.id == loop.id
    }
    return found
  }

  private func checkLoop(_ loop: SyntaxNode, _ findings: inout Findings) {
    guard let block = loop.child(.block), ends(block: block) else { return }
    // A goto may lead to the next round.
    var hasJump = false
    block.walk { if $0.kind == .gotoStatement { hasJump = true } }
    if !hasJump {
      findings.add("W512", "this loop runs once at most", token: loop.tokens.lowerBound)
    }
  }

  // MARK: Values

  private func checkCounts(_ statement: SyntaxNode, _ findings: inout Findings) {
    guard let values = statement.child(.expressionList).map({ Array($0.children) }),
      let last = values.last
    else { return }
    let names =
      statement.child(.targetList).map { Array($0.children) }
      ?? statement.children.filter { $0.kind == .declaredName }
    if values.count > names.count {
      findings.add("W531", "this value has no variable", values[names.count])
    } else if values.count < names.count, !last.isMultiple, statement.kind == .assignment {
      findings.add("W532", "there is no value for this variable", names[values.count])
    }
  }

  private func checkFields(_ table: SyntaxNode, _ findings: inout Findings) {
    var seen: [String: SyntaxNode] = [:]
    var position = 0
    for child in table.children {
      if child.kind == .positionalField { position += 1 }
      let key: String? =
        switch child.kind {
        case .positionalField: "[\(position)]"
        case .namedField: child.lastName
        default: child.field.flatMap { $0.name ?? numeral($0.key).map { "[\($0)]" } }
        }
      guard let key else { continue }
      if let earlier = seen[key] {
        let line = script.line(ofToken: child.tokens.lowerBound)
        findings.add("W314", "'\(key)' is set again on line \(line)", earlier)
      }
      seen[key] = child
    }
  }

  private func numeral(_ key: SyntaxNode?) -> String? {
    guard let key, key.kind == .numberLiteral,
      case .integer(let number) = NumberLiteral.parse(key.tree.source.bytes[key.range])
    else { return nil }
    return String(number)
  }
}
