import MoonValue
import Testing
import TestSupport

@Suite struct JSONWriterTests {
  @Test(
    arguments: [
      (.null, "null"), (true, "true"), (false, "false"), (0, "0"), (-7, "-7"),
      (.integer(.max), "9223372036854775807"), (.integer(.min), "-9223372036854775808"),
      (1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e21, "1e+21"), (1e-7, "1e-07"),
      (.number(.leastNonzeroMagnitude), "5e-324"),
      ([], "[]"), ([:], "{}"), ([1, [], [:]], "[1,[],{}]"),
      (["b": 1, "a": [2], 10: 3, 9: 4], #"{"9":4,"10":3,"a":[2],"b":1}"#),
      ("a\"b\\c/d", #""a\"b\\c/d""#), ("\u{8}\u{C}\n\r\t", #""\b\f\n\r\t""#),
      ("\u{0}\u{1}\u{1F}\u{7F}", "\"\\u0000\\u0001\\u001f\u{7F}\""),
      ("é日🌙\u{2028}", "\"é日🌙\u{2028}\""), ("", "\"\""),
    ] as [(Value, String)]
  )
  func `Values are written`(_ value: Value, _ text: String) throws {
    #expect(try value.json() == text)
    #expect(try value.jsonBytes() == Array(text.utf8))
  }

  @Test func `Pretty text has one element a line`() throws {
    let value: Value = ["items": [["id": "a"], 2], "none": [], "empty": [:]]
    #expect(
      try value.json(pretty: true) == """
        {
          "empty": {},
          "items": [
            {
              "id": "a"
            },
            2
          ],
          "none": []
        }
        """
    )
  }

  @Test func `What was written reads back the same`() throws {
    for seed in 0..<500 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let value = generator.value(.json)
      #expect(try Value(json: value.json()) == value, "seed \(seed)")
      #expect(try Value(json: value.json(pretty: true, sortedKeys: false)) == value, "seed \(seed)")
    }
  }

  @Test func `Any finite number reads back to the bit`() throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<5000 {
      let number = Double(bitPattern: generator.next())
      guard number.isFinite else { continue }
      let value = Value.number(number)
      #expect(try Value(json: value.json()) == value)
    }
  }

  @Test func `Numbers of all lengths read as the standard library reads them`() throws {
    var generator = SeededGenerator(seed: 12)
    for _ in 0..<3000 {
      let digits = (0..<Int.random(in: 1...25, using: &generator)).map { _ in
        String(Int.random(in: 0...9, using: &generator))
      }
      let exponent = Int.random(in: -40...40, using: &generator)
      let text = "1" + digits.joined() + ".\(generator.next() % 100_000)e\(exponent)"
      #expect(try Value(json: text) == .number(try #require(Double(text))), "\(text)")
    }
  }

  @Test(
    arguments: [
      (.number(.nan), "nan cannot be JSON"),
      (["a": [1, .number(.infinity)]], "a[2]: inf cannot be JSON"),
      (["odd key": ["x": .number(-.infinity)]], "[\"odd key\"].x: -inf cannot be JSON"),
      (["a": .bytes([0xFF])], "a: a string that is not valid UTF-8 at byte 1 cannot be JSON"),
      (
        [.map([.bytes([0xFF]): 1])],
        #"[1]["\xff"]: a string that is not valid UTF-8 at byte 1 cannot be JSON"#
      ),
      (["a": [1: 1, "1": 2]], "a[1]: the key 1 stands here as integer and as string"),
    ] as [(Value, String)]
  )
  func `What JSON cannot say is refused with its place`(_ value: Value, _ message: String) {
    let error = #expect(throws: JSONError.self) { try value.json() }
    #expect(error?.description == message)
    #expect(error?.line == 0)
  }

  @Test func `Bytes are replaced where that is asked for`() throws {
    let options = JSONOptions(bytes: .lossy)
    let value: Value = [.bytes([0x61, 0xFF, 0x62]), .map([.bytes([0xFE]): 1])]
    #expect(
      try String(decoding: value.jsonBytes(options), as: UTF8.self)
        == "[\"a\u{FFFD}b\",{\"\u{FFFD}\":1}]"
    )
  }

  @Test func `Nesting is limited as it is in reading`() throws {
    var value: Value = 1
    for _ in 0..<128 { value = [value] }
    #expect(try Value(json: value.json()) == value)
    let deeper: Value = ["a": value]
    let error = #expect(throws: JSONError.self) { try deeper.json() }
    #expect(error?.path?.components.first == "a")
    #expect(try deeper.jsonBytes(JSONOptions(maximumDepth: 129)).count == 263)
  }
}
