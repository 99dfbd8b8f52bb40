import MoonLuaSyntax

/// What `moonstore.lua` says to the checker, read in its text: no script runs.
public struct CheckSettings: Sendable {
  /// Codes that are not reported, or parts of codes, such as `W2`.
  public var ignore: [String] = []
  /// Globals that scripts may read and set.
  public var globals: [String] = []
  /// Types of messages that come from outside of the project or go there; `order:*` is all that begin so.
  public var messages: [String] = []
  /// Paths that are not checked, or folders.
  public var exclude: [String] = []
  /// The capabilities that the project declares.
  public var capabilities: [String] = []

  /// Nothing is set.
  public init() {}

  /// Reads the text of a `moonstore.lua`.
  public init(text: String) {
    let tree = SyntaxTree(parsing: SourceText(text), isFile: true)
    guard let value = tree.root.child(.returnStatement)?.child(.expressionList)?.firstChild,
      value.kind == .table
    else { return }
    func list(_ node: SyntaxNode?) -> [String] {
      guard let node, node.kind == .table else { return [] }
      return node.children.compactMap { $0.firstChild?.literal }
    }
    capabilities = list(value.field("capabilities"))
    guard let check = value.field("check") else { return }
    ignore = list(check.field("ignore"))
    globals = list(check.field("globals"))
    messages = list(check.field("messages"))
    exclude = list(check.field("exclude"))
  }

  /// Whether a path is not checked.
  func excludes(_ path: String) -> Bool {
    exclude.contains { path == $0 || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
  }
}
