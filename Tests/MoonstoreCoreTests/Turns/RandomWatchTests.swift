import MoonValue
import MoonstoreCore
import TestSupport
import Testing

/// Random programs of getters, watchers, writes, failed turns and disposals, against a model that computes everything
/// anew.
struct RandomWatchTests {
  private static let fields = (0..<5).map { "f\($0)" }

  /// A getter is the sum of some fields and of getters before it, by a modulus, so that its value often stays.
  private struct Formula {
    let fields: [String]
    let getters: [String]
    let modulus: Int64

    init(_ number: Int, _ random: inout SeededGenerator) {
      fields = (0..<2).map { _ in RandomWatchTests.fields[random.below(5)] }
      getters = number == 0 ? [] : (0..<random.below(3)).map { _ in "g\(random.below(number))" }
      modulus = Int64(2 + random.below(5))
    }

    func value(_ read: (String) throws -> Int64) rethrows -> Int64 {
      var sum: Int64 = 0
      for name in fields + getters { sum += try read(name) }
      return sum % modulus
    }
  }

  private final class Heard {
    var values: [Int64] = []
  }

  @Test(arguments: 1...40)
  func `Getters are never stale, and watchers hear each settled difference once`(seed: UInt64)
    throws
  {
    var random = SeededGenerator(seed: seed)
    let system = StoreSystem()
    let formulas = (0..<6).map { Formula($0, &random) }
    var definition = StoreDefinition(
      "s",
      state: .map(ValueMap(Self.fields.map { (.string($0), .integer(0)) }))
    )
    for (number, formula) in formulas.enumerated() {
      definition.getters["g\(number)"] = { store in
        .integer(try formula.value { try store.integer($0) })
      }
    }
    let store = try system.define(definition)
    var model = Dictionary(uniqueKeysWithValues: Self.fields.map { ($0, Int64(0)) })

    func expected(_ name: String) -> Int64 {
      if let field = model[name] { return field }
      let formula = formulas[Int(name.dropFirst()) ?? 0]
      return formula.value(expected)
    }

    var watchers: [(name: String, effect: Effect, heard: Heard)] = []
    func watch(_ name: String) throws {
      let heard = Heard()
      let effect = Effect(in: system.graph) {
        let value = try store.integer(name)
        if heard.values.last != value { heard.values.append(value) }
      }
      watchers.append((name, effect, heard))
    }
    for number in 0..<6 { try watch("g\(number)") }

    for _ in 0..<120 {
      let before = watchers.map { $0.heard.values.count }
      let old = watchers.map { expected($0.name) }
      let fails = random.below(4) == 0
      let kept = model
      _ = failure {
        try system.turn {
          for _ in 0..<(1 + random.below(4)) {
            let name = Self.fields[random.below(5)]
            let value = Int64(random.below(6))
            try store.set(name, .integer(value))
            model[name] = value
            let getter = "g\(random.below(6))"
            #expect(try store.integer(getter) == expected(getter), "within a turn, seed \(seed)")
            guard random.below(3) == 0 else { continue }
            let inner = model
            _ = failure {
              try system.turn {
                try store.set(name, .integer(value + 1))
                throw Refusal(reason: "a part")
              }
            }
            model = inner
          }
          if fails { throw Refusal(reason: "all") }
        }
      }
      if fails { model = kept }
      for (index, watcher) in watchers.enumerated() where index < before.count {
        let value = expected(watcher.name)
        let heard = Array(watcher.heard.values[before[index]...])
        #expect(
          heard == (value == old[index] ? [] : [value]),
          "a watcher of \(watcher.name), seed \(seed)"
        )
      }
      for number in 0..<6 {
        #expect(
          try store.integer("g\(number)") == expected("g\(number)"),
          "g\(number), seed \(seed)"
        )
      }
      switch random.below(6) {
      case 0 where watchers.count > 3:
        watchers.remove(at: random.below(watchers.count)).effect.dispose()
      case 1: try watch("g\(random.below(6))")
      default: break
      }
    }
    for watcher in watchers { watcher.effect.dispose() }
  }
}
