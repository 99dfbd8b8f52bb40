/// Writes one value as JSON text.
struct JSONWriter {
  private(set) var text: [UInt8] = []
  private let options: JSONOptions
  private var depth = 0

  private let meter: WorkMeter?

  init(_ options: JSONOptions, meter: WorkMeter? = nil) {
    self.options = options
    self.meter = meter
  }

  mutating func write(_ value: Value) throws(JSONError) {
    if let meter {
      do {
        try meter.spend()
      } catch {
        throw JSONError(message: "\(error)")
      }
    }
    switch value {
    case .null: append("null")
    case .bool(let bool): append(bool ? "true" : "false")
    case .integer(let integer): text.append(contentsOf: integer.description.utf8)
    case .number(let number):
      guard number.isFinite else { throw JSONError(message: "\(number) cannot be JSON") }
      text.append(contentsOf: number.description.utf8)
    case .string(let string): write(string)
    case .bytes(let bytes): try write(bytes)
    case .array(let elements): try write(elements)
    case .map(let pairs): try write(pairs)
    case .empty: append("{}")
    }
  }

  private mutating func write(_ elements: [Value]) throws(JSONError) {
    guard !elements.isEmpty else { return append("[]") }
    try open("[")
    for index in elements.indices {
      beginElement(isFirst: index == 0)
      do throws(JSONError) {
        try write(elements[index])
      } catch {
        throw error.inside(.index(index + 1))
      }
    }
    close("]")
  }

  private mutating func write(_ pairs: ValueMap) throws(JSONError) {
    guard !pairs.isEmpty else { return append("{}") }
    try open("{")
    var isFirst = true
    if options.sortedKeys {
      for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
        try write(key, value, of: pairs, isFirst: isFirst)
        isFirst = false
      }
    } else {
      for (key, value) in pairs {
        try write(key, value, of: pairs, isFirst: isFirst)
        isFirst = false
      }
    }
    close("}")
  }

  private mutating func write(
    _ key: Value.Key,
    _ value: Value,
    of pairs: ValueMap,
    isFirst: Bool
  ) throws(JSONError) {
    beginElement(isFirst: isFirst)
    do throws(JSONError) {
      switch key {
      case .string(let string): write(string)
      case .bytes(let bytes): try write(bytes)
      case .integer(let integer):
        guard pairs[.string(integer.description)] == nil else {
          throw JSONError(message: "the key \(integer) stands here as integer and as string")
        }
        write(integer.description)
      }
      append(options.pretty ? ": " : ":")
      try write(value)
    } catch {
      throw error.inside(.field(key))
    }
  }

  private mutating func write(_ bytes: [UInt8]) throws(JSONError) {
    guard options.bytes == .lossy else {
      throw JSONError(
        message:
          "a string that is not valid UTF-8 at byte \(bytes.firstInvalidByte + 1) cannot be JSON"
      )
    }
    write(String(decoding: bytes, as: UTF8.self))
  }

  private mutating func write(_ string: String) {
    text.append(UInt8(ascii: "\""))
    // The buffer is used inside the closure only, which is as long as it holds.
    let written: Void? = unsafe string.utf8.withContiguousStorageIfAvailable { bytes in
      unsafe appendEscaped(bytes)
    }
    if written == nil {
      // As above; the copy is contiguous.
      unsafe Array(string.utf8).withUnsafeBufferPointer { unsafe appendEscaped($0) }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// Copies whole runs between the bytes that need an escape, which are few.
  private mutating func appendEscaped(_ bytes: UnsafeBufferPointer<UInt8>) {
    var start = 0
    for index in 0..<bytes.count {
      // `index` runs over the buffer's own positions, as do the bounds of the runs below.
      let byte = unsafe bytes[index]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
        continue
      }
      unsafe text.append(contentsOf: bytes[start..<index])
      appendEscape(of: byte)
      start = index + 1
    }
    unsafe text.append(contentsOf: bytes[start..<bytes.count])
  }

  private mutating func appendEscape(of byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append("\\\"")
    case UInt8(ascii: "\\"): append("\\\\")
    case UInt8(ascii: "\n"): append("\\n")
    case UInt8(ascii: "\r"): append("\\r")
    case UInt8(ascii: "\t"): append("\\t")
    case 0x08: append("\\b")
    case 0x0C: append("\\f")
    default:
      append(byte < 16 ? "\\u000" : "\\u00")
      append(String(byte, radix: 16))
    }
  }

  private mutating func open(_ bracket: String) throws(JSONError) {
    guard depth < options.maximumDepth else {
      throw JSONError(message: "the value is nested deeper than \(options.maximumDepth) levels")
    }
    depth += 1
    append(bracket)
  }

  private mutating func close(_ bracket: String) {
    depth -= 1
    if options.pretty { appendLineBreak() }
    append(bracket)
  }

  private mutating func beginElement(isFirst: Bool) {
    if !isFirst { text.append(UInt8(ascii: ",")) }
    if options.pretty { appendLineBreak() }
  }

  private mutating func appendLineBreak() {
    text.append(UInt8(ascii: "\n"))
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
  }

  private mutating func append(_ string: String) { text.append(contentsOf: string.utf8) }
}
