import MoonLua
import MoonLuaSyntax
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// `:doc` and `:source` of stores: the comment above a piece of code, and the code itself.
  func showCode(_ call: ReplCommand.Call, _ view: ReplView) throws(StoreError) -> ReplResult {
    guard !call.rest.isEmpty else { throw call.wrong("of which store?") }
    let (store, member) = try codeSubject(call.rest)
    guard let owner = store.owner, let text = scripts[owner]?.text, !text.isEmpty else {
      throw StoreError(
        .invalidArgument,
        "\(call.name): the store '\(store.id)' is not written in a script whose text is known"
      )
    }
    let code = ScriptCode(text)
    guard let place = code.place(of: store.id, member: member) else {
      throw StoreError(
        .invalidArgument,
        "\(call.name): the code of '\(call.rest)' was not found in \(owner): its name may be computed",
        script: owner
      )
    }
    let title = "\(owner):\(place.lowerBound)"
    let lines: [String]
    if call.command.verb == .doc {
      let comment = code.comment(above: place.lowerBound)
      let signature = member.flatMap { store.action(named: $0) }.map { action in
        let parameters = machine.parameters(ofAction: action.number) ?? ["..."]
        return "\(store.id):\(action.name)(\(parameters.joined(separator: ", ")))"
      }
      lines =
        [(signature ?? call.rest) + "  " + title]
        + (comment.isEmpty ? ["there is no comment above it"] : comment)
    } else {
      let shown = code.lines[(place.lowerBound - 1)..<min(place.upperBound - 1, code.lines.count)]
      let width = "\(place.upperBound - 1)".count
      lines =
        [title]
        + shown.enumerated().map { index, line in
          let number = "\(place.lowerBound + index)"
          return String(repeating: " ", count: width - number.count) + number + "  " + line
        }
    }
    var result = ReplResult(.ok, text: lines.map(PrintedText.line).joined(separator: "\n"))
    if view.wantsData {
      result.values = [
        [
          "script": .string(owner), "line": .integer(Int64(place.lowerBound)),
          "text": .array(lines.dropFirst().map(Value.string)),
        ]
      ]
    }
    return result
  }

  /// `cart`, `cart:addItem` or `cart.total`; ids can have dots and colons themselves.
  private func codeSubject(
    _ text: String
  ) throws(StoreError) -> (store: LiveStore, member: String?) {
    if let store = system.registry.find(text) { return (store, nil) }
    for place in text.indices.reversed() where text[place] == ":" || text[place] == "." {
      guard let store = system.registry.find(String(text[..<place])) else { continue }
      let name = String(text[text.index(after: place)...])
      switch store.member(named: name) {
      case .getter?, .action?: return (store, name)
      case nil: throw store.noAction(name)
      }
    }
    return (try system.registry.live(text), nil)
  }
}

/// Where in the text of a script a store and its members stand.
struct ScriptCode {
  let lines: [String]
  private let tree: SyntaxTree

  init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    tree = SyntaxTree(parsing: text)
  }

  /// The lines of a store's definition, or of one of its members: from 1, with the line after the last.
  func place(of store: String, member: String?) -> Range<Int>? {
    var definition: SyntaxNode?
    tree.root.walk { node in
      guard definition == nil, node.kind == .call else { return }
      if ScriptReader.definedStore(node) == store { definition = node }
    }
    guard let definition else { return nil }
    guard let member else { return lines(of: definition) }
    var found: SyntaxNode?
    definition.walk { node in
      if found == nil, isFunction(node, named: member) { found = node }
    }
    return found.map(lines(of:))
  }

  /// Whether a node gives a function this name: a field of a table, or a function statement.
  private func isFunction(_ node: SyntaxNode, named name: String) -> Bool {
    switch node.kind {
    case .namedField:
      node.child(.functionExpression) != nil && node.nameToken.map(tree.text(ofToken:)) == name
    case .localFunction: node.child(.declaredName)?.text == name
    case .functionStatement: node.child(.functionName)?.text == name
    default: false
    }
  }

  private func lines(of node: SyntaxNode) -> Range<Int> {
    let range = node.range
    return tree.source.line(at: range.lowerBound)..<tree.source.line(
      at: max(range.lowerBound, range.upperBound - 1)
    ) + 1
  }

  /// The comment lines right above a line, without their dashes.
  func comment(above line: Int) -> [String] {
    var found: [String] = []
    var index = line - 2
    while index >= 0 {
      let text = lines[index].trimmingWhitespace
      guard text.hasPrefix("--"), !text.hasPrefix("--[") else { break }
      found.append(String(text.drop { $0 == "-" }).trimmingWhitespace)
      index -= 1
    }
    return found.reversed()
  }
}
