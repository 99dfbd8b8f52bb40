import Foundation
import MoonValue

/// What stands at the end of a stream: a person's terminal, or a file or program.
struct Terminal: Sendable {
  let descriptor: Descriptor
  /// Whether somebody watches, so that a line may be drawn over.
  let isInteractive: Bool
  /// Whether text may be coloured: on a terminal that can, unless NO_COLOR says no.
  let hasColor: Bool

  init(_ descriptor: Descriptor, environment: [String: String]) {
    self.descriptor = descriptor
    isInteractive = descriptor.isTerminal && environment["TERM"] != "dumb"
    hasColor = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
  }

  static let output = Terminal(.output, environment: ProcessInfo.processInfo.environment)
  static let errors = Terminal(.errors, environment: ProcessInfo.processInfo.environment)

  /// Goes to the start of the line and empties it.
  static let clearLine = "\r\u{1B}[K"

  func colored(_ text: String, _ color: Color) -> String {
    hasColor ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
  }

  enum Color: String {
    case red = "1;31"
    case yellow = "33"
    case gray = "2"
  }
}

extension String {
  /// The text with all control characters written out, so that it cannot command a terminal.
  ///
  /// Further lines are indented, so that none can pass for a line of its own. Tabs stay.
  var escapedForTerminal: String { TerminalText.clean(self, newline: "\n  ") }
}
