import MoonValue
import MoonstoreCore
import TestSupport
import Testing

/// Effects do not run for what was undone, and do for all else.
struct UndoneMarkTests {
  let system = StoreSystem()
  let log = RunLog()

  private func pair() throws -> Store {
    try system.define(
      StoreDefinition(
        "pair",
        state: ["a": 0, "b": 0, "list": [1]],
        getters: [
          "sum": { .integer(try $0.integer("a") + $0.integer("b")) },
          "copy": { try $0.get("list") },
        ]
      )
    )
  }

  private func watch(_ store: Store, _ names: String...) -> Effect {
    Effect(in: system.graph) { [log] in
      log.add(try names.map { "\(try store.get($0))" }.joined(separator: " "))
    }
  }

  private func fail(_ body: () throws -> Void) {
    _ = failure {
      try system.turn {
        try body()
        throw Refusal(reason: "no")
      }
    }
  }

  @Test(arguments: ["a", "list", "sum", "copy"])
  func `An effect does not run for a turn that failed, even if others read it meanwhile`(
    name: String
  ) throws {
    let store = try pair()
    let effect = watch(store, name)
    _ = log.take()
    for _ in 0..<3 {
      fail {
        try store.set("a", 5)
        try store.set("list[2]", 7)
        _ = try store.get("sum")
        _ = try store.get("copy")
      }
    }
    #expect(log.take() == [])
    try store.set("b", 1)
    try store.set("a", 1)
    try store.set("list[1]", 9)
    #expect(log.take().count == (name == "sum" ? 2 : 1))
    effect.dispose()
  }

  @Test func `An effect runs for what a turn kept beside what it undid`() throws {
    let store = try pair()
    let effect = watch(store, "a", "b")
    _ = log.take()
    try system.turn {
      try store.set("a", 1)
      _ = failure {
        try system.turn {
          try store.set("b", 9)
          throw Refusal(reason: "inner")
        }
      }
    }
    #expect(log.take() == ["1 0"])
    try system.turn {
      _ = failure {
        try system.turn {
          try store.set("b", 9)
          throw Refusal(reason: "inner")
        }
      }
      try store.set("b", 2)
    }
    #expect(log.take() == ["1 2"])
    effect.dispose()
  }

  @Test func `An effect runs for what was committed before the turn failed`() throws {
    let store = try pair()
    let effect = watch(store, "a", "sum")
    _ = log.take()
    fail {
      try store.set("a", 1)
      try system.commit()
      try store.set("a", 2)
      try store.set("b", 2)
    }
    #expect(log.take() == ["1 1"])
    effect.dispose()
  }

  @Test func `An effect that was made in the turn that failed sees the state without it`() throws {
    let store = try pair()
    var effect: Effect?
    fail {
      try store.set("a", 5)
      effect = watch(store, "a", "sum")
      try store.set("a", 6)
    }
    #expect(log.take() == ["5 5", "0 0"])
    try store.set("a", 1)
    #expect(log.take() == ["1 1"])
    effect?.dispose()
  }

  @Test func `A signal that was set in a turn that failed stays set, and is heard of`() throws {
    let store = try pair()
    let signal = Signal(1, in: system.graph)
    let effect = Effect(in: system.graph) { [log] in
      log.add("\(try store.get("a")) \(signal.value)")
    }
    _ = log.take()
    fail {
      try store.set("a", 5)
      signal.value = 2
    }
    #expect(log.take() == ["0 2"])
    fail { signal.mutate { $0 = 3 } }
    #expect(log.take() == ["0 3"])
    fail { try store.set("a", 5) }
    #expect(log.take() == [])
    effect.dispose()
  }

  @Test func `An effect that fails half-way is undone, and the others keep what they saw`() throws {
    let store = try pair()
    let copy = try system.define("copy", state: ["a": 0])
    let first = Effect(in: system.graph) { [system] in
      let a = try store.get("a")
      _ = failure {
        try system.turn {
          try copy.set("a", 99)
          throw Refusal(reason: "in the effect")
        }
      }
      try copy.set("a", a)
    }
    let second = watch(copy, "a")
    _ = log.take()
    try store.set("a", 1)
    #expect(log.take() == ["1"])
    first.dispose()
    second.dispose()
  }

  @Test
  func `Random turns that fail leave every effect as it was, and those that do not are heard`()
    throws
  {
    var random = SeededGenerator(seed: 7)
    let store = try system.define(
      StoreDefinition(
        "s",
        state: ["x0": 0, "x1": 0, "x2": 0],
        getters: [
          "even": { .bool(try $0.integer("x0") % 2 == 0) },
          "total": { .integer(try $0.integer("x0") + $0.integer("x1") + $0.integer("x2")) },
        ]
      )
    )
    let names = ["x0", "x1", "x2", "even", "total"]
    var seen: [String: Value] = [:]
    var runs = 0
    let effects = names.map { name in
      Effect(in: system.graph) {
        seen[name] = try store.get(name)
        runs += 1
      }
    }
    for _ in 0..<400 {
      let fails = random.below(2) == 0
      let before = runs
      _ = failure {
        try system.turn {
          for _ in 0..<(1 + random.below(4)) {
            let inner = random.below(3) == 0
            _ = failure {
              try system.turn {
                try store.set("x\(random.below(3))", .integer(Int64(random.below(3))))
                if random.below(2) == 0 { _ = try store.get("total") }
                if inner { throw Refusal(reason: "inner") }
              }
            }
            if random.below(3) == 0 { _ = try store.get("even") }
          }
          if fails { throw Refusal(reason: "outer") }
        }
      }
      if fails { #expect(runs == before) }
      for name in names { #expect(try store.get(name) == seen[name]) }
    }
    for effect in effects { effect.dispose() }
  }
}

extension UndoneMarkTests {
  @Test func `An effect that outlives its world still follows its signals`() {
    var effect: Effect?
    let runs = RunLog()
    let signal: Signal<Int>
    do {
      let system = StoreSystem()
      let made = Signal(1, in: system.graph)
      system.graph.holdsEffects = false
      effect = Effect(in: system.graph) { runs.add("\(made.value)") }
      signal = made
    }
    signal.value = 2
    #expect(runs.take() == ["1", "2"])
    effect?.dispose()
  }
}
