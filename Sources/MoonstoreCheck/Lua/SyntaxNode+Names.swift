import MoonLuaSyntax

/// What rules ask of a node.
extension SyntaxNode {
  /// The token that names a member, a method, a variable or a field.
  var lastNameToken: Int? {
    switch kind {
    case .variable: tokens.lowerBound
    case .member:
      tree.tokens.kinds[tokens.upperBound - 1] == .name ? tokens.upperBound - 1 : nil
    case .methodCall: firstChild.map { $0.tokens.upperBound + 1 }
    case .namedField, .declaredName, .functionName: tokens.lowerBound
    default: nil
    }
  }

  /// The text of `lastNameToken`.
  var lastName: String? { lastNameToken.map(tree.text(ofToken:)) }

  /// A global name, or `a.b` of one with a member; nil for everything else.
  var globalPath: String? {
    switch kind {
    case .variable:
      return tree.declaration(ofToken: tokens.lowerBound) == nil ? text : nil
    case .member:
      // No library has libraries in it, so that longer chains need not be followed.
      guard let base = firstChild, base.kind == .variable, let outer = base.globalPath,
        let name = lastName
      else { return nil }
      return outer + "." + name
    default: return nil
    }
  }

  /// The global function that a call calls, such as `bus.send`.
  var calledGlobal: String? { kind == .call ? firstChild?.globalPath : nil }

  /// The arguments of a call.
  var arguments: [SyntaxNode] { child(.arguments).map { Array($0.children) } ?? [] }

  /// The text that a literal stands for.
  var literal: String? { stringContent.map { String(decoding: $0, as: UTF8.self) } }

  /// The expression inside of parentheses.
  var unwrapped: SyntaxNode {
    var node = self
    while node.kind == .parenthesized, let inner = node.firstChild { node = inner }
    return node
  }

  /// Whether it can stand for several values.
  var isMultiple: Bool { kind == .call || kind == .methodCall || kind == .varargs }

  /// The literal key of a field of a table, and its value.
  var field: (key: SyntaxNode?, name: String?, value: SyntaxNode)? {
    switch kind {
    case .namedField: return firstChild.map { (nil, lastName, $0) }
    case .keyedField:
      guard let key = firstChild, let value = key.nextSibling else { return nil }
      return (key, key.literal, value)
    default: return nil
    }
  }

  /// The field of a table constructor with a literal name.
  func field(_ name: String) -> SyntaxNode? {
    for child in children {
      if let field = child.field, field.name == name { return field.value }
    }
    return nil
  }

  /// The body of a function expression.
  var body: SyntaxNode? {
    switch kind {
    case .functionBody: self
    case .functionExpression, .localFunction, .functionStatement: child(.functionBody)
    default: nil
    }
  }

  /// The parameters of a function body, and whether `...` follows.
  var parameters: (names: [SyntaxNode], isVararg: Bool) {
    guard let list = child(.parameters) else { return ([], false) }
    let isVararg = list.ownTokens.contains { tree.tokens.kinds[$0] == .ellipsis }
    return (list.children.filter { $0.kind == .declaredName }, isVararg)
  }
}
