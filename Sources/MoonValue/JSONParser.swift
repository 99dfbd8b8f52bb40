/// Reads one JSON text, byte by byte and once.
///
/// It recurses into arrays and maps, to a depth that is limited so that no text can exhaust the stack.
struct JSONParser {
  /// The nesting for which a thread's stack is sure to be enough, whatever the caller asks for.
  private static let deepest = 1_000

  var position = 0
  private var depth = 0
  private let maximumDepth: Int
  private let meter: WorkMeter?

  init(maximumDepth: Int, meter: WorkMeter? = nil) {
    self.meter = meter
    self.maximumDepth = min(maximumDepth, JSONParser.deepest)
  }

  /// Reads the whole text.
  mutating func document(_ text: Span<UInt8>) -> Result<Value, JSONError> {
    do throws(JSONError) {
      // A byte order mark, which some programs write, is no part of the text.
      if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { position = 3 }
      let value = try value(text)
      skipSpace(text)
      guard position == text.count else { throw expected("the end of the text", text) }
      return .success(value)
    } catch {
      return .failure(error)
    }
  }

  /// Counts a piece of the text, and ends where the text takes longer than its reader may.
  @inline(__always)
  func spend() throws(JSONError) {
    guard let meter else { return }
    do {
      try meter.spend()
    } catch {
      throw JSONError(message: "\(error)", offset: position)
    }
  }

  private mutating func value(_ text: Span<UInt8>) throws(JSONError) -> Value {
    try spend()
    skipSpace(text)
    guard position < text.count else { throw expected("a value", text) }
    switch text[position] {
    case UInt8(ascii: "\""): return .string(try string(text))
    case UInt8(ascii: "{"): return try nested(text, isMap: true)
    case UInt8(ascii: "["): return try nested(text, isMap: false)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(text)
    case UInt8(ascii: "t"): return try word("true", .bool(true), text)
    case UInt8(ascii: "f"): return try word("false", .bool(false), text)
    case UInt8(ascii: "n"): return try word("null", .null, text)
    default: throw expected("a value", text)
    }
  }

  private mutating func nested(_ text: Span<UInt8>, isMap: Bool) throws(JSONError) -> Value {
    guard depth < maximumDepth else {
      throw error("the text is nested deeper than \(maximumDepth) levels", text)
    }
    depth += 1
    let value = isMap ? Value.map(try map(text)) : .array(try array(text))
    depth -= 1
    return value
  }

  private mutating func array(_ text: Span<UInt8>) throws(JSONError) -> [Value] {
    position += 1
    var elements: [Value] = []
    skipSpace(text)
    if take(UInt8(ascii: "]"), text) { return elements }
    while true {
      elements.append(try value(text))
      skipSpace(text)
      if take(UInt8(ascii: ","), text) { continue }
      guard take(UInt8(ascii: "]"), text) else { throw expected("',' or ']'", text) }
      return elements
    }
  }

  private mutating func map(_ text: Span<UInt8>) throws(JSONError) -> ValueMap {
    position += 1
    skipSpace(text)
    if take(UInt8(ascii: "}"), text) { return [:] }
    // Room for a typical record, so that it does not grow three times on the way.
    var pairs: ValueMap = ValueMap(minimumCapacity: 6)
    while true {
      skipSpace(text)
      guard position < text.count, text[position] == UInt8(ascii: "\"") else {
        throw expected("a key in quotes", text)
      }
      let key = try string(text)
      skipSpace(text)
      guard take(UInt8(ascii: ":"), text) else { throw expected("':'", text) }
      pairs[.string(key)] = try value(text)
      skipSpace(text)
      if take(UInt8(ascii: ","), text) { continue }
      guard take(UInt8(ascii: "}"), text) else { throw expected("',' or '}'", text) }
      return pairs
    }
  }

  private mutating func word(
    _ word: StaticString,
    _ value: Value,
    _ text: Span<UInt8>
  ) throws(JSONError) -> Value {
    let word = word.description.utf8
    let start = position
    for byte in word where !take(byte, text) {
      position = start
      throw expected("a value", text)
    }
    return value
  }

  @inline(__always)
  private mutating func skipSpace(_ text: Span<UInt8>) {
    while position < text.count {
      switch text[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
        position += 1
      default: return
      }
    }
  }

  /// Goes behind a byte, if it is the next one.
  @inline(__always)
  mutating func take(_ byte: UInt8, _ text: Span<UInt8>) -> Bool {
    guard position < text.count, text[position] == byte else { return false }
    position += 1
    return true
  }
}
