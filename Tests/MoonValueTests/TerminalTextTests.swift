import MoonValue
import Testing

@Suite struct TerminalTextTests {
  @Test func `Nothing that is shown commands a terminal or turns a text around`() {
    // Whatever scalar it is: what is left is none that acts.
    for value in UInt32(0)...0x2FFF {
      guard let scalar = UnicodeScalar(value) else { continue }
      let text = "a\(scalar)b"
      for clean in [TerminalText.clean(text), TerminalText.clean(text, keepsColors: true)] {
        #expect(!clean.unicodeScalars.contains(where: TerminalText.isHarmful), "\(value)")
        #expect(TerminalText.clean(clean) == clean)
      }
    }
    #expect(TerminalText.clean("a\tb\nc") == "a\tb\nc")
    #expect(TerminalText.clean("a\nb", newline: "\n  ") == "a\n  b")
    #expect(TerminalText.clean("\u{9B}31m \u{202E}x\u{2066}") == "\\u{9b}31m \\u{202e}x\\u{2066}")
    #expect(TerminalText.clean("größe 値 🙂") == "größe 値 🙂")
  }

  @Test func `Of codes only those that colour are kept, where they are wanted`() {
    let colored = "\u{1B}[1;31mred\u{1B}[0m \u{1B}[2mfaint\u{1B}[m"
    #expect(TerminalText.clean(colored, keepsColors: true) == colored)
    #expect(!TerminalText.clean(colored).unicodeScalars.contains("\u{1B}"))
    for code in [
      "\u{1B}[8mhidden", "\u{1B}[2J", "\u{1B}]0;title\u{7}", "\u{1B}[31", "\u{1B}[31;5m", "\u{1B}c",
      "\u{1B}[99999999999999999999m", "\u{1B}[31\u{9B}m",
    ] {
      let clean = TerminalText.clean(code, keepsColors: true)
      #expect(!clean.unicodeScalars.contains("\u{1B}"), "\(clean)")
    }
  }
}
