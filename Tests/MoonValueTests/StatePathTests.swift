import MoonValue
import Testing
import TestSupport

@Suite struct StatePathTests {
  @Test(
    arguments: [
      ([], ""), (["cart"], "cart"), (["cart", "items", 3, "callback"], "cart.items[3].callback"),
      (["cart", "odd key"], #"cart["odd key"]"#),
      (["shopping-cart", "x"], #"["shopping-cart"].x"#),
      ([1, 2], "[1][2]"), (["a", ""], #"a[""]"#), (["a", "1"], #"a["1"]"#),
      (["a", "b1_"], "a.b1_"),
      (["a", "quote\" back\\ \n\r\t\u{1}"], #"a["quote\" back\\ \n\r\t\x01"]"#),
      (["a", "é"], #"a["é"]"#),
      (["a", .field(.integer(-3))], "a[-3]"), (["a", .field(.integer(0))], "a[0]"),
      (["a", .field(.bytes([0x61, 0xFF]))], #"a["a\xff"]"#),
    ] as [(StatePath, String)]
  )
  func `A path prints as Lua writes it and reads back`(_ path: StatePath, _ text: String) throws {
    #expect(path.description == text)
    #expect(try StatePath(parsing: text) == path)
  }

  @Test(arguments: [
    (".a", 0), ("a.", 2), ("a..b", 2), ("a.1", 2), ("1", 0), ("a b", 1), ("a[", 2), ("a[]", 2),
    ("a[1", 3),
    ("a[x]", 2), ("a[1.5]", 2), ("a[1]b", 4), ("a[\"x]", 5), ("a[\"x\"", 5), ("a[\"\\q\"]", 4),
    ("a[\"\\x1\"]", 5), ("a[\"\\x+1\"]", 5), ("é", 0), ("a[99999999999999999999]", 2),
  ])
  func `Text that is no path is refused at its place`(_ text: String, _ offset: Int) {
    let error = #expect(throws: StatePath.ParsingError.self) { try StatePath(parsing: text) }
    #expect(error?.offset == offset)
  }

  @Test func `An element is not the field of an integer key though both print the same`() {
    let field: StatePath = ["a", .field(3)]
    let element: StatePath = ["a", 3]
    #expect(field != element)
    #expect(field.description == element.description)
  }

  @Test func `A part is found under what holds it`() {
    let cart: StatePath = ["cart", "items"]
    #expect(cart.contains(["cart", "items", 1]))
    #expect(cart.contains(cart))
    #expect(!cart.contains(["cart"]))
    #expect(!cart.contains(["cart", "itemsOld"]))
    #expect(StatePath().contains(cart))
    #expect(cart.appending(1) == ["cart", "items", 1])
  }

  @Test func `Any path survives encoding`() throws {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<200 {
      let path = StatePath(
        (0..<Int.random(in: 0...4, using: &generator)).map { _ in
          Bool.random(using: &generator)
            ? .index(Int.random(in: 1...9, using: &generator)) : .field(generator.key())
        }
      )
      let value = try ValueEncoder().encode(path)
      #expect(try ValueDecoder().decode(StatePath.self, from: value) == path)
      let json = try Value(json: value.json())
      #expect(try ValueDecoder().decode(StatePath.self, from: json) == path)
    }
  }

  @Test func `A path is encoded as its steps`() throws {
    let path: StatePath = ["cart", "items", 3, .field(7)]
    #expect(try ValueEncoder().encode(path) == ["cart", "items", 3, ["key": 7]])
    #expect(throws: DecodingError.self) { try ValueDecoder().decode(StatePath.self, from: [true]) }
  }
}
