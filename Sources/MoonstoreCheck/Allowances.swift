import MoonDiagnostics
import MoonLuaSyntax

/// The comments of a script that allow findings: `-- moonstore: allow(M401) reason`, and luacheck's `ignore`.
///
/// A comment behind code allows what is found on its line; one on a line of its own allows it in the statement or
/// field below, or, as luacheck has it, in the rest of the function.
struct Allowances {
  private struct Allowance {
    let codes: [String]
    /// The bytes in which it allows.
    let range: Range<Int>
    let place: Diagnostic.Place
    /// Whether one that nothing needs is reported: luacheck's are not, since luacheck may need them.
    let isOurs: Bool
    var isUsed = false
  }

  private let script: CheckedScript
  private var list: [Allowance] = []
  private(set) var globals: Set<String> = []
  private var findings: Findings

  init(_ script: CheckedScript) {
    self.script = script
    findings = Findings(script)
    for comment in script.tree.tokens.comments { read(comment) }
  }

  private mutating func read(_ comment: Range<Int>) {
    let text = script.tree.source[comment].drop { $0 == "-" }.drop { $0 == " " || $0 == "\t" }
    if text.hasPrefix("moonstore:") {
      readAllow(text.dropFirst("moonstore:".count).drop { $0 == " " }, comment)
    } else if text.hasPrefix("luacheck:") {
      readLuacheck(text.dropFirst("luacheck:".count).drop { $0 == " " }, comment)
    }
  }

  private mutating func readAllow(_ text: Substring, _ comment: Range<Int>) {
    let place = script.place(comment)
    guard text.hasPrefix("allow("), let end = text.firstIndex(of: ")") else {
      findings.add(
        "M903",
        "this is no comment for the checker; write  -- moonstore: allow(M401) reason",
        at: place
      )
      return
    }
    let codes = text[..<end].dropFirst("allow(".count).split(separator: ",").map {
      $0.filter { !$0.isWhitespace }
    }
    let reason = text[end...].dropFirst().drop { $0 == " " || $0 == ":" || $0 == "-" }
    for code in codes where !CheckCode.exists(code) {
      findings.add("M903", "there is no code '\(code)'", at: place)
    }
    if reason.isEmpty { findings.add("M901", "say why it is allowed, behind the codes", at: place) }
    let known = codes.filter(CheckCode.exists)
    guard !known.isEmpty else { return }
    list.append(
      Allowance(codes: known, range: scope(of: comment, isRest: false), place: place, isOurs: true)
    )
  }

  private mutating func readLuacheck(_ text: Substring, _ comment: Range<Int>) {
    let words = text.split { $0 == " " || $0 == "," }.map(String.init)
    switch words.first {
    case "ignore":
      // Codes can be parts of codes; without any all of Lua's are meant.
      let codes = words.dropFirst().map { "W" + $0.prefix { $0.isNumber } }
      let range = scope(of: comment, isRest: true)
      list.append(
        Allowance(
          codes: codes.isEmpty ? ["W"] : codes,
          range: range,
          place: script.place(comment),
          isOurs: false
        )
      )
    case "globals", "read_globals", "new": globals.formUnion(words.dropFirst())
    default: break
    }
  }

  /// The bytes for which a comment speaks.
  private func scope(of comment: Range<Int>, isRest: Bool) -> Range<Int> {
    let source = script.tree.source
    let line = source.range(ofLine: source.line(at: comment.lowerBound))
    let token = script.tree.tokens.token(at: line.lowerBound)
    let first = script.tree.tokens.range(of: token)
    // Code before it on its line.
    if first.lowerBound < comment.lowerBound, first.upperBound > line.lowerBound { return line }
    let next = script.tree.tokens.token(at: comment.upperBound)
    let start = script.tree.tokens.range(of: next).lowerBound
    var node = script.tree.node(at: start)
    if isRest {
      let body = script.node(script.function(around: node))
      return comment.upperBound..<max(comment.upperBound, body.range.upperBound)
    }
    // The outermost statement or field that begins there.
    var found = node.range
    while let parent = node.parent, parent.range.lowerBound == start, parent.kind != .chunk,
      parent.kind != .block
    {
      node = parent
      found = node.range
    }
    return comment.upperBound..<max(comment.upperBound, found.upperBound)
  }

  /// Takes out what is allowed, and adds what is wrong with the comments.
  mutating func apply(to diagnostics: [Diagnostic]) -> [Diagnostic] {
    guard !list.isEmpty else { return diagnostics + findings.list }
    let source = script.tree.source
    let left = diagnostics.filter { diagnostic in
      guard let line = diagnostic.place?.line, let column = diagnostic.place?.column else {
        return true
      }
      let offset = source.offset(line: line, column: column)
      var isAllowed = false
      for index in list.indices
      where list[index].range.contains(offset) || list[index].range.upperBound == offset {
        let allowance = list[index]
        let isMeant = allowance.codes.contains {
          allowance.isOurs ? $0 == diagnostic.code : diagnostic.code.hasPrefix($0)
        }
        guard isMeant, diagnostic.code != Diagnostic.syntaxCode else { continue }
        list[index].isUsed = true
        isAllowed = true
      }
      return !isAllowed
    }
    for allowance in list where !allowance.isUsed && allowance.isOurs {
      let codes = allowance.codes.joined(separator: ", ")
      findings.add(
        "M902",
        "nothing here needs this comment: \(codes) is not found",
        at: allowance.place
      )
    }
    return left + findings.list
  }
}
