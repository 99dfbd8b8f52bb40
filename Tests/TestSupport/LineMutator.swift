/// Makes of a conversation, one line of JSON for each request, others that go wrong in some way.
package struct LineMutator {
  package var random: SeededGenerator

  package init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  /// Takes lines in any order, some of them changed, each with its line break unless that was taken away.
  ///
  /// - Parameters:
  ///   - opening: What the conversation begins with.
  ///   - lines: What may follow.
  ///   - count: How many follow.
  ///   - chance: One in so many is changed.
  /// - Returns: The bytes of all of them.
  package mutating func conversation(
    from opening: [String],
    _ lines: [String],
    count: Int,
    oneIn chance: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in opening { append(Array(line.utf8), to: &bytes, oneIn: chance * 5) }
    for _ in 0..<count {
      append(Array(lines[random.below(lines.count)].utf8), to: &bytes, oneIn: chance)
    }
    return bytes
  }

  private mutating func append(_ line: [UInt8], to bytes: inout [UInt8], oneIn chance: Int) {
    var line = line
    if random.below(chance) == 0 {
      for _ in 0...random.below(3) { line = mutated(line) }
    }
    bytes += line
    // Joined with the next one.
    if random.below(chance * 20) != 0 { bytes.append(UInt8(ascii: "\n")) }
    if random.below(chance * 10) == 0 { bytes += line + [UInt8(ascii: "\n")] }
  }

  private static let values = [
    "null", "true", "0", "-1", "1e999", "9223372036854775808", "0.1e-400", "[]", "{}", "\"\"",
    "\"*\"", "[[]]",
    "{\"id\":1}", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u\"", "\"\\x\"", "nan",
    "01", "'a'", "-",
    "\"\u{FEFF}\"", "\"e\u{301}\"", "\"\u{1B}[2J\"", "tru", "[1,]", "{\"a\":1,\"a\":2}",
  ]
  private static let bytes: [[UInt8]] = [
    [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xE2, 0x82], [0],
    [0x0D], [0x1B],
    [0xEF, 0xBB, 0xBF], [0x7F], [0x0B],
  ]

  private mutating func mutated(_ line: [UInt8]) -> [UInt8] {
    var line = line
    let at = random.below(line.count + 1)
    switch random.below(12) {
    case 0: if at < line.count { line[at] ^= 1 << UInt8(random.below(8)) }
    case 1: line.removeLast(line.count - at)
    case 2: line.removeFirst(at)
    case 3:
      line.insert(contentsOf: LineMutator.bytes[random.below(LineMutator.bytes.count)], at: at)
    case 4:
      line.insert(
        contentsOf: LineMutator.values[random.below(LineMutator.values.count)].utf8,
        at: at
      )
    case 5, 6: return withAnotherValue(line)
    case 7:
      // Nested deeply, with its end or without.
      let (open, close) = [("[", "]"), ("{\"a\":", "}")][random.below(2)]
      let depth = [20, 600, 100_000][random.below(3)]
      line.insert(contentsOf: String(repeating: open, count: depth).utf8, at: at)
      if random.below(2) == 0 { line += Array(String(repeating: close, count: depth).utf8) }
    case 8:
      // Long, in a string or not.
      let filler = ["a", "\\u0041", " ", "[1],", "9"][random.below(5)]
      line.insert(
        contentsOf: String(repeating: filler, count: [300, 70_000][random.below(2)]).utf8,
        at: at
      )
    case 9: if at < line.count { line.remove(at: at) }
    case 10: line.insert(contentsOf: line[..<at], at: at)
    default: line.insert(UInt8(ascii: "\n"), at: at)
    }
    return line
  }

  /// Puts another value behind one of the colons.
  private mutating func withAnotherValue(_ line: [UInt8]) -> [UInt8] {
    let colons = line.indices.filter { line[$0] == UInt8(ascii: ":") }
    guard !colons.isEmpty else { return line }
    let start = colons[random.below(colons.count)] + 1
    let end =
      line[start...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") } ?? line.count
    let value = LineMutator.values[random.below(LineMutator.values.count)]
    return Array(line[..<start]) + Array(value.utf8) + Array(line[end...])
  }
}
