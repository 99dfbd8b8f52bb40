import MoonDiagnostics
import MoonLuaSyntax

/// One script as the rules see it: its text, tree and variables.
///
/// Takes text; gives rules what they ask, and places for what they find.
final class CheckedScript {
  /// What a script is for, by where it lies.
  enum Role {
    case store, middleware, plugin, factory
    /// What `require` finds.
    case module
    case settings
    case spec
    /// What is run: the main script, and others outside of the folders.
    case driver

    init(path: String) {
      let folder = path.contains("/") ? path.split(separator: "/").first.map(String.init) : nil
      switch folder {
      case "stores": self = .store
      case "middleware": self = .middleware
      case "plugins": self = .plugin
      case "factories": self = .factory
      case "lib": self = .module
      case "tests": self = .spec
      default: self = path == "moonstore.lua" ? .settings : .driver
      }
    }

    /// Whether the host loads it with the project, and reloads it.
    var isLoaded: Bool {
      switch self {
      case .store, .middleware, .plugin, .factory: true
      case .module, .settings, .spec, .driver: false
      }
    }
  }

  let path: String
  let role: Role
  let tree: SyntaxTree
  let variables: Variables

  init(path: String, text: ContiguousArray<UInt8>) {
    self.path = path
    role = Role(path: path)
    tree = SyntaxTree(parsing: SourceText(bytes: text), isFile: true)
    variables = Variables(tree)
  }

  /// The place of a node.
  func place(_ node: SyntaxNode) -> Diagnostic.Place { place(node.range) }

  /// The place of a token.
  func place(ofToken token: Int) -> Diagnostic.Place { place(tree.tokens.range(of: token)) }

  func place(_ range: Range<Int>) -> Diagnostic.Place {
    Diagnostic.Place(range, in: tree.source, file: path)
  }

  func line(ofToken token: Int) -> Int {
    tree.source.line(at: tree.tokens.range(of: token).lowerBound)
  }

  func node(_ id: UInt32) -> SyntaxNode { tree.node(id) }

  /// The body of the function around a node; the chunk's is its root.
  func function(around node: SyntaxNode) -> UInt32 { variables.functions[Int(node.id)] }
}
