import MoonValue
import Testing

@Suite struct ValueAccessorsTests {
  let cart: Value = [
    "items": [["id": "85123A", "price": 2.5, "quantity": 6]], "open": true, "error": .null,
    7: "seven",
  ]

  @Test func `Parts are reached by keys and positions`() {
    #expect(cart["items"]?[0]?["id"] == "85123A")
    #expect(cart[.integer(7)]?.stringValue == "seven")
    let field = "open"
    #expect(cart[field]?.boolValue == true)
    #expect(cart["error"]?.isNull == true)
  }

  @Test func `What is not there is nil`() {
    #expect(cart["missing"] == nil)
    #expect(cart[0] == nil)
    #expect(cart["items"]?[1] == nil)
    #expect(cart["items"]?[-1] == nil)
    #expect(cart["items"]?["id"] == nil)
    #expect(cart["open"]?["x"] == nil)
  }

  @Test func `Numbers are read as either kind where nothing is lost`() {
    #expect(Value.integer(3).doubleValue == 3)
    #expect(Value.number(3).integerValue == 3)
    #expect(Value.number(3.5).integerValue == nil)
    #expect(Value.number(1e300).integerValue == nil)
    #expect(Value.number(-0x1p63).integerValue == .min)
    #expect(Value.number(0x1p63).integerValue == nil)
    #expect(Value.number(-0x1.0000000000001p63).integerValue == nil)
    #expect(Value.number(-0.0).integerValue == 0)
    #expect(Value.number(-.infinity).integerValue == nil)
    #expect(Value.number(.nan).integerValue == nil)
    #expect(Value.string("3").integerValue == nil)
    #expect(Value.bool(true).doubleValue == nil)
  }

  @Test func `Each accessor takes its own kind only`() {
    #expect(Value.string("a").boolValue == nil)
    #expect(Value.bytes([0xFF]).stringValue == nil)
    #expect(Value.bytes([0xFF]).bytesValue == [0xFF])
    #expect(Value.string("a").bytesValue == [0x61])
    #expect(Value.integer(1).bytesValue == nil)
    #expect(Value.array([1]).arrayValue == [1])
    #expect(Value.map([:]).arrayValue == nil)
    #expect(Value.map(["a": 1]).mapValue == ["a": 1])
    #expect(Value.array([]).mapValue == nil)
    #expect(!Value.bool(false).isNull)
  }

  @Test func `Literals make values`() {
    let value: Value = ["a": 1, "b": 1.0, "c": "x\(1)", "d": [true, .null], "a": 2]
    #expect(
      value
        == .map([
          "a": .integer(2), "b": .number(1), "c": .string("x1"), "d": .array([.bool(true), .null]),
        ])
    )
  }

  @Test func `The description is the same each time and shows what JSON cannot say`() {
    let value: Value = [
      "b": [1, 2.0, .null, true], "a": .bytes([0x61, 0xFF]), 10: .number(.nan), 2: "x\"y\n\u{1}é",
    ]
    #expect(
      value.description
        == #"{2: "x\"y\n\x01é", 10: nan, "a": "a\xff", "b": [1, 2.0, null, true]}"#
    )
    #expect(Value.map([:]).description == "{}")
    #expect(Value.array([]).description == "[]")
  }
}
