/// Splits a text into tokens as Lua 5.4 does.
///
/// It never stops at an error: what is broken becomes a token of its kind, or `.unknown`, and a problem.
struct Lexer {
  let source: SourceText
  private let bytes: ContiguousArray<UInt8>
  private(set) var tokens = TokenList()
  private(set) var problems: [SyntaxProblem] = []
  private var names = NameTable()
  private var position = 0

  init(_ source: SourceText, isFile: Bool) {
    self.source = source
    bytes = source.bytes
    // About one token in four bytes.
    tokens.kinds.reserveCapacity(bytes.count / 4)
    tokens.starts.reserveCapacity(bytes.count / 4)
    tokens.ends.reserveCapacity(bytes.count / 4)
    tokens.names.reserveCapacity(bytes.count / 4)
    if isFile { skipPreamble() }
    while position < bytes.count { readNext() }
    tokens.append(.end, bytes.count, bytes.count)
  }

  /// Skips what `luaL_loadfile` skips: a byte order mark, and a first line that begins with `#`.
  private mutating func skipPreamble() {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    if peek() == UInt8(ascii: "#") {
      let start = position
      while let next = peek(), next != Ascii.newline { position += 1 }
      tokens.comments.append(start..<position)
    }
  }

  @inline(__always)
  private func peek(_ ahead: Int = 0) -> UInt8? {
    position + ahead < bytes.count ? bytes[position + ahead] : nil
  }

  private mutating func report(_ message: String, _ range: Range<Int>, isAtEnd: Bool = false) {
    problems.append(SyntaxProblem(message: message, range: range, isAtEnd: isAtEnd))
  }

  @inline(__always)
  private mutating func readNext() {
    let start = position
    let byte = bytes[position]
    if Ascii.isSpace(byte) {
      position += 1
    } else if Ascii.isLetter(byte) {
      readName()
    } else if Ascii.isDigit(byte) {
      readNumber()
    } else {
      readOther(byte, start)
    }
  }

  private mutating func readName() {
    let start = position
    var hash: UInt32 = 2_166_136_261
    while position < bytes.count, Ascii.isWord(bytes[position]) {
      hash = (hash ^ UInt32(bytes[position])) &* 16_777_619
      position += 1
    }
    if let keyword = TokenKind.keyword(bytes, start..<position) {
      tokens.append(keyword, start, position)
    } else {
      let number = names.number(of: start..<position, hash: hash, in: bytes)
      if hash == Lexer.selfHash, position - start == 4 { tokens.selfName = number }
      tokens.append(.name, start, position, name: number)
    }
  }

  /// The hash of `self`; no other name of four letters has it.
  private static let selfHash: UInt32 = "self".utf8.reduce(2_166_136_261) {
    ($0 ^ UInt32($1)) &* 16_777_619
  }

  // MARK: Symbols

  private mutating func readOther(_ byte: UInt8, _ start: Int) {
    switch byte {
    case UInt8(ascii: "-"):
      if peek(1) == Ascii.dash { return readComment() }
      add(.minus, 1)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): readShortString(quote: byte)
    case UInt8(ascii: "["): readBracket()
    case UInt8(ascii: "."):
      if let next = peek(1), Ascii.isDigit(next) { return readNumber() }
      if peek(1) != Ascii.dot { return add(.dot, 1) }
      if peek(2) == Ascii.dot { add(.ellipsis, 3) } else { add(.concat, 2) }
    case UInt8(ascii: "="): addPair(.assign, Ascii.equals, .equal)
    case UInt8(ascii: "<"):
      if peek(1) == UInt8(ascii: "<") {
        add(.shiftLeft, 2)
      } else {
        addPair(.less, Ascii.equals, .lessOrEqual)
      }
    case UInt8(ascii: ">"):
      if peek(1) == UInt8(ascii: ">") {
        add(.shiftRight, 2)
      } else {
        addPair(.greater, Ascii.equals, .greaterOrEqual)
      }
    case UInt8(ascii: "~"): addPair(.tilde, Ascii.equals, .notEqual)
    case UInt8(ascii: ":"): addPair(.colon, UInt8(ascii: ":"), .doubleColon)
    case UInt8(ascii: "/"): addPair(.slash, UInt8(ascii: "/"), .doubleSlash)
    default: add(Lexer.singles[Int(byte)], 1)
    }
  }

  @inline(__always)
  private mutating func add(_ kind: TokenKind, _ length: Int) {
    tokens.append(kind, position, position + length)
    position += length
  }

  @inline(__always)
  private mutating func addPair(_ single: TokenKind, _ second: UInt8, _ double: TokenKind) {
    if peek(1) == second { add(double, 2) } else { add(single, 1) }
  }

  /// The tokens of one byte.
  private static let singles: ContiguousArray<TokenKind> = {
    var kinds = ContiguousArray(repeating: TokenKind.unknown, count: 256)
    for (byte, kind): (Unicode.Scalar, TokenKind) in [
      ("+", .plus), ("*", .star), ("%", .percent), ("^", .caret), ("#", .hash), ("&", .ampersand),
      ("|", .pipe), ("(", .openParenthesis), (")", .closeParenthesis), ("{", .openBrace),
      ("}", .closeBrace), ("]", .closeBracket), (";", .semicolon), (",", .comma),
    ] { kinds[Int(byte.value)] = kind }
    return kinds
  }()

  // MARK: Comments and long brackets

  private mutating func readComment() {
    let start = position
    position += 2
    if let level = longBracketLevel() {
      skipLongBracket(level, what: "comment", from: start)
    } else {
      while let next = peek(), !Ascii.isLineBreak(next) { position += 1 }
    }
    tokens.comments.append(start..<position)
  }

  /// How many equal signs a long bracket has that begins here; nil where none does.
  private func longBracketLevel() -> Int? {
    guard peek() == Ascii.openBracket else { return nil }
    var level = 0
    while peek(level + 1) == Ascii.equals { level += 1 }
    return peek(level + 1) == Ascii.openBracket ? level : nil
  }

  private mutating func skipLongBracket(_ level: Int, what: String, from start: Int) {
    let opening = position
    position += level + 2
    while position < bytes.count {
      guard bytes[position] == Ascii.closeBracket else {
        position += 1
        continue
      }
      var equals = 0
      while equals < level, peek(equals + 1) == Ascii.equals { equals += 1 }
      if equals == level, peek(level + 1) == Ascii.closeBracket {
        position += level + 2
        return
      }
      position += equals + 1
    }
    let line = source.line(at: opening)
    report("unfinished long \(what) (starting at line \(line))", start..<position, isAtEnd: true)
  }

  private mutating func readBracket() {
    let start = position
    if let level = longBracketLevel() {
      skipLongBracket(level, what: "string", from: start)
      return tokens.append(.string, start, position)
    }
    guard peek(1) == Ascii.equals else { return add(.openBracket, 1) }
    position += 1
    while peek() == Ascii.equals { position += 1 }
    report("invalid long string delimiter", start..<position, isAtEnd: position == bytes.count)
    tokens.append(.unknown, start, position)
  }

  // MARK: Numbers

  private mutating func readNumber() {
    let start = position
    var exponent = UInt8(ascii: "e")
    if bytes[position] == Ascii.zero, let next = peek(1), next | 0x20 == UInt8(ascii: "x") {
      exponent = UInt8(ascii: "p")
      position += 2
    } else {
      position += 1
    }
    while let next = peek() {
      if next | 0x20 == exponent {
        position += 1
        if let sign = peek(), sign == UInt8(ascii: "+") || sign == Ascii.dash { position += 1 }
      } else if Ascii.isHexDigit(next) || next == Ascii.dot {
        position += 1
      } else {
        break
      }
    }
    // A letter right behind a numeral belongs to it, and makes it no number.
    if let next = peek(), Ascii.isLetter(next) { position += 1 }
    if NumberLiteral.parse(bytes[start..<position]) == nil {
      report("malformed number near '\(source[start..<position])'", start..<position)
    }
    tokens.append(.number, start, position)
  }

  // MARK: Strings in quotes

  private mutating func readShortString(quote: UInt8) {
    let start = position
    position += 1
    while let next = peek() {
      switch next {
      case quote:
        position += 1
        return tokens.append(.string, start, position)
      case Ascii.newline, Ascii.carriageReturn:
        report("unfinished string near '\(source[start..<position])'", start..<position)
        return tokens.append(.string, start, position)
      case Ascii.backslash: readEscape(from: start)
      default: position += 1
      }
    }
    report("unfinished string near <eof>", start..<position, isAtEnd: true)
    tokens.append(.string, start, position)
  }

  private mutating func readEscape(from start: Int) {
    let escape = position
    position += 1
    var unused: ContiguousArray<UInt8> = []
    if let message = StringLiteral.readEscape(bytes, &position, into: &unused) {
      let end = min(position + 1, bytes.count)
      report("\(message) near '\(source[start..<max(end, escape + 1)])'", escape..<end)
    }
  }
}

/// Gives equal names equal numbers, from 1.
private struct NameTable {
  private var slots = ContiguousArray<UInt32>(repeating: 0, count: 1_024)
  private var ranges: ContiguousArray<(start: UInt32, end: UInt32, hash: UInt32)> = [(0, 0, 0)]

  mutating func number(of range: Range<Int>, hash: UInt32, in bytes: ContiguousArray<UInt8>)
    -> UInt32
  {
    if ranges.count * 2 > slots.count { grow() }
    var slot = Int(hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let number = slots[slot]
      let known = ranges[Int(number)]
      if known.hash == hash, Int(known.end - known.start) == range.count {
        var offset = 0
        while offset < range.count,
          bytes[Int(known.start) + offset] == bytes[range.lowerBound + offset]
        {
          offset += 1
        }
        if offset == range.count { return number }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = UInt32(ranges.count)
    ranges.append((UInt32(range.lowerBound), UInt32(range.upperBound), hash))
    return slots[slot]
  }

  private mutating func grow() {
    slots = ContiguousArray(repeating: 0, count: slots.count * 2)
    for number in 1..<ranges.count {
      var slot = Int(ranges[number].hash) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(number)
    }
  }
}
