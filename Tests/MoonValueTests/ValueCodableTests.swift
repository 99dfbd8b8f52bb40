import Foundation
import MoonValue
import Testing
import TestSupport

@Suite struct ValueCodableTests {
  @Test func `A value passes through an encoder of another module`() throws {
    let value: Value = [
      "integer": .integer(.max), "number": 0.5, "text": "é", "list": [1, [], .null, true],
      "map": ["a": [:]],
    ]
    let data = try JSONEncoder().encode(value)
    #expect(try JSONDecoder().decode(Value.self, from: data) == value)
  }

  @Test func `Integers stay integers in another encoder`() throws {
    let data = try JSONEncoder().encode([Value.integer(3), .integer(.min)])
    #expect(String(decoding: data, as: UTF8.self) == "[3,-9223372036854775808]")
    #expect(try JSONDecoder().decode([Value].self, from: data) == [3, .integer(.min)])
  }

  @Test func `Our JSON reads what another writer wrote`() throws {
    for seed in 0..<100 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let value: Value = ["v": generator.value(Ingredients(bytes: false, nonFinite: false))]
      guard let text = try? value.json() else { continue }
      let read = try Value(json: text)
      let decoded = try JSONDecoder().decode(Value.self, from: Data(text.utf8))
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      let again = try Value(json: encoder.encode(decoded))
      #expect(again == decoded, "seed \(seed)")
      #expect(read["v"] != nil)
    }
  }

  @Test func `A string that is not UTF-8 is refused with its path`() throws {
    let error = #expect(throws: EncodingError.self) {
      try JSONEncoder().encode(["a": [Value.bytes([0xFF])]])
    }
    guard case .invalidValue(_, let context) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(context.codingPath.map(\.stringValue).first == "a")
    #expect(context.debugDescription == #"the string "\xff" is not UTF-8"#)
    #expect(throws: EncodingError.self) { try JSONEncoder().encode(Value.map([.bytes([0xFF]): 1])) }
  }

  @Test func `A value inside a type keeps all that JSON would lose`() throws {
    struct Holder: Codable, Equatable { var value: Value }
    for seed in 0..<100 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let holder = Holder(value: generator.value())
      let encoded = try ValueEncoder().encode(holder)
      #expect(encoded["value"] == holder.value, "seed \(seed)")
      #expect(try ValueDecoder().decode(Holder.self, from: encoded) == holder, "seed \(seed)")
    }
  }
}
