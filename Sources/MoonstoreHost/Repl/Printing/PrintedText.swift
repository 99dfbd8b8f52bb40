import MoonLuaSyntax
import MoonValue
import MoonstoreCore

/// Texts as they are shown: in quotes, cut, and with all that could command a terminal written out.
enum PrintedText {
  /// A string as Lua would write it.
  static func quoted(_ string: String, upTo limit: Int) -> String {
    let utf8 = string.utf8
    guard utf8.count > limit else { return "\"" + escaped(string.unicodeScalars) + "\"" }
    var end = utf8.index(utf8.startIndex, offsetBy: limit)
    while end > string.startIndex, end.samePosition(in: string.unicodeScalars) == nil {
      end = utf8.index(before: end)
    }
    return "\"" + escaped(string.unicodeScalars[..<end]) + "\"... (\(utf8.count) bytes)"
  }

  /// Bytes that are no UTF-8.
  static func quoted(_ bytes: [UInt8], upTo limit: Int) -> String {
    var text = "\""
    for byte in bytes.prefix(limit) {
      if byte < 0x80 {
        append(UnicodeScalar(byte), to: &text)
      } else {
        text += "\\x" + String(byte, radix: 16)
      }
    }
    text += "\""
    return bytes.count > limit ? text + "... (\(bytes.count) bytes)" : text
  }

  /// A key as it stands in a table of Lua.
  static func key(_ key: Value.Key, upTo limit: Int = 200) -> String {
    switch key {
    case .integer(let integer): "[\(integer)]"
    case .bytes(let bytes): "[\(quoted(bytes, upTo: limit))]"
    case .string(let string):
      isName(string) ? string : "[\(quoted(string, upTo: limit))]"
    }
  }

  static func isName(_ string: String) -> Bool {
    string.utf8.count <= 200 && TokenKind.isName(string)
  }

  private static func escaped(_ scalars: some Sequence<UnicodeScalar>) -> String {
    var text = ""
    for scalar in scalars { append(scalar, to: &text) }
    return text
  }

  private static func append(_ scalar: UnicodeScalar, to text: inout String) {
    switch scalar {
    case "\"": text += "\\\""
    case "\\": text += "\\\\"
    case "\n": text += "\\n"
    case "\r": text += "\\r"
    case "\t": text += "\\t"
    case _ where scalar.value < 0x20 || scalar.value == 0x7F:
      text += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
    case _ where TerminalText.isHarmful(scalar):
      text += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: text.unicodeScalars.append(scalar)
    }
  }

  /// A line of text for people, as it is except for what could command a terminal.
  static func line(_ text: String) -> String { TerminalText.clean(text) }
}
