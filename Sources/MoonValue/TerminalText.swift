/// Makes any text fit to be shown to people: nothing in it can command a terminal, or show a text in another order than
/// it has.
///
/// All that is printed for people goes through here, whether it comes from scripts, from files or from another process.
package enum TerminalText {
  /// The text with what is harmful written out, such as `\u{1b}`; tabs stay.
  ///
  /// - Parameters:
  ///   - text: What is to be shown.
  ///   - newline: What stands for a line break. With an indent no line of the text can pass for a line of its own.
  ///   - keepsColors: Whether codes that set and end colours stay, as in what a host has laid out.
  /// - Returns: The text; it may be longer.
  package static func clean(
    _ text: String,
    newline: String = "\n",
    keepsColors: Bool = false
  ) -> String {
    guard text.unicodeScalars.contains(where: { $0 == "\n" ? newline != "\n" : isHarmful($0) })
    else { return text }
    var clean = ""
    let scalars = Array(text.unicodeScalars)
    var at = 0
    while at < scalars.count {
      let scalar = scalars[at]
      if keepsColors, let end = endOfColor(scalars, at) {
        clean.unicodeScalars.append(contentsOf: scalars[at..<end])
        at = end
        continue
      }
      if scalar == "\n" {
        clean += newline
      } else if isHarmful(scalar) {
        clean += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        clean.unicodeScalars.append(scalar)
      }
      at += 1
    }
    return clean
  }

  /// Whether a scalar commands a terminal, or shows a text in another order than it has.
  package static func isHarmful(_ scalar: UnicodeScalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// Where a code ends that sets or ends a colour, and does nothing else; nil for all others.
  private static func endOfColor(_ scalars: [UnicodeScalar], _ start: Int) -> Int? {
    guard start + 2 < scalars.count, scalars[start] == "\u{1B}", scalars[start + 1] == "[" else {
      return nil
    }
    var number = 0
    for at in (start + 2)..<min(scalars.count, start + 12) {
      switch scalars[at] {
      case "0"..."9": number = number * 10 + Int(scalars[at].value - 0x30)
      case ";", "m":
        guard isColor(number) else { return nil }
        if scalars[at] == "m" { return at + 1 }
        number = 0
      default: return nil
      }
    }
    return nil
  }

  private static func isColor(_ code: Int) -> Bool {
    switch code {
    // Plain, bold and faint; the colours of the text. None hides it.
    case 0, 1, 2, 22, 30...37, 39, 90...97: true
    default: false
    }
  }
}
