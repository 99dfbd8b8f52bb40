import MoonLuaSyntax

/// Finds what a script sends and defines in its text, without running it.
///
/// It sees calls whose first argument is a literal text, such as `bus.send("cart:item-added", ...)`, outside of
/// comments and texts; what computes its type, or calls by another name, it can only count or not see at all.
struct ScriptReader {
  /// A call that sends.
  struct Sending: Equatable {
    /// Nil where the type is computed.
    let type: String?
    let isRequest: Bool
    let line: Int
  }

  private(set) var sendings: [Sending] = []
  /// The lines of `defineStore("id", ...)`, by id.
  private(set) var definitions: [String: Int] = [:]

  init(_ text: String) {
    SyntaxTree(parsing: text).root.walk { node in
      switch node.kind {
      case .member: noteSending(node)
      case .call: noteDefinition(node)
      default: break
      }
    }
  }

  /// Notes `bus.send` and `bus.request`, called or handed on with their first argument, as in
  /// `pcall(bus.request, "type")`.
  private mutating func noteSending(_ node: SyntaxNode) {
    guard let object = node.firstChild, object.kind == .variable,
      object.text == "bus", let name = node.nameToken, let around = node.parent
    else { return }
    let method = node.tree.text(ofToken: name)
    guard method == "send" || method == "request" else { return }
    let line = node.tree.source.line(at: node.range.lowerBound)
    let isRequest = method == "request"
    if around.kind == .call, let arguments = around.child(.arguments), arguments.id != node.id {
      let type = ScriptReader.literal(arguments.firstChild)
      sendings.append(Sending(type: type, isRequest: isRequest, line: line))
    } else if around.kind == .arguments,
      let type = ScriptReader.literal(node.nextSibling)
    {
      sendings.append(Sending(type: type, isRequest: isRequest, line: line))
    }
  }

  private mutating func noteDefinition(_ node: SyntaxNode) {
    guard let id = ScriptReader.definedStore(node), definitions[id] == nil,
      let callee = node.firstChild
    else { return }
    definitions[id] = node.tree.source.line(at: callee.range.upperBound - 1)
  }

  /// The id of the store that a call of `defineStore` defines, where it is a literal text.
  static func definedStore(_ call: SyntaxNode) -> String? {
    guard let callee = call.firstChild, let name = callee.nameToken,
      callee.kind == .variable || callee.kind == .member,
      call.tree.text(ofToken: name) == "defineStore"
    else { return nil }
    return literal(call.child(.arguments)?.firstChild)
  }

  /// The text that an argument is, if it is a literal one.
  private static func literal(_ argument: SyntaxNode?) -> String? {
    argument?.stringContent.map { String(decoding: $0, as: UTF8.self) }
  }
}
