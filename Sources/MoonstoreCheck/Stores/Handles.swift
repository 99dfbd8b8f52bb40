import MoonLuaSyntax

/// Which expressions of a script are handles of stores, and which lead into their state.
struct Handles {
  private let script: CheckedScript
  /// The functions that the stores of this script have, with the store that is their first argument.
  private let owners: [UInt32: String]
  /// Parameters of local functions that always get a handle of one store.
  private var parameters: [Int: String] = [:]

  init(_ script: CheckedScript, owners: [UInt32: String]) {
    self.script = script
    self.owners = owners
    // A helper may be called by another helper.
    for _ in 0..<3 { findParameters() }
  }

  /// An expression that leads into a store.
  struct Path {
    let store: String
    /// The name of the field, where it is in the text.
    let field: String?
    /// How many steps lead from the handle to it; 0 for the handle itself.
    let depth: Int
  }

  /// The store whose handle an expression is.
  func store(of expression: SyntaxNode) -> String? {
    guard let path = path(of: expression), path.depth == 0 else { return nil }
    return path.store
  }

  /// Where an expression leads to.
  func path(of expression: SyntaxNode) -> Path? {
    var steps = 0
    // The step next to the handle.
    var field: SyntaxNode?
    var node = expression.unwrapped
    for _ in 0..<200 {
      switch node.kind {
      case .member, .index:
        guard let base = node.firstChild else { return nil }
        steps += 1
        field = node
        node = base.unwrapped
      case .call:
        guard let function = node.calledGlobal else { return nil }
        switch function {
        case "useStore", "registry.get":
          guard let id = node.arguments.first?.literal else { return nil }
          return Path(store: id, field: steps > 0 ? name(of: field) : nil, depth: steps)
        case "store.state":
          guard let handle = node.arguments.first else { return nil }
          node = handle.unwrapped
        default: return nil
        }
      case .variable:
        guard let variable = script.variables.variable(of: node) else { return nil }
        if let id = handle(variable) {
          return Path(store: id, field: steps > 0 ? name(of: field) : nil, depth: steps)
        }
        guard let next = source(of: variable) else { return nil }
        steps += next.extra
        if next.extra > 0 { field = nil }
        node = next.node.unwrapped
      default: return nil
      }
    }
    return nil
  }

  private func name(of step: SyntaxNode?) -> String? {
    guard let step else { return nil }
    if step.kind == .member { return step.lastName }
    return step.firstChild?.nextSibling?.literal
  }

  /// The store whose handle a variable is by its declaration.
  private func handle(_ variable: Variables.Variable) -> String? {
    guard variable.isConstant else { return nil }
    switch variable.kind {
    case .parameter:
      if let known = parameters[variable.token] { return known }
      return variable.index == 0 ? owners[variable.function] : nil
    case .local, .function, .loop: return nil
    }
  }

  /// What a variable stands for: the value that it begins with, or a part of what a loop walks.
  private func source(of variable: Variables.Variable) -> (node: SyntaxNode, extra: Int)? {
    switch variable.kind {
    case .local:
      guard variable.isConstant, let initial = variable.initial else { return nil }
      return (initial, 0)
    case .loop:
      guard variable.index == 1, variable.owner.kind == .genericFor,
        let call = variable.owner.child(.expressionList)?.firstChild,
        call.calledGlobal == "ipairs" || call.calledGlobal == "pairs",
        let list = call.arguments.first
      else { return nil }
      return (list, 1)
    case .function, .parameter: return nil
    }
  }

  /// Finds local functions that are only ever called with a handle at one place.
  private mutating func findParameters() {
    for function in script.variables.list where function.isConstant {
      guard let body = function.initial?.body else { continue }
      let names = body.parameters.names
      var stores: [String?]?
      for use in function.occurrences {
        let node = script.node(use.node)
        guard let call = node.parent, call.kind == .call, call.firstChild?.id == node.id else {
          stores = nil
          break
        }
        let given = call.arguments.map(store(of:))
        guard let known = stores else {
          stores = given
          continue
        }
        stores = zip(known, given).map { $0 == $1 ? $0 : nil }
      }
      for (name, store) in zip(names, stores ?? []) {
        if let store { parameters[name.tokens.lowerBound] = store }
      }
    }
  }
}
