/// The text of one Lua chunk, as bytes, with the places of its lines.
///
/// Everything in this module names a place by its byte offset; a source text turns offsets into lines and columns
/// for people and editors.
public struct SourceText: Sendable {
  /// The bytes, whether or not they are UTF-8.
  public let bytes: ContiguousArray<UInt8>
  /// Where each line begins; the first one at 0.
  private let lineStarts: ContiguousArray<UInt32>

  /// A place as people and editors count it, from 1.
  public struct Position: Hashable, Sendable, Comparable, Codable {
    /// The line.
    public var line: Int
    /// The column, in Unicode scalars; a byte that belongs to no scalar counts as one.
    public var column: Int

    /// Makes a position.
    public init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }

    /// Orders positions as the text runs.
    public static func < (a: Position, b: Position) -> Bool {
      (a.line, a.column) < (b.line, b.column)
    }
  }

  /// Makes a source text.
  public init(_ text: String) { self.init(bytes: ContiguousArray(text.utf8)) }

  /// Makes a source text from bytes.
  public init(bytes: ContiguousArray<UInt8>) {
    self.bytes = bytes
    var starts: ContiguousArray<UInt32> = [0]
    var offset = 0
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      guard Ascii.isLineBreak(byte) else { continue }
      // A carriage return and a newline, in either order, end one line.
      if offset < bytes.count, bytes[offset] != byte, Ascii.isLineBreak(bytes[offset]) {
        offset += 1
      }
      starts.append(UInt32(offset))
    }
    lineStarts = starts
  }

  /// How many lines there are, the one behind the last line break included.
  public var lineCount: Int { lineStarts.count }

  /// The text between two offsets; bytes that are no UTF-8 become replacement characters.
  public subscript(range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// The line, from 1, in which an offset lies.
  public func line(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if Int(lineStarts[middle]) <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  /// The offsets of a line, from 1, without its line break.
  public func range(ofLine line: Int) -> Range<Int> {
    let start = Int(lineStarts[line - 1])
    var end = line < lineStarts.count ? Int(lineStarts[line]) : bytes.count
    while end > start, Ascii.isLineBreak(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  /// The position of an offset.
  public func position(at offset: Int) -> Position {
    let line = line(at: offset)
    let start = Int(lineStarts[line - 1])
    return Position(line: line, column: scalarCount(in: start..<offset) + 1)
  }

  /// The offset of a place; the end of the line, or of the text, where there is no such place.
  public func offset(line: Int, column: Int) -> Int {
    guard line >= 1 else { return 0 }
    guard line <= lineCount else { return bytes.count }
    let range = range(ofLine: line)
    let text = String(decoding: bytes[range], as: UTF8.self)
    guard text.utf8.count == range.count else {
      // Bytes that are no UTF-8 count as one each.
      return min(range.upperBound, range.lowerBound + column - 1)
    }
    let before = text.unicodeScalars.prefix(column - 1)
    return range.lowerBound + before.reduce(0) { $0 + UTF8.width($1) }
  }

  /// The column of an offset in UTF-16 code units, from 0, as the language server protocol counts it.
  public func utf16Column(at offset: Int) -> Int {
    let start = Int(lineStarts[line(at: offset) - 1])
    return String(decoding: bytes[start..<offset], as: UTF8.self).utf16.count
  }

  private func scalarCount(in range: Range<Int>) -> Int {
    // Most lines are ASCII, and a long one may have many places.
    if bytes[range].allSatisfy({ $0 < 0x80 }) { return range.count }
    return String(decoding: bytes[range], as: UTF8.self).unicodeScalars.count
  }
}

/// The bytes that Lua's grammar names.
enum Ascii {
  static let newline = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let dash = UInt8(ascii: "-")
  static let openBracket = UInt8(ascii: "[")
  static let closeBracket = UInt8(ascii: "]")
  static let equals = UInt8(ascii: "=")
  static let dot = UInt8(ascii: ".")
  static let backslash = UInt8(ascii: "\\")
  static let zero = UInt8(ascii: "0")

  @inline(__always)
  static func isLineBreak(_ byte: UInt8) -> Bool { byte == newline || byte == carriageReturn }

  /// Whether a byte is white space to Lua.
  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool { byte == space || (byte >= 0x09 && byte <= 0x0D) }

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

  @inline(__always)
  static func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }

  /// Whether a name can begin with a byte.
  @inline(__always)
  static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 || byte == 0x5F }

  @inline(__always)
  static func isWord(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }

  /// The value of a hexadecimal digit.
  @inline(__always)
  static func value(ofHexDigit byte: UInt8) -> UInt8 {
    isDigit(byte) ? byte - zero : (byte | 0x20) - 0x61 + 10
  }
}
