import MoonValue
import TestSupport

/// What a generated value may be made of.
struct Ingredients {
  var bytes = true
  var integerKeys = true
  var nonFinite = true

  /// What JSON can say and give back unchanged.
  static let json = Ingredients(bytes: false, integerKeys: false, nonFinite: false)
}

extension SeededGenerator {
  private static let texts = [
    "", "a", "items", "odd key", "quote\"", "back\\slash", "line\nbreak", "tab\t", "\u{0}",
    "\u{7F}",
    "\u{E9}", "e\u{301}", "日本", "🌙", "a longer text that does not fit into a small string",
  ]
  private static let integers: [Int64] = [0, 1, -1, 42, .max, .min, 1 << 53, -(1 << 53) - 1]
  private static let numbers = [
    0, -0.0, 1, 0.1, 1e21, 1e-7, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1 / 3,
  ]

  mutating func one<T>(of choices: [T], else fallback: T) -> T {
    choices.randomElement(using: &self) ?? fallback
  }

  mutating func value(_ ingredients: Ingredients = Ingredients(), depth: Int = 4) -> Value {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &self) {
    case 0: .null
    case 1: .bool(Bool.random(using: &self))
    case 2: .integer(one(of: SeededGenerator.integers, else: 0))
    case 3: .integer(Int64.random(in: .min ... .max, using: &self))
    case 4: .number(number(ingredients))
    case 5: .string(one(of: SeededGenerator.texts, else: ""))
    case 6: ingredients.bytes ? .bytes([0xFF, next8()]) : .string("plain")
    case 7:
      .array(
        (0..<Int.random(in: 0...5, using: &self)).map { _ in value(ingredients, depth: depth - 1) }
      )
    default: map(ingredients, depth: depth)
    }
  }

  private mutating func map(_ ingredients: Ingredients, depth: Int) -> Value {
    var pairs: ValueMap = [:]
    for _ in 0..<Int.random(in: 0...5, using: &self) {
      pairs[key(ingredients)] = value(ingredients, depth: depth - 1)
    }
    return .map(pairs)
  }

  mutating func key(_ ingredients: Ingredients = Ingredients()) -> Value.Key {
    switch Int.random(in: 0..<8, using: &self) {
    case 0 where ingredients.integerKeys: .integer(Int64.random(in: -3...9, using: &self))
    case 1 where ingredients.bytes: .bytes([0xFE, next8()])
    default: .string(one(of: SeededGenerator.texts, else: ""))
    }
  }

  private mutating func number(_ ingredients: Ingredients) -> Double {
    if ingredients.nonFinite, Int.random(in: 0..<8, using: &self) == 0 {
      return one(of: [.nan, .infinity, -.infinity], else: .nan)
    }
    if Bool.random(using: &self) { return one(of: SeededGenerator.numbers, else: 0) }
    let random = Double(bitPattern: next())
    return random.isFinite ? random : 0.5
  }

  private mutating func next8() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
}
