/// The tokens of a Lua text with their places, for whoever changes or completes it.
///
/// What is not Lua gives some tokens and no error.
struct LuaScanner {
  struct Token {
    enum Kind: Equatable {
      case name, keyword, number, text, symbol
    }

    let kind: Kind
    /// Bytes of the text.
    let range: Range<Int>
  }

  static let keywords: Set<String> = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
  ]

  let bytes: [UInt8]
  private(set) var tokens: [Token] = []
  /// Whether a text or a comment has no end.
  private(set) var isUnfinished = false
  private var position = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
    while position < bytes.count { readNext() }
  }

  func text(of token: Token) -> String { String(decoding: bytes[token.range], as: UTF8.self) }

  private func peek(_ ahead: Int = 0) -> UInt8? {
    position + ahead < bytes.count ? bytes[position + ahead] : nil
  }

  private mutating func add(_ kind: Token.Kind, from start: Int) {
    tokens.append(Token(kind: kind, range: start..<position))
  }

  private mutating func readNext() {
    let start = position
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"):
      position += 2
      if !skipLong() {
        while let next = peek(), next != UInt8(ascii: "\n") { position += 1 }
      }
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      skipShort(byte)
      add(.text, from: start)
    case UInt8(ascii: "["):
      if skipLong() {
        add(.text, from: start)
      } else {
        position += 1
        add(.symbol, from: start)
      }
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      while let next = peek(), Self.isWord(next) || next == UInt8(ascii: ".") { position += 1 }
      add(.number, from: start)
    case _ where Self.isWord(byte):
      while let next = peek(), Self.isWord(next) { position += 1 }
      let word = String(decoding: bytes[start..<position], as: UTF8.self)
      add(Self.keywords.contains(word) ? .keyword : .name, from: start)
    case _ where byte <= 0x20: position += 1
    default: readSymbol(byte)
    }
  }

  private mutating func readSymbol(_ byte: UInt8) {
    let start = position
    position += 1
    switch (byte, peek()) {
    case (UInt8(ascii: "."), UInt8(ascii: ".")):
      position += 1
      if peek() == byte { position += 1 }
    case (UInt8(ascii: ":"), UInt8(ascii: ":")), (UInt8(ascii: "="), UInt8(ascii: "=")),
      (UInt8(ascii: "<"), UInt8(ascii: "=")), (UInt8(ascii: ">"), UInt8(ascii: "=")),
      (UInt8(ascii: "~"), UInt8(ascii: "=")):
      position += 1
    default: break
    }
    add(.symbol, from: start)
  }

  static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Goes behind long brackets, if some begin here.
  private mutating func skipLong() -> Bool {
    guard peek() == UInt8(ascii: "[") else { return false }
    var level = 0
    while peek(level + 1) == UInt8(ascii: "=") { level += 1 }
    guard peek(level + 1) == UInt8(ascii: "[") else { return false }
    position += level + 2
    let end =
      [UInt8(ascii: "]")] + Array(repeating: UInt8(ascii: "="), count: level) + [
        UInt8(ascii: "]")
      ]
    while position < bytes.count, !bytes[position...].starts(with: end) { position += 1 }
    isUnfinished = position >= bytes.count
    position = min(position + end.count, bytes.count)
    return true
  }

  private mutating func skipShort(_ quote: UInt8) {
    position += 1
    while let next = peek(), next != quote, next != UInt8(ascii: "\n") {
      position += next == UInt8(ascii: "\\") ? 2 : 1
    }
    position = min(position, bytes.count)
    if peek() == quote { position += 1 } else if peek() == nil { isUnfinished = true }
  }
}
