/// Turns the local variables at the top of an entry into variables of the session.
///
/// The text keeps its lines and columns, since only `local` and attributes are blanked out. What is to be closed
/// at the end of the entry stays local, and so does `_ENV`.
struct TopLevelLocals {
  private(set) var text: String
  /// The names, in order.
  private(set) var names: [String] = []

  private let scanner: LuaScanner
  private var edits: [(range: Range<Int>, replacement: [UInt8])] = []

  init(_ text: String, _ scanner: LuaScanner) {
    self.text = text
    self.scanner = scanner
    var depth = 0
    for place in scanner.tokens.indices where scanner.tokens[place].kind == .keyword {
      switch word(at: place) {
      case "do", "function", "if", "repeat": depth += 1
      case "end", "until": depth -= 1
      case "local" where depth == 0: free(place)
      default: break
      }
    }
    apply()
  }

  private func word(at place: Int) -> String? {
    scanner.tokens.indices.contains(place) ? scanner.text(of: scanner.tokens[place]) : nil
  }

  private mutating func free(_ place: Int) {
    if word(at: place + 1) == "function" {
      if let name = word(at: place + 2) { names.append(name) }
      return blank(place)
    }
    var found: [String] = []
    var attributes: [Int] = []
    var next = place + 1
    while let name = word(at: next), scanner.tokens[next].kind == .name {
      found.append(name)
      next += 1
      if word(at: next) == "<" {
        if word(at: next + 1) == "close" { return }
        attributes += [next, next + 1, next + 2]
        next += 3
      }
      guard word(at: next) == "," else { break }
      next += 1
    }
    guard !found.isEmpty, !found.contains("_ENV") else { return }
    blank(place)
    for attribute in attributes where scanner.tokens.indices.contains(attribute) {
      blank(attribute)
    }
    if word(at: next) != "=" {
      let end = scanner.tokens[next - 1].range.upperBound
      edits.append((end..<end, Array(" = nil".utf8)))
    }
    names += found
  }

  private mutating func blank(_ place: Int) {
    let range = scanner.tokens[place].range
    edits.append((range, Array(repeating: UInt8(ascii: " "), count: range.count)))
  }

  private mutating func apply() {
    guard !edits.isEmpty else { return }
    var bytes = scanner.bytes
    for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
      bytes.replaceSubrange(edit.range, with: edit.replacement)
    }
    text = String(decoding: bytes, as: UTF8.self)
  }
}
