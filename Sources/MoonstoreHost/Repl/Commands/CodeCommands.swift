import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// `:doc` and `:source`: the comment above a piece of code, and the code itself.
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
    if call.name == ":doc" {
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
  private let scanner: LuaScanner
  /// The first byte of each line.
  private var starts: [Int] = [0]

  init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    scanner = LuaScanner(text)
    for (index, byte) in scanner.bytes.enumerated() where byte == UInt8(ascii: "\n") {
      starts.append(index + 1)
    }
  }

  private func line(of offset: Int) -> Int {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  private func word(_ index: Int) -> String {
    scanner.tokens.indices.contains(index) ? scanner.text(of: scanner.tokens[index]) : ""
  }

  /// The lines of a store's definition, or of one of its members: from 1, with the line after the last.
  func place(of store: String, member: String?) -> Range<Int>? {
    guard let begin = definition(of: store) else { return nil }
    let end = closing(begin + 1)
    guard let member else { return range(begin, end) }
    for index in begin...end where scanner.tokens[index].kind == .name && word(index) == member {
      if word(index + 1) == "=", word(index + 2) == "function" {
        return range(index, closing(index + 2))
      }
      if word(index - 1) == "function" { return range(index - 1, closing(index - 1)) }
    }
    return nil
  }

  private func range(_ first: Int, _ last: Int) -> Range<Int> {
    line(
      of: scanner.tokens[first].range.lowerBound
    )..<(line(of: scanner.tokens[last].range.lowerBound)
      + 1)
  }

  private func definition(of store: String) -> Int? {
    for index in scanner.tokens.indices where word(index) == "defineStore" {
      let place = word(index + 1) == "(" ? index + 2 : index + 1
      let text = word(place)
      if text.dropFirst().dropLast() == store, scanner.tokens[place].kind == .text { return index }
    }
    return nil
  }

  /// The token that closes what begins at one: a bracket, or the `end` of a block.
  private func closing(_ begin: Int) -> Int {
    var depth = 0
    for index in scanner.tokens.indices.suffix(from: min(begin, scanner.tokens.count)) {
      let token = scanner.tokens[index]
      switch (token.kind, word(index)) {
      case (.symbol, "("), (.symbol, "{"), (.symbol, "["), (.keyword, "function"), (.keyword, "do"),
        (.keyword, "if"), (.keyword, "repeat"):
        depth += 1
      case (.symbol, ")"), (.symbol, "}"), (.symbol, "]"), (.keyword, "end"), (.keyword, "until"):
        depth -= 1
        if depth <= 0 { return index }
      default: break
      }
    }
    return max(0, scanner.tokens.count - 1)
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
