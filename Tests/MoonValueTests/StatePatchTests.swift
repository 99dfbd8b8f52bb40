import Foundation
import MoonValue
import Testing
import TestSupport

@Suite struct StatePatchTests {
  private let cart: Value = ["cart": ["items": ["a", "b", "c"], "error": .null, 7: "seven"]]

  private func applied(_ patch: StatePatch, to value: Value) throws -> Value {
    var copy = value
    try copy.apply(patch)
    return copy
  }

  /// A change of the cart, and what it makes of the cart.
  struct Example: Sendable {
    var patch: StatePatch
    var after: Value

    init(_ patch: StatePatch, _ items: Value, _ fields: ValueMap) {
      self.patch = patch
      after = ["cart": .map(fields.merging(["items": items]) { _, new in new })]
    }
  }

  static let others: ValueMap = ["error": .null, 7: "seven"]

  static let examples: [Example] = [
    Example(
      StatePatch(.set, at: ["cart", "error"], old: .null, new: "x"),
      ["a", "b", "c"],
      ["error": "x", 7: "seven"]
    ),
    Example(
      StatePatch(.set, at: ["cart", "new"], new: 1),
      ["a", "b", "c"],
      ["error": .null, 7: "seven", "new": 1]
    ),
    Example(
      StatePatch(.remove, at: ["cart", "error"], old: .null),
      ["a", "b", "c"],
      [7: "seven"]
    ),
    Example(
      StatePatch(.remove, at: ["cart", .field(7)], old: "seven"),
      ["a", "b", "c"],
      ["error": .null]
    ),
    Example(
      StatePatch(.set, at: ["cart", "items", 1], old: "a", new: "z"),
      ["z", "b", "c"],
      others
    ),
    Example(StatePatch(.set, at: ["cart", "items", 4], new: "d"), ["a", "b", "c", "d"], others),
    Example(
      StatePatch(.insert, at: ["cart", "items", 1], new: "z"),
      ["z", "a", "b", "c"],
      others
    ),
    Example(
      StatePatch(.insert, at: ["cart", "items", 4], new: "z"),
      ["a", "b", "c", "z"],
      others
    ),
    Example(StatePatch(.remove, at: ["cart", "items", 2], old: "b"), ["a", "c"], others),
    Example(
      StatePatch(.reorder(order: [3, 1, 2]), at: ["cart", "items"]),
      ["c", "a", "b"],
      others
    ),
  ]

  @Test(arguments: examples)
  func `A patch changes one place and its inverse restores it`(_ example: Example) throws {
    let changed = try applied(example.patch, to: cart)
    #expect(changed == example.after)
    #expect(try applied(example.patch.inverse, to: changed) == cart)
  }

  @Test func `The whole value can be set`() throws {
    let patch = StatePatch(.set, at: [], old: cart, new: 1)
    #expect(try applied(patch, to: cart) == 1)
    #expect(try applied(patch.inverse, to: 1) == cart)
  }

  @Test func `Lua's empty table takes elements or fields, and an empty map fields only`() throws {
    let map: Value = ["items": [:]]
    #expect(
      try applied(StatePatch(.set, at: ["items", 1], new: "a"), to: map) == ["items": [1: "a"]]
    )
    let empty: Value = ["items": .empty]
    let patch = StatePatch(.insert, at: ["items", 1], new: "a")
    #expect(try applied(patch, to: empty) == ["items": ["a"]])
    #expect(
      try applied(StatePatch(.set, at: ["items", 1], new: "a"), to: empty) == ["items": ["a"]]
    )
    #expect(try applied(patch.inverse, to: ["items": ["a"]]) == ["items": []])
    #expect(
      try applied(StatePatch(.set, at: ["items", .field(1)], new: "a"), to: empty)
        == ["items": [1: "a"]]
    )
  }

  @Test(arguments: [
    (StatePatch(.set, at: ["shop", "x"], new: 1), "shop: there is no such field"),
    (
      StatePatch(.set, at: ["cart", "items", 5, "x"], new: 1),
      "cart.items[5]: there is no such element"
    ),
    (
      StatePatch(.set, at: ["cart", "items", 5], new: 1), "cart.items[5]: there is no such element"
    ),
    (
      StatePatch(.set, at: ["cart", "items", 0], new: 1), "cart.items[0]: there is no such element"
    ),
    (
      StatePatch(.set, at: ["cart", "items", .index(.min)], new: 1),
      "cart.items[-9223372036854775808]: there is no such element"
    ),
    (
      StatePatch(.set, at: ["cart", "items", "x"], new: 1), "cart.items.x: there is no such element"
    ),
    (
      StatePatch(.set, at: ["cart", "items", .field(1)], new: 1),
      "cart.items[1]: there is no such element"
    ),
    (
      StatePatch(.insert, at: ["cart", "items", 5], new: 1),
      "cart.items[5]: there is no such element"
    ),
    (StatePatch(.remove, at: ["cart", "items", 4]), "cart.items[4]: there is no such element"),
    (StatePatch(.remove, at: ["cart", "none"]), "cart.none: there is no such field"),
    (StatePatch(.remove, at: []), "the whole can only be set"),
    (StatePatch(.set, at: ["cart", "error", "x"], new: 1), "cart.error: null stands in the way"),
    (StatePatch(.set, at: ["cart", "error"]), "cart.error: the patch has no new value"),
    (StatePatch(.insert, at: ["cart", "items", 1]), "cart.items[1]: the patch has no new value"),
    (
      StatePatch(.reorder(order: [1, 2]), at: ["cart", "items"]),
      "cart.items: the order is not one of these 3 elements"
    ),
    (
      StatePatch(.reorder(order: [1, 1, 2]), at: ["cart", "items"]),
      "cart.items: the order is not one of these 3 elements"
    ),
    (
      StatePatch(.reorder(order: [0, 1, 2]), at: ["cart", "items"]),
      "cart.items: the order is not one of these 3 elements"
    ),
    (StatePatch(.reorder(order: [1]), at: ["cart"]), "cart: a map has no order"),
    (
      StatePatch(.reorder(order: [1]), at: ["cart", "items", 9]),
      "cart.items[9]: there is no such element"
    ),
  ])
  func `A patch that does not fit is refused and changes nothing`(
    _ patch: StatePatch,
    _ message: String
  ) {
    var value = cart
    let error = #expect(throws: PatchError.self) { try value.apply(patch) }
    #expect(error?.description == message)
    #expect(value == cart)
  }

  @Test func `The inverse of an order that is none does not fit either`() {
    var value: Value = [1, 2]
    let patch = StatePatch(.reorder(order: [5, -1]), at: [])
    #expect(throws: PatchError.self) { try value.apply(patch.inverse) }
  }

  @Test func `Any run of patches is undone by the inverses in reverse`() throws {
    var total = 0
    for seed in 0..<150 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let before: Value = ["root": generator.value(), "list": [1, 2, 3]]
      var value = before
      var patches: [StatePatch] = []
      for _ in 0..<12 {
        let patch = generator.patch(for: value)
        try value.apply(patch)
        patches.append(patch)
      }
      let after = value
      for patch in patches.reversed() { try value.apply(patch.inverse) }
      #expect(value == before, "seed \(seed)")
      for patch in patches { try value.apply(patch) }
      #expect(value == after, "seed \(seed)")
      total += patches.filter { $0.operation != .set }.count
    }
    #expect(total > 100)
  }

  @Test func `A patch survives encoding`() throws {
    let patches: [StatePatch] = [
      StatePatch(.set, at: ["a", 1, "b c"], old: .null, new: 2),
      StatePatch(.set, at: ["a"], new: .null), StatePatch(.insert, at: ["a", 2], new: 0.5),
      StatePatch(.remove, at: ["a", .field(2)], old: ["x": []]),
      StatePatch(.reorder(order: [2, 1]), at: ["a"]),
    ]
    for patch in patches {
      let value = try ValueEncoder().encode(patch)
      #expect(try ValueDecoder().decode(StatePatch.self, from: value) == patch)
      #expect(try ValueDecoder().decode(StatePatch.self, from: Value(json: value.json())) == patch)
      let data = try JSONEncoder().encode(patch)
      #expect(try JSONDecoder().decode(StatePatch.self, from: data) == patch)
    }
    #expect(
      try ValueEncoder().encode(patches[0]) == [
        "operation": "set", "path": ["a", 1, "b c"], "old": .null, "new": 2,
      ]
    )
    #expect(throws: DecodingError.self) {
      try ValueDecoder().decode(StatePatch.self, from: ["operation": "jump", "path": []])
    }
  }
}

extension SeededGenerator {
  /// A patch that fits a value, somewhere in it.
  fileprivate mutating func patch(for value: Value) -> StatePatch {
    var path = StatePath()
    var place = value
    while true {
      let goesOn = Int.random(in: 0..<3, using: &self) > 0
      switch place {
      case .array(let elements):
        let index = Int.random(in: 0...elements.count, using: &self)
        let step = path.appending(.index(index + 1))
        guard index < elements.count else {
          return StatePatch(
            Bool.random(using: &self) ? .set : .insert,
            at: step,
            new: self.value(depth: 2)
          )
        }
        if goesOn {
          path = step
          place = elements[index]
          continue
        }
        switch Int.random(in: 0..<4, using: &self) {
        case 0: return StatePatch(.insert, at: step, new: self.value(depth: 2))
        case 1: return StatePatch(.remove, at: step, old: elements[index])
        case 2: return StatePatch(.set, at: step, old: elements[index], new: self.value(depth: 2))
        default:
          let order = Array(1...elements.count).shuffled(using: &self)
          return StatePatch(.reorder(order: order), at: path)
        }
      case .map(let pairs):
        guard goesOn || path.components.isEmpty,
          let key = pairs.keys.sorted().randomElement(using: &self)
        else {
          let key = self.key()
          return StatePatch(
            .set,
            at: path.appending(.field(key)),
            old: pairs[key],
            new: self.value(depth: 2)
          )
        }
        if goesOn {
          path = path.appending(.field(key))
          place = pairs[key] ?? .null
          continue
        }
        return StatePatch(.remove, at: path.appending(.field(key)), old: pairs[key])
      default:
        return StatePatch(.set, at: path, old: place, new: self.value(depth: 2))
      }
    }
  }
}
