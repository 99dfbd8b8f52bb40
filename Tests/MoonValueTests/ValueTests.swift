import MoonValue
import Testing
import TestSupport

@Suite struct ValueTests {
  static let composed = "\u{E9}"
  static let decomposed = "e\u{301}"

  @Test func `Strings that only look the same are two values`() {
    #expect(ValueTests.composed == ValueTests.decomposed)
    #expect(Value.string(ValueTests.composed) != .string(ValueTests.decomposed))
    #expect(Set<Value>([.string(ValueTests.composed), .string(ValueTests.decomposed)]).count == 2)
  }

  @Test(arguments: [
    ("", "", true), ("a", "a", true), ("a", "b", false), ("a", "aa", false),
    ("12345678", "12345678", true), ("12345678", "12345679", false),
    ("123456789", "123456780", false),
    ("0123456789abcdef-0123456789", "0123456789abcdef-0123456789", true),
    ("0123456789abcdef-0123456789", "0123456789abcdef-0123456780", false),
    ("a\u{323}\u{307}", "a\u{307}\u{323}", false),
  ])
  func `Strings are compared by their bytes`(_ left: String, _ right: String, _ same: Bool) {
    #expect(left.hasSameBytes(as: right) == same)
    // Built anew, so that the two cannot share storage.
    let copy = String(decoding: Array(left.utf8), as: UTF8.self)
    #expect(copy.hasSameBytes(as: right) == same)
    #expect((Value.string(copy).hashValue == Value.string(right).hashValue) == same)
  }

  @Test func `An integer is not the number of the same size`() {
    #expect(Value.integer(1) != .number(1))
    #expect(Set<Value>([.integer(1), .number(1)]).count == 2)
  }

  @Test func `Any NaN equals any NaN and zero is not minus zero`() {
    #expect(Value.number(.nan) == .number(-Double.nan))
    #expect(Value.number(.nan).hashValue == Value.number(-Double.nan).hashValue)
    #expect(Value.number(0) != .number(-0.0))
  }

  @Test func `Bytes become text where they are UTF-8`() {
    #expect(Value(utf8: [0x61, 0xC3, 0xA9]) == .string("a\u{E9}"))
    #expect(Value(utf8: [0x61, 0xC3]) == .bytes([0x61, 0xC3]))
    #expect(Value(utf8: [UInt8]()) == "")
    // A surrogate and an overlong form are no UTF-8.
    #expect(Value(utf8: [0xED, 0xA0, 0x80]) == .bytes([0xED, 0xA0, 0x80]))
    #expect(Value(utf8: [0xC0, 0x80]) == .bytes([0xC0, 0x80]))
  }

  @Test func `Equality goes into arrays and maps`() {
    let left: Value = ["a": [1, 2.5, .null], 3: ["b": true]]
    #expect(left == ["a": [1, 2.5, .null], 3: ["b": true]])
    #expect(left != ["a": [1, 2.5, .null], 3: ["b": false]])
    #expect(left != ["a": [1, 2.5, .null], "3": ["b": true]])
    #expect(Value.array([]) != .map([:]))
  }

  @Test func `Equal values have equal hashes`() {
    for seed in 0..<200 as Range<UInt64> {
      var first = SeededGenerator(seed: seed)
      var second = SeededGenerator(seed: seed)
      let left = first.value()
      let right = second.value()
      #expect(left == right, "seed \(seed)")
      #expect(left.hashValue == right.hashValue, "seed \(seed)")
    }
  }
}

@Suite struct KeyTests {
  @Test func `Keys are sorted integers first and strings by bytes`() {
    let sorted: [Value.Key] = [
      -5, 2, 10, "", "B", "a", "a\u{0}", "e\u{301}", .bytes([0x80]), "\u{E9}", .bytes([0xFF]),
    ]
    #expect(sorted.reversed().sorted() == sorted)
    #expect(sorted.shuffled().sorted() == sorted)
  }

  @Test func `The order of keys agrees with their equality`() {
    var generator = SeededGenerator(seed: 7)
    var keys = (0..<60).map { _ in generator.key() }
    keys += ["a", .bytes([0x61])]
    for left in keys {
      for right in keys {
        #expect([left < right, left == right, right < left].filter { $0 }.count == 1)
      }
    }
  }

  @Test func `A map tells keys apart that only look the same`() {
    var pairs: ValueMap = [:]
    pairs[.string(ValueTests.composed)] = 1
    pairs[.string(ValueTests.decomposed)] = 2
    pairs["1"] = 3
    pairs[1] = 4
    #expect(pairs.count == 4)
    #expect(pairs[.string(ValueTests.decomposed)] == 2)
    #expect(pairs[1] == 4)
  }

  @Test func `Key bytes become text where they are UTF-8`() {
    #expect(Value.Key(utf8: Array("id".utf8)) == "id")
    #expect(Value.Key(utf8: [0xFF]) == .bytes([0xFF]))
  }
}
