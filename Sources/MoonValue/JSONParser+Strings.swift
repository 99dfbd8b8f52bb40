extension JSONParser {
  /// Reads a string, from its opening to behind its closing quote.
  mutating func string(_ text: Span<UInt8>) throws(JSONError) -> String {
    let opening = position
    position += 1
    // Most strings have no escapes and are taken over as they stand.
    skipPlain(text)
    if take(UInt8(ascii: "\""), text) {
      return try string(of: text.extracting(opening + 1..<position - 1), from: opening + 1, text)
    }
    var bytes: [UInt8] = []
    append(opening + 1..<position, of: text, to: &bytes)
    while !take(UInt8(ascii: "\""), text) {
      guard position < text.count else {
        throw error("expected '\"', found the end of the text", text)
      }
      guard take(UInt8(ascii: "\\"), text) else {
        throw error(
          "a string cannot hold a control character; expected an escape such as \\n",
          text
        )
      }
      try appendEscaped(text, to: &bytes)
      let start = position
      skipPlain(text)
      append(start..<position, of: text, to: &bytes)
    }
    return try string(of: bytes.span, from: opening + 1, text)
  }

  /// Goes on to what ends or interrupts a run of plain text.
  @inline(__always)
  private mutating func skipPlain(_ text: Span<UInt8>) {
    while position < text.count {
      let byte = text[position]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { return }
      position += 1
    }
  }

  private func append(_ range: Range<Int>, of text: Span<UInt8>, to bytes: inout [UInt8]) {
    for index in range { bytes.append(text[index]) }
  }

  private mutating func string(
    of bytes: Span<UInt8>,
    from start: Int,
    _ text: Span<UInt8>
  ) throws(JSONError) -> String {
    // The buffer is used inside the closure only, which is as long as it holds.
    let string = unsafe bytes.withUnsafeBufferPointer {
      unsafe String(validating: $0, as: UTF8.self)
    }
    guard let string else {
      position = firstFault(in: text, from: start)
      throw error("the text is not UTF-8", text)
    }
    return string
  }

  /// The place of the first byte that is no part of a character.
  private func firstFault(in text: Span<UInt8>, from start: Int) -> Int {
    var bytes: [UInt8] = []
    append(start..<text.count, of: text, to: &bytes)
    return start + bytes.firstInvalidByte
  }

  /// Reads what stands behind a backslash.
  private mutating func appendEscaped(
    _ text: Span<UInt8>,
    to bytes: inout [UInt8]
  ) throws(JSONError) {
    try spend()
    guard position < text.count else { throw expected("an escape", text) }
    let letter = text[position]
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter)
    case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
    case UInt8(ascii: "t"): bytes.append(UInt8(ascii: "\t"))
    case UInt8(ascii: "r"): bytes.append(UInt8(ascii: "\r"))
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "u"): return try appendUnicode(text, to: &bytes)
    default: throw expected("one of \" \\ / b f n r t u behind a backslash", text)
    }
    position += 1
  }

  /// Reads `u` and four digits, or two such escapes that stand for one character.
  private mutating func appendUnicode(
    _ text: Span<UInt8>,
    to bytes: inout [UInt8]
  ) throws(JSONError) {
    let start = position - 1
    position += 1
    var code = try hexadecimal(text)
    if (0xD800..<0xDC00).contains(code), take(UInt8(ascii: "\\"), text),
      take(UInt8(ascii: "u"), text)
    {
      let low = try hexadecimal(text)
      if (0xDC00..<0xE000).contains(low) {
        code = 0x1_0000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
    }
    // Halves of a pair that stand alone are no characters.
    guard let scalar = Unicode.Scalar(code) else {
      position = start
      throw error("half of a surrogate pair stands alone", text)
    }
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  private mutating func hexadecimal(_ text: Span<UInt8>) throws(JSONError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard position < text.count,
        let digit = Character(Unicode.Scalar(text[position])).hexDigitValue
      else { throw expected("four hexadecimal digits", text) }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }
}
