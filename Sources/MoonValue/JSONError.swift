/// Why text is not JSON, or why a value cannot be written as JSON.
public struct JSONError: Error, Sendable, Hashable {
  /// What was expected and what was found, in one sentence.
  public var message: String
  /// The line of the text, from 1; 0 when the error came up in writing.
  public var line: Int
  /// The character in the line, from 1; 0 when the error came up in writing.
  public var column: Int
  /// How many bytes stand before the place; 0 when the error came up in writing.
  public var offset: Int
  /// Where in the value the part stands that cannot be written; `nil` when the error came up in reading.
  public var path: StatePath?

  /// Makes an error.
  public init(
    message: String,
    line: Int = 0,
    column: Int = 0,
    offset: Int = 0,
    path: StatePath? = nil
  ) {
    self.message = message
    self.line = line
    self.column = column
    self.offset = offset
    self.path = path
  }

  /// The error of a part, as seen from what holds the part.
  func inside(_ component: StatePath.Component) -> JSONError {
    var error = self
    error.path = StatePath([component] + (path?.components ?? []))
    return error
  }
}

extension JSONError: CustomStringConvertible {
  /// The place and the message.
  public var description: String {
    if line > 0 { return "line \(line), column \(column): \(message)" }
    guard let path, !path.components.isEmpty else { return message }
    return "\(path): \(message)"
  }
}
