import MoonValue
import Testing

private struct Line: Codable, Equatable {
  var id: String
  var quantity: Int
  var price: Double
  var note: String?
  var tags: [String]
}

private struct Cart: Codable, Equatable {
  enum Kind: String, Codable { case shop, wish }

  var lines: [Line]
  var kind: Kind
  var byId: [String: Line]
  var byPosition: [Int: String]
  var matrix: [[Float]]
  var anything: Value
  var flags: [Bool?]
}

private enum Shape: Codable, Equatable {
  case circle(radius: Double)
  case point
}

private class Animal: Codable {
  var legs = 4
  init() {}
}

private final class Dog: Animal {
  enum CodingKeys: CodingKey { case name }

  var name = "Rex"

  override init() { super.init() }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try super.encode(to: container.superEncoder())
  }
}

private struct Flattened: Codable, Equatable {
  enum CodingKeys: CodingKey { case outer, list }
  enum InnerKeys: CodingKey { case inner }

  var inner: Int
  var first: Int
  var second: String

  init(inner: Int, first: Int, second: String) {
    self.inner = inner
    self.first = first
    self.second = second
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    inner = try container.nestedContainer(keyedBy: InnerKeys.self, forKey: .outer)
      .decode(Int.self, forKey: .inner)
    var list = try container.nestedUnkeyedContainer(forKey: .list)
    first = try list.nestedContainer(keyedBy: InnerKeys.self).decode(Int.self, forKey: .inner)
    var nested = try list.nestedUnkeyedContainer()
    second = try nested.decode(String.self)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    var outer = container.nestedContainer(keyedBy: InnerKeys.self, forKey: .outer)
    try outer.encode(inner, forKey: .inner)
    var list = container.nestedUnkeyedContainer(forKey: .list)
    var element = list.nestedContainer(keyedBy: InnerKeys.self)
    try element.encode(first, forKey: .inner)
    var nested = list.nestedUnkeyedContainer()
    try nested.encode(second)
  }
}

private func path(_ error: DecodingError?) -> [String] {
  switch error {
  case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context),
    .keyNotFound(_, let context):
    context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
  default: ["no error"]
  }
}

@Suite struct ValueEncoderTests {
  private let line = Line(id: "85123A", quantity: 6, price: 2.5, note: nil, tags: ["new"])

  @Test func `A type becomes a map of its fields`() throws {
    #expect(
      try ValueEncoder().encode(line)
        == ["id": "85123A", "quantity": 6, "price": 2.5, "tags": ["new"]]
    )
  }

  @Test func `What was encoded decodes to the same`() throws {
    let cart = Cart(
      lines: [line, line],
      kind: .wish,
      byId: ["1": line],
      byPosition: [3: "c"],
      matrix: [[1.5], []],
      anything: [.bytes([0xFF]), .number(.nan), 1],
      flags: [true, nil]
    )
    let value = try ValueEncoder().encode(cart)
    #expect(try ValueDecoder().decode(Cart.self, from: value) == cart)
    #expect(value["anything"] == cart.anything)
    #expect(value["kind"] == "wish")
    #expect(value["flags"] == [true, .null])
  }

  @Test func `A dictionary keeps the kind of its keys`() throws {
    #expect(try ValueEncoder().encode([1: "a"]) == [1: "a"])
    #expect(try ValueEncoder().encode(["1": "a"]) == ["1": "a"])
    #expect(try ValueDecoder().decode([Int: String].self, from: [1: "a"]) == [1: "a"])
    #expect(try ValueDecoder().decode([Int: String].self, from: ["1": "a"]) == [1: "a"])
    #expect(try ValueDecoder().decode([String: String].self, from: ["1": "a"]) == ["1": "a"])
    #expect(try ValueDecoder().decode([String: String].self, from: [1: "a"]) == ["1": "a"])
  }

  @Test func `Scalars become scalars`() throws {
    let encoder = ValueEncoder()
    #expect(try encoder.encode(3) == 3)
    #expect(try encoder.encode(UInt8(3)) == 3)
    #expect(try encoder.encode(Int64.min) == .integer(.min))
    #expect(try encoder.encode(UInt64(Int64.max)) == .integer(.max))
    #expect(try encoder.encode(Float(0.5)) == 0.5)
    #expect(try encoder.encode("a") == "a")
    #expect(try encoder.encode(true) == true)
    #expect(try encoder.encode(Int?.none) == .null)
    #expect(try encoder.encode([UInt8]([1, 2])) == [1, 2])
    #expect(try encoder.encode(Value.bytes([0xFF])) == .bytes([0xFF]))
  }

  @Test func `An integer that does not fit is an error with its path`() throws {
    let error = #expect(throws: EncodingError.self) {
      try ValueEncoder().encode(["a": [1, UInt64.max]])
    }
    guard case .invalidValue(let value, let context) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(value as? UInt64 == .max)
    #expect(context.codingPath.map(\.stringValue) == ["a", "Index 1"])
    #expect(context.codingPath.last?.intValue == 1)
  }

  @Test func `Enums, subclasses and nested containers make the round trip`() throws {
    let shapes = [Shape.circle(radius: 2), .point]
    let encoded = try ValueEncoder().encode(shapes)
    #expect(encoded == [["circle": ["radius": 2.0]], ["point": [:]]])
    #expect(try ValueDecoder().decode([Shape].self, from: encoded) == shapes)

    let dog = Dog()
    dog.legs = 3
    dog.name = "Tripod"
    let value = try ValueEncoder().encode(dog)
    #expect(value == ["name": "Tripod", "super": ["legs": 3]])
    let decoded = try ValueDecoder().decode(Dog.self, from: value)
    #expect(decoded.legs == 3 && decoded.name == "Tripod")

    let flattened = Flattened(inner: 1, first: 2, second: "c")
    let flat = try ValueEncoder().encode(flattened)
    #expect(flat == ["outer": ["inner": 1], "list": [["inner": 2], ["c"]]])
    #expect(try ValueDecoder().decode(Flattened.self, from: flat) == flattened)
  }
}

@Suite struct ValueDecoderTests {
  @Test func `Numbers decode as either kind where nothing is lost`() throws {
    let decoder = ValueDecoder()
    #expect(try decoder.decode(Double.self, from: 3) == 3)
    #expect(try decoder.decode(Float.self, from: 3) == 3)
    #expect(try decoder.decode(Int.self, from: 3.0) == 3)
    #expect(try decoder.decode(UInt8.self, from: 255) == 255)
    #expect(try decoder.decode(Double.self, from: .number(.infinity)) == .infinity)
    #expect(throws: DecodingError.self) { try decoder.decode(Int.self, from: 3.5) }
    #expect(throws: DecodingError.self) { try decoder.decode(UInt8.self, from: 256) }
    #expect(throws: DecodingError.self) { try decoder.decode(UInt.self, from: -1) }
    #expect(throws: DecodingError.self) { try decoder.decode(Int.self, from: .number(.nan)) }
    #expect(throws: DecodingError.self) { try decoder.decode(Float.self, from: 1e300) }
  }

  @Test func `No kind passes for another`() {
    let decoder = ValueDecoder()
    #expect(throws: DecodingError.self) { try decoder.decode(Int.self, from: "3") }
    #expect(throws: DecodingError.self) { try decoder.decode(String.self, from: 3) }
    #expect(throws: DecodingError.self) { try decoder.decode(Bool.self, from: 1) }
    #expect(throws: DecodingError.self) { try decoder.decode(Int.self, from: true) }
    #expect(throws: DecodingError.self) { try decoder.decode(String.self, from: .bytes([0xFF])) }
    #expect(throws: DecodingError.self) { try decoder.decode([Int].self, from: ["a": 1]) }
    #expect(throws: DecodingError.self) { try decoder.decode([String: Int].self, from: [1]) }
    #expect(throws: DecodingError.self) { try decoder.decode(Int.self, from: .null) }
  }

  @Test func `An empty table is an empty array too`() throws {
    #expect(try ValueDecoder().decode([Int].self, from: [:]).isEmpty)
  }

  @Test func `A field that is null or missing is nil`() throws {
    let line: Value = ["id": "a", "quantity": 1, "price": 1, "tags": []]
    #expect(try ValueDecoder().decode(Line.self, from: line).note == nil)
    guard case .map(var pairs) = line else { return }
    pairs["note"] = .null
    #expect(try ValueDecoder().decode(Line.self, from: .map(pairs)).note == nil)
    pairs["note"] = "x"
    #expect(try ValueDecoder().decode(Line.self, from: .map(pairs)).note == "x")
  }

  @Test func `An error names the path of what does not fit`() {
    let wrong: Value = [["id": "a", "quantity": "many", "price": 1, "tags": []]]
    let mismatch = #expect(throws: DecodingError.self) {
      try ValueDecoder().decode([Line].self, from: wrong)
    }
    #expect(path(mismatch) == ["0", "quantity"])
    if case .typeMismatch(_, let context) = mismatch {
      #expect(context.debugDescription == "expected an integer, found a string")
    }
    let missing = #expect(throws: DecodingError.self) {
      try ValueDecoder().decode([Line].self, from: [["id": "a"]])
    }
    #expect(path(missing) == ["0"])
    let null = #expect(throws: DecodingError.self) {
      try ValueDecoder().decode([String: [Int]].self, from: ["a": [1, .null]])
    }
    #expect(path(null) == ["a", "1"])
  }

  @Test func `Types can look up what the caller passed`() throws {
    struct Probe: Codable, Equatable {
      var found: String
      init(from decoder: any Decoder) throws {
        found = decoder.userInfo.values.first as? String ?? "nothing"
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(encoder.userInfo.values.first as? String ?? "nothing")
      }
    }
    let key = try #require(CodingUserInfoKey(rawValue: "key"))
    let probes = try ValueDecoder(userInfo: [key: "here"]).decode([Probe].self, from: [1])
    #expect(probes.first?.found == "here")
    #expect(try ValueEncoder(userInfo: [key: "there"]).encode(probes) == ["there"])
  }
}
