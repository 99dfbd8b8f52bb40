extension JSONParser {
  /// An error that says what should stand at the position instead of what does.
  func expected(_ what: String, _ text: Span<UInt8>) -> JSONError {
    error("expected \(what), found \(found(text))", text)
  }

  /// An error at the position.
  ///
  /// Lines and columns are counted only now, since good text needs neither.
  func error(_ message: String, _ text: Span<UInt8>) -> JSONError {
    var line = 1
    var column = 1
    for index in 0..<min(position, text.count) {
      let byte = text[index]
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        // All bytes of a character but its first have this form.
        column += 1
      }
    }
    return JSONError(message: message, line: line, column: column, offset: position)
  }

  private func found(_ text: Span<UInt8>) -> String {
    guard position < text.count else { return "the end of the text" }
    let byte = text[position]
    guard (0x20..<0x7F).contains(byte) else { return "the byte 0x" + String(byte, radix: 16) }
    return "'\(Unicode.Scalar(byte))'"
  }
}
