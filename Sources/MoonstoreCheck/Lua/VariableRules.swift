import MoonDiagnostics
import MoonLuaSyntax
import MoonValue

/// Local and global variables: those that are not used, hide others, or are not there.
struct VariableRules {
  let script: CheckedScript
  /// Globals that the project's settings declare.
  let known: Set<String>

  func check(_ findings: inout Findings) {
    for variable in script.variables.list where !variable.name.hasPrefix("_") {
      checkUse(variable, &findings)
    }
    checkShadowing(&findings)
    checkGlobals(&findings)
  }

  // MARK: Use

  private func checkUse(_ variable: Variables.Variable, _ findings: inout Findings) {
    let used = variable.occurrences.filter { !isWithinItself($0, variable) }
    let name = variable.name
    let isRead = used.contains { $0.use == .read }
    guard !isRead else {
      let isSet = variable.isInitialized || used.contains { $0.use != .read }
      // What lacks its value in a list of values is told as such.
      if !isSet, variable.owner.child(.expressionList) == nil {
        findings.add("W221", "'\(name)' is read and never set", token: variable.token)
      } else if isSet {
        checkUninitialized(variable, &findings)
      }
      return
    }
    if variable.hasAttribute, variable.owner.isClosing { return }
    let isMutated = used.contains { $0.use == .mutation }
    // What is written through a parameter or an unknown value reaches its other holders.
    if isMutated, variable.kind == .local, variable.initial?.unwrapped.kind != .table { return }
    let (wasSet, unused) = (used.contains { $0.use == .write }, variable.token)
    switch variable.kind {
    case .local where isMutated:
      findings.add("W241", "fields of '\(name)' are set and never read", token: unused)
    case .local where wasSet:
      findings.add("W231", "'\(name)' is set and never read", token: unused)
    case .local: findings.add("W211", "unused variable '\(name)'", token: unused)
    case .function:
      if !isMutated { findings.add("W211", "unused function '\(name)'", token: unused) }
    case .parameter where isMutated || name == "self" || isGiven(variable): break
    case .parameter where wasSet:
      findings.add("W232", "the parameter '\(name)' is set and never read", token: unused)
    case .parameter: findings.add("W212", "unused parameter '\(name)'", token: unused)
    case .loop where isMutated: break
    case .loop where wasSet:
      findings.add("W233", "'\(name)' of the loop is set and never read", token: unused)
    case .loop:
      let range = script.tree.tokens.range(of: unused)
      let fix = Diagnostic.Fix("name it '_'", replacing: range, with: "_")
      findings.add("W213", "unused variable '\(name)' of the loop", token: unused, fix: fix)
    }
  }

  /// Whether a function is used by itself only.
  private func isWithinItself(_ use: Variables.Occurrence, _ variable: Variables.Variable) -> Bool {
    guard variable.kind == .function, let body = variable.initial else { return false }
    return body.tokens.contains(use.token)
  }

  /// Whether the host gives a parameter, so that the function has to take it: that of a handler, say.
  private func isGiven(_ variable: Variables.Variable) -> Bool {
    guard let function = variable.owner.parent?.parent, function.kind == .functionExpression,
      let parent = function.parent
    else { return false }
    switch parent.kind {
    case .namedField, .keyedField, .arguments, .expressionList: return true
    default: return false
    }
  }

  /// A variable without a value that is read before any is assigned.
  private func checkUninitialized(_ variable: Variables.Variable, _ findings: inout Findings) {
    guard variable.kind == .local, !variable.isInitialized, !variable.isCaptured,
      let first = variable.occurrences.first, first.use == .read,
      let written = variable.occurrences.first(where: { $0.use == .write })
    else { return }
    // A loop around both may have come to the assignment before.
    var node = script.node(first.node)
    while let parent = node.parent, parent.tokens.lowerBound > variable.owner.tokens.lowerBound {
      if parent.kind.isLoop, parent.tokens.contains(written.token) { return }
      node = parent
    }
    findings.add("W321", "'\(variable.name)' is read before it is set", token: first.token)
  }

  // MARK: Hiding

  /// From which token on a variable can be seen, up to which, and in which block.
  private struct Scope {
    let start: Int
    let end: Int
    let block: UInt32
  }

  private func checkShadowing(_ findings: inout Findings) {
    // For each name those variables that can be seen, the innermost last.
    var visible: [String: [(variable: Variables.Variable, scope: Scope)]] = [:]
    for variable in script.variables.list where variable.name != "_" {
      let scope = scope(of: variable)
      var seen = visible[variable.name] ?? []
      while let last = seen.last, last.scope.end <= variable.token { seen.removeLast() }
      // A variable is not seen in the value that it begins with.
      if let hidden = seen.last(where: { $0.scope.start <= variable.token }) {
        let isSame = scope.block == hidden.scope.block
        report(variable, hidden.variable, isSame: isSame, &findings)
      }
      seen.append((variable, scope))
      visible[variable.name] = seen
    }
  }

  private func scope(of variable: Variables.Variable) -> Scope {
    let owner = variable.owner
    switch variable.kind {
    case .parameter:
      let body = owner.parent ?? owner
      return Scope(start: owner.tokens.upperBound, end: body.tokens.upperBound, block: body.id)
    case .loop:
      let start = owner.child(.block)?.tokens.lowerBound ?? variable.token
      return Scope(start: start, end: owner.tokens.upperBound, block: owner.id)
    case .local, .function:
      let start = variable.kind == .local ? owner.tokens.upperBound : variable.token
      guard let block = owner.parent, let around = block.parent else {
        return Scope(start: start, end: .max, block: owner.parent?.id ?? 0)
      }
      // The block of a function or of a loop holds its parameters and variables too.
      switch around.kind {
      case .functionBody, .numericFor, .genericFor:
        return Scope(start: start, end: around.tokens.upperBound, block: around.id)
      case .repeatStatement:
        return Scope(start: start, end: around.tokens.upperBound, block: block.id)
      default: return Scope(start: start, end: block.tokens.upperBound, block: block.id)
      }
    }
  }

  private func report(
    _ variable: Variables.Variable,
    _ hidden: Variables.Variable,
    isSame: Bool,
    _ findings: inout Findings
  ) {
    // Each function of a store has its own, which is the same store.
    if variable.name == "self" { return }
    let kind =
      switch hidden.kind {
      case .local, .function: "1"
      case .parameter: "2"
      case .loop: "3"
      }
    let isOuter = hidden.function != variable.function
    let code = "W4" + (isSame ? "1" : isOuter ? "3" : "2") + kind
    let line = script.line(ofToken: hidden.token)
    let what = isSame ? "is declared again; it is declared" : "hides the one that is declared"
    findings.add(code, "'\(variable.name)' \(what) on line \(line)", token: variable.token)
  }

  // MARK: Globals

  private func checkGlobals(_ findings: inout Findings) {
    var own: Set<String> = []
    for use in script.variables.globals where use.use == .write {
      own.insert(script.tree.text(ofToken: use.token))
    }
    var names = Set(ScriptInterface.globals.keys).union(known)
    if script.role == .spec { names.formUnion(ScriptInterface.specGlobals) }
    for use in script.variables.globals {
      let name = script.tree.text(ofToken: use.token)
      switch use.use {
      case .write:
        if known.contains(name) || ScriptInterface.hooks.contains(name) { continue }
        if names.contains(name) {
          findings.add("W121", "'\(name)' is given by the host, and set here", token: use.token)
        } else {
          findings.add("W111", "the global variable '\(name)' is set", token: use.token)
        }
      case .mutation:
        if case .some(.some) = ScriptInterface.globals[name] {
          findings.add("W122", "the library '\(name)' cannot be changed", token: use.token)
        } else if !names.contains(name), !own.contains(name) {
          findings.add("W112", "a field of the unknown global '\(name)' is set", token: use.token)
        }
      case .read:
        if let replacement = ScriptInterface.deprecated[name] {
          let range = script.tree.tokens.range(of: use.token)
          let fix = Diagnostic.Fix("use '\(replacement)'", replacing: range, with: replacement)
          let message = "'\(name)' is deprecated: use '\(replacement)'"
          findings.add("M601", message, token: use.token, fix: fix)
        }
        if names.contains(name) || own.contains(name) { continue }
        let suggestion = Suggestion.text(for: name, among: names.sorted())
        findings.add("W113", "there is no global '\(name)'\(suggestion)", token: use.token)
      }
    }
    checkLibraries(&findings)
  }

  private func checkLibraries(_ findings: inout Findings) {
    for node in script.tree.nodes where node.kind == .member {
      guard let base = node.firstChild, base.kind == .variable, let library = base.globalPath,
        case .some(.some(let functions)) = ScriptInterface.globals[library],
        let name = node.lastName, let token = node.lastNameToken, !functions.contains(name)
      else { continue }
      let suggestion = Suggestion.text(for: name, among: functions.sorted())
      findings.add("W143", "there is no '\(library).\(name)'\(suggestion)", token: token)
    }
  }
}

extension SyntaxKind {
  var isLoop: Bool {
    switch self {
    case .whileStatement, .repeatStatement, .numericFor, .genericFor: true
    default: false
    }
  }
}

extension SyntaxNode {
  /// Whether a statement declares a variable that is closed.
  fileprivate var isClosing: Bool {
    children.contains {
      $0.kind == .declaredName && $0.tokens.count > 1 && $0.text.contains("close")
    }
  }
}
