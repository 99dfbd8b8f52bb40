import MoonDiagnostics
import MoonLuaSyntax
import MoonstoreCheck
import TestSupport
import Testing

/// Scripts that were changed at random never harm the checker, and what it finds stands inside of them.
struct FuzzCheckTests {
  private static let words = [
    "self", "useStore(\"cart\")", "defineStore(\"x\", {", "})", "function(self)", "end", "local x",
    "=", "{", "}",
    "(", ")", "bus.send(\"a\"", ":", ".", "for _, v in pairs(", "do", "return", "if", "then", "x",
    "1", "..", "\n",
    "-- moonstore: allow(W211)", "-- luacheck: ignore", "goto a", "::a::", "while true do", "break",
    "repeat",
    "until", ";", "function t:m()", "local function f(a, b)", "state =", "getters = {",
    "actions = {", "é", "\u{0}",
  ]

  @Test func `Mutated scripts are checked without harm`() {
    let texts = FaultTests.project.map(\.bytes) + FaultTests.faults.map { Array($0.text.utf8) }
    var fuzzing = Fuzzing("check", rounds: 1_000, share: 0.2)
    var random = SeededGenerator(seed: Fuzzing.seed)
    var count = 0
    while fuzzing.next() {
      var text = texts[random.below(texts.count)]
      for _ in 0...random.below(4) { mutate(&text, texts, &random) }
      fuzzing.leave(text)
      let report = Checker().check(FaultTests.project + [.init(path: "stores/a.lua", bytes: text)])
      let source = SourceText(bytes: ContiguousArray(text))
      for diagnostic in report.diagnostics where diagnostic.place?.file == "stores/a.lua" {
        let line = diagnostic.place?.line ?? 0
        #expect(line >= 1 && line <= source.lineCount, "\(diagnostic)")
        #expect(CheckCode.all.contains { $0.code == diagnostic.code })
      }
      _ = Fixes.apply(report.diagnostics.filter { $0.place?.file == "stores/a.lua" }, to: text)
      count += 1
    }
    fuzzing.tell(count, "scripts that were checked")
  }

  private func mutate(
    _ text: inout [UInt8],
    _ others: [[UInt8]],
    _ random: inout SeededGenerator
  ) {
    let at = random.below(text.count + 1)
    switch random.below(4) {
    case 0: text.removeSubrange(at..<min(text.count, at + random.below(20)))
    case 1:
      text.insert(contentsOf: " \(Self.words[random.below(Self.words.count)]) ".utf8, at: at)
    case 2:
      let other = others[random.below(others.count)]
      let start = random.below(other.count + 1)
      text.insert(contentsOf: other[start..<min(other.count, start + random.below(80))], at: at)
    default: if at < text.count { text[at] = UInt8(truncatingIfNeeded: random.next()) }
    }
  }

  @Test func `Deep nesting and long chains neither end the stack nor take long`() {
    let count = 20_000
    for text in [
      "return " + Array(repeating: "x", count: count).joined(separator: " .. "),
      "return x" + String(repeating: ".y", count: count),
      "return x" + String(repeating: "()", count: count),
      String(repeating: "while true do local x = 1 x = 2 ", count: 150)
        + String(repeating: " end", count: 150),
      String(repeating: "do ", count: 190) + String(repeating: " end", count: 190),
      String(repeating: "if x then elseif ", count: 1) + "y then end",
      "local a\n" + String(repeating: "a = a\n", count: count),
      String(repeating: "local function f(self) return self end ", count: 150),
    ] {
      _ = Checker().check([.init(path: "stores/a.lua", text: text)])
    }
  }
}
