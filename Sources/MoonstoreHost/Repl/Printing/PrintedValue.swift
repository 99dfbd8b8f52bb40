/// What is shown of a value: bounded, with all that could command a terminal written out.
///
/// Made by `ValuePrinter` from live values, laid out here for a width.
indirect enum PrintedValue {
  enum Style {
    case plain, number, string, word, key, mark

    /// The parameters of the escape code that begins it.
    fileprivate var code: String? {
      switch self {
      case .plain, .key: nil
      case .number: "36"
      case .string: "32"
      case .word: "33"
      case .mark: "2"
      }
    }
  }

  struct Part {
    var key: String?
    let value: PrintedValue
  }

  case text(String, Style)
  /// A table or a store, with what it is in front, and what was left out behind.
  case table(label: String, parts: [Part], more: String?)

  func laidOut(_ view: ReplView) -> String {
    var layout = Layout(width: max(20, view.width), hasColor: view.hasColor)
    layout.write(self, column: 0, indent: 0, after: 0)
    return layout.text
  }

  /// In one line, however long.
  var flat: String {
    var layout = Layout(width: .max, hasColor: false)
    layout.write(self, column: 0, indent: 0, after: 0)
    return layout.text
  }

  /// Columns in one line; nil when that is more than `limit`.
  fileprivate func width(upTo limit: Int) -> Int? {
    switch self {
    case .text(let text, _):
      let width = text.columns
      return width <= limit ? width : nil
    case .table(let label, let parts, let more):
      var width = label.isEmpty ? 2 : label.columns + 3
      if !parts.isEmpty || more != nil { width += 2 }
      for (index, part) in parts.enumerated() {
        if index > 0 { width += 2 }
        if let key = part.key { width += key.columns + 3 }
        guard width <= limit, let inner = part.value.width(upTo: limit - width) else { return nil }
        width += inner
      }
      if let more { width += more.columns + (parts.isEmpty ? 0 : 2) }
      return width <= limit ? width : nil
    }
  }
}

/// Lays printed values out: in one line where they fit, else one part a line.
private struct Layout {
  let width: Int
  let hasColor: Bool
  var text = ""

  private mutating func add(_ part: String, _ style: PrintedValue.Style) {
    guard hasColor, let code = style.code else { return text += part }
    text += "\u{1B}[\(code)m\(part)\u{1B}[0m"
  }

  /// Writes a value that begins at a column, and after which as many columns are taken.
  mutating func write(_ value: PrintedValue, column: Int, indent: Int, after: Int) {
    switch value {
    case .text(let text, let style): add(text, style)
    case .table(let label, let parts, let more):
      if !label.isEmpty {
        add(label, .mark)
        text += " "
      }
      guard !parts.isEmpty || more != nil else { return text += "{}" }
      let room = width == .max ? Int.max : width - column - after
      if value.width(upTo: room) != nil {
        writeLine(parts, more)
      } else {
        writeLines(parts, more, indent + 2)
        text += "\n" + String(repeating: " ", count: indent) + "}"
      }
    }
  }

  private mutating func writeLine(_ parts: [PrintedValue.Part], _ more: String?) {
    text += "{ "
    for (index, part) in parts.enumerated() {
      if index > 0 { text += ", " }
      if let key = part.key { text += key + " = " }
      write(part.value, column: 0, indent: 0, after: -(Int.max >> 1))
    }
    if let more {
      if !parts.isEmpty { text += ", " }
      add(more, .mark)
    }
    text += " }"
  }

  private mutating func writeLines(
    _ parts: [PrintedValue.Part],
    _ more: String?,
    _ indent: Int
  ) {
    text += "{"
    let space = "\n" + String(repeating: " ", count: indent)
    for part in parts {
      text += space
      var column = indent
      if let key = part.key {
        text += key + " = "
        column += key.columns + 3
      }
      write(part.value, column: column, indent: indent, after: 1)
      text += ","
    }
    if let more {
      text += space
      add(more, .mark)
    }
  }
}

extension String {
  /// How many columns of a terminal it takes.
  var columns: Int { reduce(0) { $0 + $1.columns } }
}

extension Character {
  /// 0 for what takes no place, 2 for what is wide.
  var columns: Int {
    guard let first = unicodeScalars.first else { return 0 }
    if first.isASCII { return first.value < 0x20 ? 0 : 1 }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    if first.properties.isEmojiPresentation { return 2 }
    switch first.value {
    // The blocks that East Asian Width calls wide.
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
      0xA000...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
