extension Value: CustomStringConvertible {
  /// The value for people: like JSON, the same text for equal values, and defined for what JSON cannot say.
  public var description: String {
    var text = ""
    describe(into: &text)
    return text
  }

  private func describe(into text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let bool): text += bool ? "true" : "false"
    case .integer(let integer): text += integer.description
    case .number(let number): text += number.description
    case .string(let string): text += string.quoted
    case .bytes(let bytes): text += bytes.quoted
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += ", " }
        element.describe(into: &text)
      }
      text += "]"
    case .map(let pairs):
      text += "{"
      for (index, pair) in pairs.sorted(by: { $0.key < $1.key }).enumerated() {
        if index > 0 { text += ", " }
        text += pair.key.quoted + ": "
        pair.value.describe(into: &text)
      }
      text += "}"
    case .empty: text += "{}"
    }
  }
}

extension Value.Key {
  /// The key as it stands between brackets in Lua: a number, or a string in quotes.
  var quoted: String {
    switch self {
    case .integer(let integer): integer.description
    case .string(let string): string.quoted
    case .bytes(let bytes): bytes.quoted
    }
  }
}

extension String {
  /// The text in quotes, with Lua's escapes for what would not be seen.
  var quoted: String {
    var text = "\""
    for scalar in unicodeScalars {
      if scalar.value < 0x80 {
        text += escape(UInt8(scalar.value))
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

extension [UInt8] {
  /// The bytes in quotes, with Lua's escapes for all that is not ASCII.
  var quoted: String { reduce(into: "\"") { $0 += escape($1) } + "\"" }
}

private func escape(_ byte: UInt8) -> String {
  switch byte {
  case UInt8(ascii: "\""): "\\\""
  case UInt8(ascii: "\\"): "\\\\"
  case UInt8(ascii: "\n"): "\\n"
  case UInt8(ascii: "\r"): "\\r"
  case UInt8(ascii: "\t"): "\\t"
  case 0x20..<0x7F: String(Unicode.Scalar(byte))
  default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
