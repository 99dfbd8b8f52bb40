/// What a numeral of Lua stands for.
public enum NumberLiteral: Hashable, Sendable {
  /// A 64-bit integer; hexadecimal ones wrap around.
  case integer(Int64)
  /// A double; decimal integers that do not fit are doubles, too.
  case number(Double)

  /// Reads a numeral.
  ///
  /// - Parameter bytes: The numeral without sign or space.
  /// - Returns: Its value, or nil for what Lua calls a malformed number.
  public static func parse(_ bytes: ArraySlice<UInt8>) -> NumberLiteral? {
    let isHexadecimal =
      bytes.count > 1 && bytes[bytes.startIndex] == Ascii.zero
      && bytes[bytes.startIndex + 1] | 0x20 == UInt8(ascii: "x")
    return isHexadecimal ? hexadecimal(bytes.dropFirst(2)) : decimal(bytes)
  }

  private static func decimal(_ bytes: ArraySlice<UInt8>) -> NumberLiteral? {
    var rest = bytes
    let whole = takeDigits(&rest, Ascii.isDigit)
    if rest.isEmpty {
      guard whole > 0 else { return nil }
      var value: Int64 = 0
      for byte in bytes {
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(Int64(byte - Ascii.zero))
        if overflow || carry { return double(bytes) }
        value = sum
      }
      return .integer(value)
    }
    var fraction = 0
    if rest.first == Ascii.dot {
      rest = rest.dropFirst()
      fraction = takeDigits(&rest, Ascii.isDigit)
    }
    guard whole + fraction > 0, takeExponent(&rest, UInt8(ascii: "e")), rest.isEmpty else {
      return nil
    }
    return double(bytes)
  }

  private static func double(_ bytes: ArraySlice<UInt8>) -> NumberLiteral? {
    var text = String(decoding: bytes, as: UTF8.self)
    // Swift wants digits on both sides of the point.
    if text.hasPrefix(".") { text = "0" + text }
    if let dot = text.firstIndex(of: ".") {
      let next = text.index(after: dot)
      if next == text.endIndex || !text[next].isNumber { text.insert("0", at: next) }
    }
    return Double(text).map(NumberLiteral.number)
  }

  private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> NumberLiteral? {
    var rest = bytes
    let whole = takeDigits(&rest, Ascii.isHexDigit)
    if rest.isEmpty {
      guard whole > 0 else { return nil }
      var value: UInt64 = 0
      for byte in bytes { value = value << 4 | UInt64(Ascii.value(ofHexDigit: byte)) }
      return .integer(Int64(bitPattern: value))
    }
    var fraction = 0
    if rest.first == Ascii.dot {
      rest = rest.dropFirst()
      fraction = takeDigits(&rest, Ascii.isHexDigit)
    }
    let digits = bytes[bytes.startIndex..<rest.startIndex].filter { $0 != Ascii.dot }
    let exponentText = rest
    guard whole + fraction > 0, takeExponent(&rest, UInt8(ascii: "p")), rest.isEmpty else {
      return nil
    }
    var exponent = -4 * fraction
    if !exponentText.isEmpty {
      let text = String(decoding: exponentText.dropFirst(), as: UTF8.self)
      exponent += max(
        -1_000_000,
        min(1_000_000, Int(text) ?? (text.hasPrefix("-") ? -1_000_000 : 1_000_000))
      )
    }
    var value = 0.0
    for digit in digits { value = value * 16 + Double(Ascii.value(ofHexDigit: digit)) }
    return .number(value == 0 ? 0 : Double(sign: .plus, exponent: exponent, significand: value))
  }

  private static func takeDigits(
    _ rest: inout ArraySlice<UInt8>,
    _ isDigit: (UInt8) -> Bool
  ) -> Int {
    let count = rest.prefix(while: isDigit).count
    rest = rest.dropFirst(count)
    return count
  }

  /// Takes an exponent, if there is one; false for one without digits.
  private static func takeExponent(
    _ rest: inout ArraySlice<UInt8>,
    _ letter: UInt8
  ) -> Bool {
    guard let first = rest.first, first | 0x20 == letter else { return true }
    rest = rest.dropFirst()
    if rest.first == UInt8(ascii: "+") || rest.first == Ascii.dash { rest = rest.dropFirst() }
    return takeDigits(&rest, Ascii.isDigit) > 0
  }
}

/// What a string literal of Lua stands for.
public enum StringLiteral: Sendable {
  /// The bytes of a string, from its token.
  ///
  /// - Parameter bytes: The token with its quotes or brackets; of one that is broken, what can be read.
  /// - Returns: The content.
  public static func content(of bytes: ContiguousArray<UInt8>) -> ContiguousArray<UInt8> {
    guard let quote = bytes.first else { return [] }
    if quote == Ascii.openBracket { return longContent(of: bytes) }
    var content: ContiguousArray<UInt8> = []
    var position = 1
    while position < bytes.count, bytes[position] != quote {
      let byte = bytes[position]
      position += 1
      if byte == Ascii.backslash {
        _ = readEscape(bytes, &position, into: &content)
      } else {
        content.append(byte)
      }
    }
    return content
  }

  private static func longContent(of bytes: ContiguousArray<UInt8>) -> ContiguousArray<UInt8> {
    let level = bytes.dropFirst().prefix { $0 == Ascii.equals }.count
    let isClosed = bytes.count >= 2 * (level + 2) && bytes.last == Ascii.closeBracket
    let inner = bytes.dropFirst(level + 2).dropLast(isClosed ? level + 2 : 0)
    var content: ContiguousArray<UInt8> = []
    var position = inner.startIndex
    while position < inner.endIndex {
      let byte = inner[position]
      let isFirst = position == inner.startIndex
      position += 1
      guard Ascii.isLineBreak(byte) else {
        content.append(byte)
        continue
      }
      if position < inner.endIndex, inner[position] != byte, Ascii.isLineBreak(inner[position]) {
        position += 1
      }
      // A line break right behind the opening bracket is no part of the string.
      if !isFirst { content.append(Ascii.newline) }
    }
    return content
  }

  /// Reads the escape sequence whose backslash stands before `position`.
  ///
  /// - Returns: What is wrong with it; `position` is at the byte that is to blame then.
  static func readEscape(
    _ bytes: ContiguousArray<UInt8>,
    _ position: inout Int,
    into content: inout ContiguousArray<UInt8>
  ) -> String? {
    // The end of the text is told by the string, which is unfinished.
    guard position < bytes.count else { return nil }
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: "x"): return readHexadecimal(bytes, &position, into: &content)
    case UInt8(ascii: "u"): return readScalar(bytes, &position, into: &content)
    case UInt8(ascii: "z"):
      position += 1
      while position < bytes.count, Ascii.isSpace(bytes[position]) { position += 1 }
      return nil
    case Ascii.newline, Ascii.carriageReturn:
      position += 1
      if position < bytes.count, bytes[position] != byte, Ascii.isLineBreak(bytes[position]) {
        position += 1
      }
      content.append(Ascii.newline)
      return nil
    case _ where Ascii.isDigit(byte): return readDecimal(bytes, &position, into: &content)
    default:
      guard let known = simple(byte) else { return "invalid escape sequence" }
      position += 1
      content.append(known)
      return nil
    }
  }

  private static func simple(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "a"): 0x07
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "v"): 0x0B
    case Ascii.backslash, UInt8(ascii: "\""), UInt8(ascii: "'"): byte
    default: nil
    }
  }

  private static func readHexadecimal(
    _ bytes: ContiguousArray<UInt8>,
    _ position: inout Int,
    into content: inout ContiguousArray<UInt8>
  ) -> String? {
    var value: UInt8 = 0
    position += 1
    for _ in 0..<2 {
      guard position < bytes.count, Ascii.isHexDigit(bytes[position]) else {
        return "hexadecimal digit expected"
      }
      value = value << 4 | Ascii.value(ofHexDigit: bytes[position])
      position += 1
    }
    content.append(value)
    return nil
  }

  private static func readDecimal(
    _ bytes: ContiguousArray<UInt8>,
    _ position: inout Int,
    into content: inout ContiguousArray<UInt8>
  ) -> String? {
    var value = 0
    var digits = 0
    while digits < 3, position < bytes.count, Ascii.isDigit(bytes[position]) {
      value = value * 10 + Int(bytes[position] - Ascii.zero)
      position += 1
      digits += 1
    }
    guard value <= 255 else { return "decimal escape too large" }
    content.append(UInt8(value))
    return nil
  }

  private static func readScalar(
    _ bytes: ContiguousArray<UInt8>,
    _ position: inout Int,
    into content: inout ContiguousArray<UInt8>
  ) -> String? {
    position += 1
    guard position < bytes.count, bytes[position] == UInt8(ascii: "{") else { return "missing '{'" }
    position += 1
    guard position < bytes.count, Ascii.isHexDigit(bytes[position]) else {
      return "hexadecimal digit expected"
    }
    var value: UInt32 = 0
    while position < bytes.count, Ascii.isHexDigit(bytes[position]) {
      guard value <= 0x7FFF_FFFF >> 4 else { return "UTF-8 value too large" }
      value = value << 4 | UInt32(Ascii.value(ofHexDigit: bytes[position]))
      position += 1
    }
    guard position < bytes.count, bytes[position] == UInt8(ascii: "}") else { return "missing '}'" }
    position += 1
    append(value, to: &content)
    return nil
  }

  /// Appends a code point in the old, long form of UTF-8, up to 31 bits, as Lua does.
  private static func append(_ value: UInt32, to content: inout ContiguousArray<UInt8>) {
    guard value >= 0x80 else { return content.append(UInt8(value)) }
    var rest = value
    var tail: [UInt8] = []
    // What still fits beside the mark of the first byte.
    var first: UInt32 = 0x3F
    repeat {
      tail.append(UInt8(0x80 | (rest & 0x3F)))
      rest >>= 6
      first >>= 1
    } while rest > first
    content.append(UInt8(truncatingIfNeeded: (~first << 1) | rest))
    content += tail.reversed()
  }
}
