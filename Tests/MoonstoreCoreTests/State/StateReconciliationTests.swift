import MoonValue
import MoonstoreCore
import TestSupport
import Testing

struct StateReconciliationTests {
  let system = StoreSystem()

  /// Fits a live state to a new default, and gives the state, what was done and what was in the way.
  private func fit(
    _ live: Value,
    old: Value?,
    new: Value
  ) throws -> (state: Value, StateReconciliation.Difference, conflicts: [String]) {
    let store = try system.define("store\(system.registry.count)", state: live)
    var fit = StateReconciliation(tree: system.tree)
    try system.turn {
      fit.compare(store.live.root, old: old, new: new)
      if fit.conflicts.isEmpty { try fit.write() }
    }
    return (
      store.live.root.value, fit.difference,
      fit.conflicts.map { "\($0.path): \($0.old) -> \($0.new)" }
    )
  }

  @Test func `What the new version adds comes, and what it lacks goes, at every depth`() throws {
    let (state, difference, conflicts) = try fit(
      ["a": 1, "gone": 2, "map": ["x": 1, "old": 2, "deep": ["p": 1]]],
      old: ["a": 0, "gone": 0, "map": ["x": 0, "old": 0, "deep": ["p": 0]]],
      new: ["a": 0, "new": "n", "map": ["x": 0, "deep": ["p": 0, "q": 5]]]
    )
    #expect(state == ["a": 1, "new": "n", "map": ["x": 1, "deep": ["p": 1, "q": 5]]])
    #expect(difference.added == ["map.deep.q", "new"])
    #expect(difference.removed == ["map.old", "gone"])
    #expect(difference.redefined == [])
    #expect(conflicts == [])
  }

  @Test func `Where the old default is not known, every value is somebody's`() throws {
    let (state, difference, _) = try fit(["a": 0, "b": 1], old: nil, new: ["a": 5])
    #expect(state == ["a": 0, "b": 1])
    #expect(difference.isEmpty)
  }

  @Test(
    arguments: [
      (1, 2.5, true), (1, "x", false), (1, true, false), ("x", .null, true), (.null, [1], true),
      ([1], .empty, true), (.empty, [1], true),
      ([:], [1], false), ([1], ["a": 1], false), (["a": 1], [1], false),
      ([1], "x", false), (["a": 1], .empty, true), ([], ["a": 1], false), (true, false, true),
      (.bytes([0xFF]), "x", true),
    ] as [(Value, Value, Bool)]
  )
  func `A value of another kind than the new default is in the way, unless it could stand there`(
    _ live: Value,
    _ new: Value,
    _ fits: Bool
  ) throws {
    let (state, _, conflicts) = try fit(
      ["part": ["value": live]],
      old: nil,
      new: ["part": ["value": new]]
    )
    #expect(conflicts.isEmpty == fits)
    if live == .empty {
      #expect(state == ["part": ["value": []]])
    } else if live.mapValue == nil || new.mapValue == nil {
      #expect(state == ["part": ["value": live]])
    }
    if !fits { #expect(conflicts.first?.hasPrefix("part.value: ") == true) }
  }

  @Test func `A value that has become something else than its default is not in the way`() throws {
    let (state, _, conflicts) = try fit(
      ["choice": ["id": 1]],
      old: ["choice": false],
      new: ["choice": true]
    )
    #expect(conflicts == [])
    #expect(state == ["choice": ["id": 1]])
  }

  @Test func `Parts keep their identity where they keep their place`() throws {
    let store = try system.define(
      "store",
      state: ["map": ["list": [["n": 1]], "x": 1], "other": ["y": 1]]
    )
    let map = try #require(try store.part("map"))
    let list = try #require(map.slots.compactMap(\.node).first)
    var fit = StateReconciliation(tree: system.tree)
    try system.turn {
      fit.compare(
        store.live.root,
        old: ["map": ["list": [], "x": 1], "other": ["y": 1]],
        new: ["map": ["list": [], "x": 2, "z": 3], "other": ["y": 2, "w": 1]]
      )
      try fit.write()
    }
    #expect(try store.part("map") === map)
    #expect(map.slots.compactMap(\.node).first === list)
    #expect(
      store.live.root.value == [
        "map": ["list": [["n": 1]], "x": 2, "z": 3], "other": ["y": 2, "w": 1],
      ]
    )
  }

  @Test func `Putting other data in leaves alone what is the same`() throws {
    let store = try system.define(
      "store",
      state: ["list": [1, 2], "map": ["a": 1, "b": [1]], "gone": 1]
    )
    let list = try #require(try store.part("list"))
    let map = try #require(try store.part("map"))
    try system.turn {
      try StateReconciliation(tree: system.tree)
        .put(["list": [1, 2], "map": ["a": 2, "b": [1]], "new": [3]], into: store.live.root)
    }
    #expect(store.live.root.value == ["list": [1, 2], "map": ["a": 2, "b": [1]], "new": [3]])
    #expect(try store.part("list") === list)
    #expect(try store.part("map") === map)
  }

  // MARK: At random

  /// The same rules over plain data.
  private func fields(_ live: Value, _ old: Value?, _ new: Value) -> Value {
    let (values, before, wanted) = (live.mapValue ?? [:], old?.mapValue ?? [:], new.mapValue ?? [:])
    var result: ValueMap = [:]
    for (key, value) in values {
      if let next = wanted[key] {
        result[key] = part(value, before[key], next)
      } else if before[key] == nil {
        result[key] = value
      }
    }
    for (key, next) in wanted where values[key] == nil && before[key] == nil { result[key] = next }
    return .map(result)
  }

  private func part(_ live: Value, _ old: Value?, _ new: Value) -> Value {
    if old == live { return new }
    guard live.mapValue != nil, new.mapValue?.isEmpty == false else { return live }
    return fields(live, old, new)
  }

  private func defaults(_ generator: inout SeededGenerator, depth: Int) -> Value {
    var pairs: ValueMap = [:]
    for name in ["a", "b", "c", "d", "e"] where generator.below(3) > 0 {
      switch generator.below(depth > 0 ? 6 : 4) {
      // Kinds go with names, so that nothing is in the way.
      case 0, 1: pairs[.string("n" + name)] = .integer(Int64(generator.below(3)))
      case 2: pairs[.string("t" + name)] = .string(["x", "y"][generator.below(2)])
      case 3:
        pairs[.string("l" + name)] = .array((0..<generator.below(3)).map { .integer(Int64($0)) })
      default: pairs[.string("m" + name)] = defaults(&generator, depth: depth - 1)
      }
    }
    return .map(pairs)
  }

  private func touched(_ value: Value, _ generator: inout SeededGenerator) -> Value {
    guard var pairs = value.mapValue else { return value }
    for key in pairs.keys.sorted() {
      switch (generator.below(6), pairs[key]) {
      case (0, _): pairs[key] = nil
      case (1, .integer): pairs[key] = .integer(Int64(10 + generator.below(5)))
      case (1, .string): pairs[key] = "touched"
      case (1, .array(let list)): pairs[key] = .array(list + [99])
      case (_, let inner?): pairs[key] = touched(inner, &generator)
      default: break
      }
    }
    if generator.below(3) == 0 { pairs["extra"] = .integer(Int64(generator.below(9))) }
    return .map(pairs)
  }

  @Test(arguments: UInt64(1)...20)
  func `Random states are fitted as a model says, and an undone fit leaves no trace`(
    _ seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<50 {
      let old = defaults(&generator, depth: 3)
      let new = generator.below(8) == 0 ? old : defaults(&generator, depth: 3)
      let live = touched(old, &generator)
      let store = try system.define("s\(round)", state: live)
      let before = store.live.root.value
      var fit = StateReconciliation(tree: system.tree)
      fit.compare(store.live.root, old: old, new: new)
      #expect(fit.conflicts.isEmpty)
      _ = failure {
        try system.turn {
          try fit.write()
          throw Refusal(reason: "on purpose")
        }
      }
      #expect(store.live.root.value == before)
      try system.turn { try fit.write() }
      #expect(store.live.root.value == fields(before, old, new))
    }
  }
}
