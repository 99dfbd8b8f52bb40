import MoonLuaSyntax

/// Turns the local variables at the top of an entry into variables of the session.
///
/// The text keeps its lines and columns, since only `local` and attributes are blanked out. What is to be closed
/// at the end of the entry stays local, and so does `_ENV`.
struct TopLevelLocals {
  private(set) var text: String
  /// The names, in order.
  private(set) var names: [String] = []

  private let tree: SyntaxTree
  private var edits: [(range: Range<Int>, replacement: [UInt8])] = []

  init(_ tree: SyntaxTree) {
    self.tree = tree
    text = tree.source[0..<tree.source.bytes.count]
    for statement in tree.root.children {
      switch statement.kind {
      case .localFunction: freeFunction(statement)
      case .localStatement: freeVariables(statement)
      default: break
      }
    }
    apply()
  }

  private mutating func freeFunction(_ statement: SyntaxNode) {
    if let name = statement.child(.declaredName) { names.append(name.text) }
    blank(tree.tokens.range(of: statement.tokens.lowerBound))
  }

  private mutating func freeVariables(_ statement: SyntaxNode) {
    let declared = statement.children.filter { $0.kind == .declaredName }
    let found = declared.map { tree.text(ofToken: $0.tokens.lowerBound) }
    let isClosing = declared.contains { name in
      name.tokens.count > 2 && tree.text(ofToken: name.tokens.lowerBound + 2) == "close"
    }
    guard let last = declared.last, !isClosing, !found.contains("_ENV") else { return }
    blank(tree.tokens.range(of: statement.tokens.lowerBound))
    for name in declared {
      for token in name.tokens.dropFirst() { blank(tree.tokens.range(of: token)) }
    }
    if statement.child(.expressionList) == nil {
      let end = last.range.upperBound
      edits.append((end..<end, Array(" = nil".utf8)))
    }
    names += found
  }

  private mutating func blank(_ range: Range<Int>) {
    edits.append((range, Array(repeating: UInt8(ascii: " "), count: range.count)))
  }

  private mutating func apply() {
    guard !edits.isEmpty else { return }
    var bytes = tree.source.bytes
    for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
      bytes.replaceSubrange(edit.range, with: edit.replacement)
    }
    text = String(decoding: bytes, as: UTF8.self)
  }
}
