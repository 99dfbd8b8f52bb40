import MoonLuaSyntax

/// The local variables of a script, with everything that is done with them, and the functions around each node.
struct Variables {
  enum Kind { case local, function, parameter, loop }

  enum Use {
    case read
    case write
    /// A field of it is written.
    case mutation
  }

  struct Occurrence {
    let token: Int
    let node: UInt32
    let use: Use
    /// The body of the function around it; that of the chunk is its root.
    let function: UInt32
  }

  struct Variable {
    /// The token that declares it.
    let token: Int
    let name: String
    let kind: Kind
    /// The node that declares it: a statement, parameters or a loop.
    let owner: SyntaxNode
    let function: UInt32
    /// Where in the list of names it stands, from 0.
    let index: Int
    /// Whether it is `<const>` or `<close>`.
    let hasAttribute: Bool
    var occurrences: [Occurrence] = []
    /// The value that it begins with, where that is one expression of its own.
    var initial: SyntaxNode?
    /// Whether its declaration gives it a value.
    var isInitialized = false

    /// Whether it keeps the value that it began with.
    var isConstant: Bool { !occurrences.contains { $0.use == .write } }
    var isCaptured: Bool { occurrences.contains { $0.function != function } }
  }

  /// By the tokens that declare them, in order.
  private(set) var list: [Variable] = []
  private var places: [Int: Int] = [:]
  /// Tokens of names that stand for no local variable, with their nodes.
  private(set) var globals: [Occurrence] = []
  /// The body of the function around each node.
  private(set) var functions: ContiguousArray<UInt32>
  private let tree: SyntaxTree

  init(_ tree: SyntaxTree) {
    self.tree = tree
    functions = ContiguousArray(repeating: tree.root.id, count: tree.nodes.count)
    for node in tree.nodes.reversed() {
      guard let parent = node.parent else { continue }
      functions[Int(node.id)] =
        parent.kind == .functionBody ? parent.id : functions[Int(parent.id)]
    }
    // Names are declared before they are used, in the order of tokens, but not in that of nodes.
    for node in tree.nodes where node.kind == .declaredName { declare(node) }
    list.sort { $0.token < $1.token }
    for (place, variable) in list.enumerated() { places[variable.token] = place }
    for node in tree.nodes {
      switch node.kind {
      case .variable: note(node, node.tokens.lowerBound, Variables.use(of: node))
      case .functionName:
        note(node, node.tokens.lowerBound, node.tokens.count == 1 ? .write : .mutation)
      default: break
      }
    }
    for place in list.indices { list[place].occurrences.sort { $0.token < $1.token } }
    globals.sort { $0.token < $1.token }
  }

  subscript(declaredBy token: Int) -> Variable? { places[token].map { list[$0] } }

  /// The variable that a name stands for.
  func variable(of node: SyntaxNode) -> Variable? {
    guard node.kind == .variable || node.kind == .functionName else { return nil }
    return tree.declaration(ofToken: node.tokens.lowerBound).flatMap { self[declaredBy: $0] }
  }

  /// What an expression is, through variables that keep the value that they began with.
  func resolved(_ expression: SyntaxNode) -> SyntaxNode {
    var node = expression.unwrapped
    for _ in 0..<20 {
      guard node.kind == .variable, let variable = variable(of: node), variable.isConstant,
        let initial = variable.initial
      else { return node }
      node = initial.unwrapped
    }
    return node
  }

  private mutating func declare(_ node: SyntaxNode) {
    guard let owner = node.parent else { return }
    let token = node.tokens.lowerBound
    let kind: Kind
    switch owner.kind {
    case .localStatement: kind = .local
    case .localFunction: kind = .function
    case .parameters: kind = .parameter
    case .numericFor, .genericFor: kind = .loop
    default: return
    }
    // Parameters belong to the function that has them.
    let function =
      kind == .parameter ? owner.parent?.id ?? tree.root.id : functions[Int(owner.id)]
    var variable = Variable(
      token: token,
      name: tree.text(ofToken: token),
      kind: kind,
      owner: owner,
      function: function,
      index: owner.children.prefix { $0.id != node.id }.filter { $0.kind == .declaredName }.count,
      hasAttribute: node.tokens.count > 1
    )
    switch kind {
    case .function:
      variable.initial = owner.child(.functionBody)
      variable.isInitialized = true
    case .local:
      if let values = owner.child(.expressionList) {
        let values = Array(values.children)
        if variable.index < values.count {
          variable.initial = values[variable.index]
          variable.isInitialized = true
        } else {
          variable.isInitialized = values.last?.isMultiple ?? false
        }
      }
    case .parameter, .loop: variable.isInitialized = true
    }
    list.append(variable)
  }

  private mutating func note(_ node: SyntaxNode, _ token: Int, _ use: Use) {
    let occurrence = Occurrence(
      token: token,
      node: node.id,
      use: use,
      function: functions[Int(node.id)]
    )
    if let declaration = tree.declaration(ofToken: token) {
      // The `self` of a method is no name that is written.
      if let place = places[declaration] { list[place].occurrences.append(occurrence) }
    } else {
      globals.append(occurrence)
    }
  }

  /// What is done with a variable where it is named.
  private static func use(of node: SyntaxNode) -> Use {
    var node = node
    var isField = false
    while let parent = node.parent {
      if parent.kind == .targetList { return isField ? .mutation : .write }
      guard parent.kind == .member || parent.kind == .index, parent.firstChild?.id == node.id else {
        return .read
      }
      isField = true
      node = parent
    }
    return .read
  }
}
