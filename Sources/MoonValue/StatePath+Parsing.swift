extension StatePath {
  /// Why text is no path.
  public struct ParsingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected.
    public var message: String
    /// How many bytes stand before the place.
    public var offset: Int

    /// The message and the place.
    public var description: String { "\(message) at byte \(offset + 1) of the path" }
  }

  /// Reads a path from its text: names between dots, and integers or strings in brackets.
  ///
  /// - Throws: `ParsingError` with the place of the first fault.
  public init(parsing text: String) throws(ParsingError) {
    var parser = PathParser(bytes: Array(text.utf8))
    components = try parser.components()
  }
}

/// Reads the text of one path.
private struct PathParser {
  let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func components() throws(StatePath.ParsingError) -> [StatePath.Component] {
    var components: [StatePath.Component] = []
    while next != nil {
      if take("[") {
        components.append(try bracket())
      } else if components.isEmpty || take(".") {
        components.append(.field(.string(try name())))
      } else {
        throw expected("expected '.' or '['")
      }
    }
    return components
  }

  private mutating func name() throws(StatePath.ParsingError) -> String {
    guard let first = next, first.beginsName else { throw expected("expected a name") }
    let start = position
    while let byte = next, byte.continuesName { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func bracket() throws(StatePath.ParsingError) -> StatePath.Component {
    let component: StatePath.Component
    if take("\"") {
      component = .field(try string())
    } else {
      let start = position
      while let byte = next, byte != UInt8(ascii: "]") { position += 1 }
      guard let integer = Int64(String(decoding: bytes[start..<position], as: UTF8.self)) else {
        position = start
        throw expected("expected an integer or a string in quotes")
      }
      if integer > 0, let index = Int(exactly: integer) {
        component = .index(index)
      } else {
        component = .field(.integer(integer))
      }
    }
    guard take("]") else { throw expected("expected ']'") }
    return component
  }

  private mutating func string() throws(StatePath.ParsingError) -> Value.Key {
    var content: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return Value.Key(utf8: content)
      case UInt8(ascii: "\\"): content.append(try escaped())
      default: content.append(byte)
      }
    }
    throw expected("expected '\"'")
  }

  private mutating func escaped() throws(StatePath.ParsingError) -> UInt8 {
    if take("n") { return UInt8(ascii: "\n") }
    if take("r") { return UInt8(ascii: "\r") }
    if take("t") { return UInt8(ascii: "\t") }
    if take("\"") { return UInt8(ascii: "\"") }
    if take("\\") { return UInt8(ascii: "\\") }
    guard take("x") else { throw expected("expected one of \" \\ n r t x behind a backslash") }
    let digits = bytes[position...].prefix(2)
    guard digits.count == 2, digits.allSatisfy(\.isHexadecimal),
      let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw expected("expected two hexadecimal digits") }
    position += 2
    return byte
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private func expected(_ message: String) -> StatePath.ParsingError {
    StatePath.ParsingError(message: message, offset: position)
  }
}

extension UInt8 {
  /// Whether a name can begin with this byte.
  var beginsName: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Whether a name can go on with this byte.
  var continuesName: Bool {
    beginsName || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
  }

  fileprivate var isHexadecimal: Bool { Character(Unicode.Scalar(self)).isHexDigit }
}
