import MoonValue

/// Lays diagnostics out for people: the line that programs can read too, and below it the line of the script with
/// what is meant underlined.
///
/// Nothing of a script's text can command the terminal.
public struct DiagnosticText: Sendable {
  /// Whether the lines of scripts are shown below.
  public var showsFrames: Bool
  /// Whether codes for colours are written.
  public var hasColor: Bool
  /// How many columns there are.
  public var width: Int

  /// Makes a layout.
  public init(showsFrames: Bool = true, hasColor: Bool = false, width: Int = 120) {
    self.showsFrames = showsFrames
    self.hasColor = hasColor
    self.width = width
  }

  /// The text of a diagnostic, with a line break at its end.
  public func text(of diagnostic: Diagnostic) -> String {
    let severity = colored(diagnostic.severity.rawValue, color(of: diagnostic.severity))
    var text = ""
    if let place = diagnostic.place {
      text = "\(bold(clean("\(place)"))): \(severity) \(clean(diagnostic.code)): "
    } else {
      text = colored(diagnostic.severity.rawValue + ":", color(of: diagnostic.severity)) + " "
    }
    text += clean(diagnostic.message) + "\n"
    if let place = diagnostic.place { text += frame(of: place, color(of: diagnostic.severity)) }
    for note in diagnostic.notes {
      let place = note.place.map { clean("\($0)") + ": " } ?? ""
      text += "  \(place)\(colored("note", .cyan)): \(clean(note.message))\n"
      if let place = note.place { text += frame(of: place, .cyan) }
    }
    for line in diagnostic.traceback {
      let line = String(line.drop { $0 == " " || $0 == "\t" })
      text += colored("  " + clean(line), .gray) + "\n"
    }
    return text
  }

  // MARK: Frames

  /// The line of a place, and below it what is meant; nothing where that is not known.
  private func frame(of place: Diagnostic.Place, _ color: Color) -> String {
    guard showsFrames, let number = place.line, let line = place.text else { return "" }
    let scalars = Array(line.unicodeScalars)
    let gutter = String(repeating: " ", count: max(1, 5 - "\(number)".count)) + "\(number) | "
    let blank = String(repeating: " ", count: gutter.unicodeScalars.count - 2) + "| "
    let room = max(20, width - gutter.unicodeScalars.count)
    let first = min(max((place.column ?? 1) - 1, 0), scalars.count)
    // Of a line that is too long the part around the place is shown.
    let start = scalars.count <= room ? 0 : max(0, min(first - room / 3, scalars.count - room))
    let shown = scalars[start..<min(scalars.count, start + room)]
    var text = colored(gutter, .gray)
    text.unicodeScalars.append(contentsOf: shown.map(visible))
    text += "\n"
    guard place.column != nil else { return text }
    let isOneLine = (place.endLine ?? number) == number
    let last = isOneLine ? (place.endColumn ?? first + 2) - 1 : scalars.count
    let count = max(1, min(last, start + room) - first)
    // Tabs stay tabs, so that the mark stands below what it means.
    var indent = ""
    for scalar in scalars[start..<max(start, first)] {
      indent += scalar == "\t" ? "\t" : String(repeating: " ", count: columns(of: scalar))
    }
    let end = min(scalars.count, first + count)
    let columns = first < end ? scalars[first..<end].reduce(0) { $0 + self.columns(of: $1) } : 1
    let mark = String(repeating: "^", count: max(1, columns))
    return text + colored(blank, .gray) + indent + colored(mark, color) + "\n"
  }

  /// A scalar of a line of a script as it is shown, in as many columns.
  private func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    TerminalText.isHarmful(scalar) ? "\u{FFFD}" : scalar
  }

  /// How many columns a terminal gives to a scalar.
  private func columns(of scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x300...0x36F, 0x200B...0x200D, 0xFE00...0xFE0F, 0x20D0...0x20FF: 0
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF,
      0x20000...0x3FFFD:
      2
    default: 1
    }
  }

  // MARK: Colours

  private enum Color: String {
    case red = "1;31"
    case yellow = "33"
    case cyan = "36"
    case gray = "2"
    case bold = "1"
  }

  private func color(of severity: Diagnostic.Severity) -> Color {
    switch severity {
    case .error: .red
    case .warning: .yellow
    case .note: .cyan
    }
  }

  private func colored(_ text: String, _ color: Color) -> String {
    hasColor ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
  }

  private func bold(_ text: String) -> String { colored(text, .bold) }

  private func clean(_ text: String) -> String { TerminalText.clean(text, newline: "\n  ") }
}
