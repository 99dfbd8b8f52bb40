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
    let tokens = LuaTokens(text).tokens
    for index in tokens.indices {
      guard case .name(let name) = tokens[index].kind else { continue }
      // A field of something else has the same name only by chance.
      if index > 0, tokens[index - 1].kind == .symbol(":") { continue }
      let isField = index > 0 && tokens[index - 1].kind == .symbol(".")
      if name == "bus", !isField, index + 2 < tokens.count,
        tokens[index + 1].kind == .symbol("."), case .name(let method) = tokens[index + 2].kind,
        method == "send" || method == "request"
      {
        read(tokens[(index + 3)...], method, line: tokens[index].line)
      } else if name == "defineStore", let id = ScriptReader.literal(in: tokens[(index + 1)...]),
        definitions[id] == nil
      {
        definitions[id] = tokens[index].line
      }
    }
  }

  private mutating func read(_ rest: ArraySlice<LuaTokens.Token>, _ method: String, line: Int) {
    switch rest.first?.kind {
    case .symbol("("), .text:
      let type = ScriptReader.literal(in: rest)
      sendings.append(Sending(type: type, isRequest: method == "request", line: line))
    default:
      // Handed on as a value, such as pcall(bus.request, "type").
      guard rest.first?.kind == .symbol(","), let type = ScriptReader.literal(in: rest) else {
        return
      }
      sendings.append(Sending(type: type, isRequest: method == "request", line: line))
    }
  }

  /// The text that is the whole first argument of a call.
  private static func literal(in rest: ArraySlice<LuaTokens.Token>) -> String? {
    var rest = rest
    if rest.first?.kind == .symbol("(") || rest.first?.kind == .symbol(",") {
      rest = rest.dropFirst()
      guard case .text(let text) = rest.first?.kind else { return nil }
      let next = rest.dropFirst().first?.kind
      return next == .symbol(",") || next == .symbol(")") ? text : nil
    }
    guard case .text(let text) = rest.first?.kind else { return nil }
    return text
  }
}
