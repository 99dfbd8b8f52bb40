import MoonValue
import Testing
import TestSupport

@Suite struct JSONParserTests {
  static let accepted: [(String, Value)] = [
    ("null", .null), ("true", true), ("false", false), (" \t\r\n 1 \n", 1),
    ("0", 0), ("-1", -1), ("42", 42), ("1.0", 1.0), ("0.5", 0.5), ("-0.5", -0.5), ("1e3", 1000.0),
    ("1E+3", 1000.0), ("1e-3", 0.001), ("12.5e1", 125.0), ("0e5", 0.0), ("1e00", 1.0),
    ("0.00001", 0.00001), ("0.000000000000000000000000000001", 1e-30),
    ("-0", .number(-0.0)), ("-0.0", .number(-0.0)), ("-0e1", .number(-0.0)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .number(9_223_372_036_854_775_808)),
    ("-9223372036854775809", .number(-9_223_372_036_854_775_808)),
    ("9999999999999999999", .number(1e19)),
    ("123456789012345678901234567890", .number(1.2345678901234568e29)),
    ("9007199254740993", .integer(9_007_199_254_740_993)),
    ("9007199254740993.0", .number(9_007_199_254_740_992)),
    ("0.1", 0.1), ("3.141592653589793", 3.141592653589793),
    ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
    ("5e-324", .number(.leastNonzeroMagnitude)),
    ("2.2250738585072011e-308", .number(.leastNormalMagnitude.nextDown)),
    ("1e-400", 0.0), ("0e999999999999999999999", 0.0), ("1e23", 1e23), ("8.5e22", 8.5e22),
    ("[]", []), ("[ ]", []), ("{}", [:]), ("{ }", [:]), ("[1,2]", [1, 2]), ("[[],{}]", [[], [:]]),
    ("[ 1 , [ 2 ] ]", [1, [2]]), (#"{"a":1}"#, ["a": 1]),
    (#"{ "a" : 1 , "b" : {} }"#, ["a": 1, "b": [:]]),
    (#"{"a":1,"a":2}"#, ["a": 2]), (#"{"":0}"#, ["": 0]), (#"{"1":true}"#, ["1": true]),
    (#""""#, ""), (#""abc""#, "abc"), (#""a\"b\\c\/d""#, "a\"b\\c/d"),
    (#""\b\f\n\r\t""#, "\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "A\u{E9}\u{20AC}"),
    (#""\uD83C\uDF19""#, "🌙"), (#""\ud83c\udf19x""#, "🌙x"), (#""\u0000""#, "\u{0}"),
    ("\"\u{7F}\u{2028}é日🌙\"", "\u{7F}\u{2028}é日🌙"), (#""\\u0041""#, "\\u0041"),
    (
      #""a\nlonger text with one escape and more behind it""#,
      "a\nlonger text with one escape and more behind it"
    ),
    (#"{"a\nb":[{"c":null}]}"#, ["a\nb": [["c": .null]]]),
  ]

  @Test(arguments: accepted)
  func `Good text is read`(_ text: String, _ value: Value) throws {
    #expect(try Value(json: text) == value)
    #expect(try Value(json: Array(text.utf8)) == value)
  }

  static let refused: [String] = [
    "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-Infinity", "undefined", "'a'", "a",
    "01", "-01", "00", "1.", ".5", "-", "+1", "1e", "1e+", "1.e1", "0x10", "1_000", "- 1", "1 2",
    "--1", "1e1.5",
    "1e309", "-1e309", "123456789e999999999999",
    "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1}", "[1]]",
    "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}",
    "{'a':1}",
    "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1]", "{\"a\"}", "{null:1}", "{\"a\"::1}",
    "\"", "\"a", "\"\\", "\"\\\"", "\"\\x41\"", "\"\\u\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\'\"",
    "\"\\a\"",
    "\"\\uD800\"", "\"\\uDC00\"", "\"\\uD800x\"", "\"\\uD800\\n\"", "\"\\uD800\\uD800\"",
    "\"\\uDC00\\uD800\"",
    "\"\\u+123\"", "\"\n\"", "\"\t\"", "\"\u{0}\"", "\"\u{1F}\"", "\"a\\n\u{1}\"",
    "\u{FEFF}\u{FEFF}1", "1\u{FEFF}", "1\u{0}", "\u{A0}1", "// c\n1", "/* c */ 1", "[1] // c",
    "\u{C}1",
  ]

  @Test(arguments: refused)
  func `Bad text is refused`(_ text: String) {
    #expect(throws: JSONError.self) { try Value(json: text) }
  }

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xE2, 0x82, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0x5C, 0x6E, 0x80, 0x22], [0xFF],
    ] as [[UInt8]]
  )
  func `Bytes that are not UTF-8 are refused`(_ bytes: [UInt8]) {
    #expect(throws: JSONError.self) { try Value(json: bytes) }
  }

  @Test(arguments: [
    ("", 1, 1, 0, "expected a value, found the end of the text"),
    ("[1,]", 1, 4, 3, "expected a value, found ']'"),
    ("[1 2]", 1, 4, 3, "expected ',' or ']', found '2'"),
    ("{\n  \"é\" 1\n}", 2, 7, 9, "expected ':', found '1'"),
    ("{\n  a: 1\n}", 2, 3, 4, "expected a key in quotes, found 'a'"),
    ("[01]", 1, 3, 2, "a number cannot begin with 0"),
    ("[\n1.x]", 2, 3, 4, "expected a digit, found 'x'"),
    ("[1e999]", 1, 2, 1, "the number does not fit into 64 bits"),
    ("[\"\\uD800\"]", 1, 3, 2, "half of a surrogate pair stands alone"),
    (
      "\"a\nb\"", 1, 3, 2,
      "a string cannot hold a control character; expected an escape such as \\n"
    ),
    ("truE", 1, 1, 0, "expected a value, found 't'"),
    ("1\u{0}", 1, 2, 1, "expected the end of the text, found the byte 0x0"),
  ])
  func `An error says where and what`(
    _ text: String,
    _ line: Int,
    _ column: Int,
    _ offset: Int,
    _ message: String
  ) {
    let error = #expect(throws: JSONError.self) { try Value(json: text) }
    #expect(error == JSONError(message: message, line: line, column: column, offset: offset))
    #expect(error?.description == "line \(line), column \(column): \(message)")
  }

  @Test func `An error names the first byte that is not UTF-8`() {
    let error = #expect(throws: JSONError.self) {
      try Value(json: Array("[\"é".utf8) + [0x80] + Array("\"]".utf8))
    }
    #expect(error?.offset == 4)
    #expect(error?.column == 4)
    #expect(error?.message == "the text is not UTF-8")
  }

  @Test func `Nesting is limited`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try Value(json: nested(128))
    let error = #expect(throws: JSONError.self) { try Value(json: nested(129)) }
    #expect(error?.offset == 128)
    #expect(try Value(json: "[[]]", maximumDepth: 2) == [[]])
    #expect(throws: JSONError.self) { try Value(json: "[[{}]]", maximumDepth: 2) }
    #expect(try Value(json: "[[],[[]]]", maximumDepth: 3) == [[], [[]]])
    #expect(throws: JSONError.self) {
      try Value(json: String(repeating: "[", count: 1_000_000), maximumDepth: .max)
    }
  }

  @Test func `Bytes are read from any collection`() throws {
    #expect(try Value(json: Array("x[1]x".utf8)[1...3]) == [1])
    #expect(try Value(json: "x[1]".utf8.dropFirst()) == [1])
    #expect(try Value(json: "[1]".utf8.lazy.map { $0 }) == [1])
    #expect(try Value(json: String("x[\"é\"]".dropFirst())) == ["é"])
  }

  @Test func `No damage to a text makes the reader do anything but refuse or read`() {
    let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud83c\udf19\n",true,null],"b":{"c":"é"}}"#.utf8)
    var generator = SeededGenerator(seed: 3)
    var read = 0
    var refused = 0
    for _ in 0..<3000 {
      var damaged = text
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: 0..<damaged.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: damaged[index] = UInt8.random(in: .min ... .max, using: &generator)
        case 1: damaged.remove(at: index)
        default: damaged.removeSubrange(index...)
        }
        if damaged.isEmpty { break }
      }
      do throws(JSONError) {
        let value = try Value(json: damaged)
        #expect((try? Value(json: value.json())) == value)
        read += 1
      } catch {
        #expect(error.line > 0 && error.column > 0 && error.offset <= damaged.count)
        refused += 1
      }
    }
    #expect(read > 0 && refused > 0)
  }
}
