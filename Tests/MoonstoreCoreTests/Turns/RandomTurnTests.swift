import MoonValue
import MoonstoreCore
import TestSupport
import Testing

/// Random turns against what must hold after each of them.
struct RandomTurnTests {
  private struct Snapshot: Equatable {
    let states: [Value]
    let keys: [[Value.Key]]
    let totals: [Value]

    init(_ stores: [Store]) throws {
      states = try stores.map { try $0.state }
      keys = try stores.map { try $0.keys() }
      totals = try stores.map { try $0.get("everything") }
    }
  }

  private func makeStore(_ id: String, in system: StoreSystem) throws -> Store {
    try system.define(
      StoreDefinition(
        id,
        state: RandomWriter.initial,
        getters: ["everything": { try $0.state }]
      )
    )
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `The patches of a turn lead from the old state to the new one and back`(seed: UInt64) throws
  {
    let system = StoreSystem()
    let store = try makeStore("random", in: system)
    var writer = RandomWriter(seed: seed)
    var change: StoreChange?
    let subscription = try store.subscribe { change = $0 }
    for _ in 0..<30 {
      let before = try store.state
      change = nil
      try system.turn {
        for _ in 0...writer.generator.below(10) { try writer.write(to: store) }
      }
      let after = try store.state
      guard let change else {
        try #require(before == after)
        continue
      }
      var copy: Value = .map(["random": before])
      for patch in change.patches { try copy.apply(patch) }
      try #require(copy["random"] == after)
      for patch in change.patches.reversed() { try copy.apply(patch.inverse) }
      try #require(copy["random"] == before)
    }
    subscription.cancel()
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `A turn that fails leaves states, orders of keys and getters as they were`(
    seed: UInt64
  ) throws {
    let system = StoreSystem()
    let stores = try ["one", "two"].map { try makeStore($0, in: system) }
    var writer = RandomWriter(seed: seed)
    for round in 0..<40 {
      let before = try Snapshot(stores)
      let fails = round % 2 == 0
      let error = failure {
        try system.turn {
          for _ in 0...writer.generator.below(12) {
            try writer.write(to: stores[writer.generator.below(2)])
            if writer.generator.below(4) == 0 { _ = try stores[0].get("everything") }
          }
          if fails { throw Refusal(reason: "on purpose") }
        }
      }
      try #require((error != nil) == fails)
      let after = try Snapshot(stores)
      if fails { try #require(after == before) }
      for store in stores {
        let state = try store.state
        try #require(try store.get("everything") == state)
      }
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `Inner parts that fail undo exactly what they did`(seed: UInt64) throws {
    let system = StoreSystem()
    let stores = try ["one", "two"].map { try makeStore($0, in: system) }
    var writer = RandomWriter(seed: seed)

    func work(depth: Int) throws {
      for _ in 0...writer.generator.below(4) {
        if depth < 4, writer.generator.below(3) == 0 {
          let before = try Snapshot(stores)
          let inner = failure {
            try system.turn {
              try work(depth: depth + 1)
              if writer.generator.below(2) == 0 { throw Refusal(reason: "inner") }
            }
          }
          if inner != nil { try #require(try Snapshot(stores) == before) }
        } else {
          try writer.write(to: stores[writer.generator.below(2)])
        }
      }
    }

    for _ in 0..<15 {
      let before = try Snapshot(stores)
      let fails = writer.generator.below(2) == 0
      let error = failure {
        try system.turn {
          try work(depth: 0)
          if fails { throw Refusal(reason: "outer") }
        }
      }
      try #require((error != nil) == fails)
      if fails { try #require(try Snapshot(stores) == before) }
    }
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func `State can be written and read after any turn that failed`(seed: UInt64) throws {
    let system = StoreSystem()
    let store = try makeStore("random", in: system)
    let twin = try makeStore("twin", in: StoreSystem())
    var writer = RandomWriter(seed: seed)
    for _ in 0..<40 {
      _ = failure {
        try system.turn {
          for _ in 0...writer.generator.below(8) { try writer.write(to: store) }
          throw Refusal(reason: "on purpose")
        }
      }
      var same = writer
      try system.turn { try writer.write(to: store) }
      try twin.live.system.turn { try same.write(to: twin) }
      let (state, other) = (try store.state, try twin.state)
      try #require(state == other)
    }
  }
}
