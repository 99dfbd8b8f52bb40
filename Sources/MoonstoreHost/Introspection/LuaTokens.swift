import MoonValue

/// The names, texts and symbols of a Lua text, without comments.
///
/// Numbers come as symbols, since nobody here needs them; what is not Lua gives some tokens and no error.
struct LuaTokens {
  struct Token {
    enum Kind: Equatable {
      case name(String)
      case text(String)
      /// A single character, except for the dots: `.`, `..` and `...`.
      case symbol(String)
    }

    let kind: Kind
    let line: Int
  }

  private(set) var tokens: [Token] = []
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1

  init(_ text: String) {
    bytes = Array(text.utf8)
    while let next = peek() { read(next) }
  }

  private func peek(_ ahead: Int = 0) -> UInt8? {
    position + ahead < bytes.count ? bytes[position + ahead] : nil
  }

  private mutating func advance() {
    if peek() == UInt8(ascii: "\n") { line += 1 }
    position += 1
  }

  private mutating func skipLine() {
    while let next = peek(), next != UInt8(ascii: "\n") { advance() }
  }

  private mutating func read(_ byte: UInt8) {
    let start = line
    switch byte {
    case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"):
      position += 2
      if readLong() == nil { skipLine() }
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      let text = readShort(byte)
      tokens.append(Token(kind: .text(text), line: start))
    case UInt8(ascii: "["):
      if let text = readLong() {
        tokens.append(Token(kind: .text(text), line: start))
      } else {
        add("[")
      }
    case UInt8(ascii: "."):
      var dots = 1
      while dots < 3, peek(dots) == byte { dots += 1 }
      tokens.append(Token(kind: .symbol(String(repeating: ".", count: dots)), line: line))
      position += dots
    case _ where LuaTokens.isWord(byte): readWord()
    case _ where byte <= 0x20: advance()
    default: add(String(UnicodeScalar(byte)))
    }
  }

  private mutating func add(_ symbol: String) {
    tokens.append(Token(kind: .symbol(symbol), line: line))
    advance()
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private mutating func readWord() {
    let start = position
    while let next = peek(), LuaTokens.isWord(next) { position += 1 }
    let word = String(decoding: bytes[start..<position], as: UTF8.self)
    let isNumber = bytes[start] <= UInt8(ascii: "9")
    tokens.append(Token(kind: isNumber ? .symbol(word) : .name(word), line: line))
  }

  /// A text or comment in long brackets, if one begins here.
  private mutating func readLong() -> String? {
    guard peek() == UInt8(ascii: "[") else { return nil }
    var level = 0
    while peek(level + 1) == UInt8(ascii: "=") { level += 1 }
    guard peek(level + 1) == UInt8(ascii: "[") else { return nil }
    position += level + 2
    if peek() == UInt8(ascii: "\n") { advance() }
    let start = position
    let end =
      [UInt8(ascii: "]")] + Array(repeating: UInt8(ascii: "="), count: level)
      + [UInt8(ascii: "]")]
    while position < bytes.count, !bytes[position...].starts(with: end) { advance() }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    position = min(position + end.count, bytes.count)
    return text
  }

  /// A text in quotes, which ends at the latest with its line.
  private mutating func readShort(_ quote: UInt8) -> String {
    var text: [UInt8] = []
    position += 1
    while let next = peek(), next != quote, next != UInt8(ascii: "\n") {
      if next == UInt8(ascii: "\\") {
        position += 1
        readEscape(into: &text)
      } else {
        text.append(next)
        position += 1
      }
    }
    if peek() == quote { position += 1 }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func readEscape(into text: inout [UInt8]) {
    guard let next = peek() else { return }
    switch next {
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "x"):
      position += 1
      text.append(readNumber(radix: 16, digits: 2))
      return
    case UInt8(ascii: "z"):
      position += 1
      while let space = peek(), space <= 0x20 { advance() }
      return
    case UInt8(ascii: "u"):
      readScalar(into: &text)
      return
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      text.append(readNumber(radix: 10, digits: 3))
      return
    default: text.append(next)
    }
    advance()
  }

  private mutating func readNumber(radix: Int, digits: Int) -> UInt8 {
    let start = position
    while position < start + digits, let next = peek(),
      Character(UnicodeScalar(next)).hexDigitValue.map({ $0 < radix }) == true
    {
      position += 1
    }
    let number = String(decoding: bytes[start..<position], as: UTF8.self)
    return UInt8(truncatingIfNeeded: Int(number, radix: radix) ?? 0)
  }

  private mutating func readScalar(into text: inout [UInt8]) {
    let start = position + 2
    while let next = peek(), next != UInt8(ascii: "}"), next != UInt8(ascii: "\n") { position += 1 }
    guard start <= position else { return }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    if let scalar = UInt32(digits, radix: 16).flatMap(UnicodeScalar.init) {
      text += Array(String(Character(scalar)).utf8)
    }
    if peek() == UInt8(ascii: "}") { position += 1 }
  }
}
