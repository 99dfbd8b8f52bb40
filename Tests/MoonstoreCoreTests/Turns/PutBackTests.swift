import MoonValue
import MoonstoreCore
import TestSupport
import Testing

/// What has the value again that its readers saw has not changed for them.
struct PutBackTests {
  private let system = StoreSystem()
  private let log = RunLog()

  private func makeStore() throws -> Store {
    try system.define(
      StoreDefinition(
        "store",
        state: ["a": 0, "b": 0, "list": [1, 2]],
        getters: [
          "double": { [log] store in
            log.add("double")
            return .integer(try store.integer("a") * 2)
          },
          "sum": { [log] store in
            log.add("sum")
            return .integer(try store.integer("double") + store.integer("b"))
          },
          "first": { [log] store in
            log.add("first")
            return try store.get("list")
          },
        ]
      )
    )
  }

  @Test func `A getter is not evaluated after a turn that put its source back`() throws {
    let store = try makeStore()
    #expect(try store.get("sum") == 0)
    #expect(try store.get("first") == [1, 2])
    _ = log.take()
    try system.turn {
      try store.set("a", 5)
      try store.set("list[1]", 7)
      try store.set("a", 0)
      try store.set("list[1]", 1)
    }
    #expect(try store.get("sum") == 0)
    #expect(try store.get("first") == [1, 2])
    #expect(log.take() == [])
    try store.set("a", 1)
    try store.set("a", 0)
    #expect(try store.get("sum") == 0)
    #expect(log.take() == [])
  }

  @Test func `A getter that was read in between is evaluated for both values`() throws {
    let store = try makeStore()
    _ = try store.get("sum")
    _ = log.take()
    try system.turn {
      try store.set("a", 5)
      #expect(try store.get("sum") == 10)
      try store.set("a", 0)
    }
    #expect(try store.get("sum") == 0)
    #expect(log.take() == ["double", "sum", "double", "sum"])
  }

  @Test func `An effect does not run for a turn that put its source back`() throws {
    let store = try makeStore()
    let effect = Effect(in: system.graph) { [log] in log.add("\(try store.get("a"))") }
    _ = log.take()
    try system.turn {
      try store.set("a", 5)
      try store.set("a", 0)
    }
    #expect(log.take() == [])
    try store.set("a", 1)
    #expect(log.take() == ["1"])
    effect.dispose()
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `Random programs evaluate for values that differ, and see what there is`(seed: UInt64) throws
  {
    var numbers = SeededGenerator(seed: seed)
    let names = ["a", "b", "c", "d"]
    // Each getter sums some fields, those behind a field that is 0 left out.
    let shapes = (0..<6).map { _ in names.filter { _ in Bool.random(using: &numbers) } }
    let evaluations = RunLog()
    var getters: [String: (Store) throws -> Value] = [:]
    for (index, shape) in shapes.enumerated() {
      getters["g\(index)"] = { store in
        evaluations.add("g\(index)")
        var sum: Int64 = 0
        for name in shape {
          let value = try store.integer(name)
          sum += value
          if value == 0 { break }
        }
        return .integer(sum)
      }
    }
    let system = StoreSystem()
    let store = try system.define(
      StoreDefinition("random", state: ["a": 0, "b": 0, "c": 0, "d": 0], getters: getters)
    )
    var model = Dictionary(uniqueKeysWithValues: names.map { ($0, Int64(0)) })
    var seen: [Int: [String: Int64]] = [:]
    // Getters that nothing has read a getter after, since they were evaluated or confirmed.
    var undisturbed: Set<Int> = []

    func read(_ index: Int) throws {
      var expected: Int64 = 0
      var sources: [String: Int64] = [:]
      for name in shapes[index] {
        sources[name] = model[name]
        expected += model[name] ?? 0
        if model[name] == 0 { break }
      }
      #expect(try store.get("g\(index)") == .integer(expected))
      let runs = evaluations.take()
      #expect(runs.allSatisfy { $0 == "g\(index)" } && runs.count <= 1)
      let differs = seen[index].map { old in old.contains { model[$0.key] != $0.value } } ?? true
      // One that has seen other values must look again; one that has seen these need not, unless another getter
      // has looked at a value in between.
      if differs { #expect(runs.count == 1) }
      if !differs, undisturbed.contains(index) { #expect(runs.isEmpty) }
      seen[index] = sources
      undisturbed = [index]
    }

    func write(_ count: Int) throws {
      for _ in 0..<count {
        guard let name = names.randomElement(using: &numbers) else { return }
        let value = Int64.random(in: 0...2, using: &numbers)
        try store.set(name, .integer(value))
        model[name] = value
      }
    }

    for _ in 0..<300 {
      switch Int.random(in: 0..<5, using: &numbers) {
      case 0: try write(1)
      case 1: try system.turn { try write(4) }
      case 2:
        let before = model
        _ = failure {
          try system.turn {
            try write(3)
            throw Refusal(reason: "no")
          }
        }
        model = before
      case 3:
        try system.turn {
          try write(2)
          try read(Int.random(in: 0..<6, using: &numbers))
          try write(2)
        }
      default: try read(Int.random(in: 0..<6, using: &numbers))
      }
    }
  }
}
