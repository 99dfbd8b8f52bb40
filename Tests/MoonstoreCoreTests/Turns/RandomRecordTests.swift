import MoonValue
import MoonstoreCore
import TestSupport
import Testing

/// Whatever a system does, another one that applies its commits, or a snapshot and the commits after it, becomes the
/// same, to the order of keys and the places of removed ones.
@Suite struct RandomRecordTests {
  @Test(
    "A system that applies the commits of another becomes the same, byte for byte",
    arguments: 1...40 as ClosedRange<UInt64>
  )
  func mirror(seed: UInt64) throws {
    var writer = RandomWriter(seed: seed)
    let system = StoreSystem()
    let observer = RecordingObserver()
    _ = system.observe(observer)
    let ids = ["a", "b", "c"]
    for id in ids { try system.define(id, state: RandomWriter.initial) }
    // Watchers and subscribers write as well.
    let watcher = Effect(in: system.graph) {
      let a = try system.store("a")
      let b = try system.store("b")
      guard let number = try? a.get("number").integerValue else { return }
      if (try? b.get("watched")) != .integer(number) { try b.set("watched", .integer(number)) }
    }
    defer { watcher.dispose() }
    _ = try system.store("b").subscribe { change in
      guard change.patches.contains(where: { $0.path.description.hasPrefix("b.watched") }) else {
        return
      }
      let c = try system.store("c")
      try c.set("heard", .integer(Int64(change.patches.count)))
    }

    let mirror = StoreSystem()
    for id in ids { try mirror.define(id, state: ["other": true]) }
    for commit in observer.commits { try mirror.apply(commit) }
    var restored: StoreSystem?
    for step in 0..<60 {
      let told = observer.commits.count
      try turn(in: system, &writer, ids)
      for commit in observer.commits[told...] {
        let copy = try ValueDecoder().decode(
          CommitRecord.self,
          from: try ValueEncoder().encode(commit)
        )
        try mirror.apply(step.isMultiple(of: 2) ? commit : copy)
        try restored?.apply(commit)
      }
      if told == 0 || observer.commits.count == told { continue }
      let now = try system.snapshot()
      try expectSame(try mirror.snapshot(), now, "a mirror at step \(step)")
      if let restored {
        try expectSame(try restored.snapshot(), now, "a restored system at step \(step)")
      }
      if writer.generator.below(12) == 0 {
        let fresh = StoreSystem()
        for id in ids { try fresh.define(id, state: [:]) }
        try fresh.restore(now)
        #expect(try fresh.snapshot().stores == now.stores)
        #expect(fresh.commitNumber == system.commitNumber)
        #expect(fresh.nextID("x") == system.nextID("x"))
        restored = fresh
      }
    }
  }

  private func expectSame(_ one: SystemSnapshot, _ other: SystemSnapshot, _ what: String) throws {
    for (one, other) in zip(one.stores, other.stores) {
      try #require(
        one == other,
        "\(what) has \(one.debugDescription), and not \(other.debugDescription)"
      )
    }
  }

  /// One turn of several writes, of which parts may fail, with a commit in its middle now and then.
  private func turn(
    in system: StoreSystem,
    _ writer: inout RandomWriter,
    _ ids: [String]
  ) throws {
    var copy = writer
    _ = failure {
      try system.turn {
        for _ in 0...copy.generator.below(5) {
          let store = try system.store(ids[copy.generator.below(ids.count)])
          _ = failure {
            try system.turn {
              try copy.write(to: store)
              if copy.generator.below(6) == 0 { throw Refusal(reason: "a part fails") }
            }
          }
          if copy.generator.below(9) == 0 { try system.commit() }
        }
        if copy.generator.below(6) == 0 { throw Refusal(reason: "the whole fails") }
      }
    }
    writer = copy
  }

  @Test(
    "A damaged image is refused, and nothing has changed",
    arguments: 1...20 as ClosedRange<UInt64>
  )
  func damage(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let system = StoreSystem()
    try system.define("a", state: RandomWriter.initial)
    let good = try system.snapshot()
    let image = try #require(good.stores.first)
    for _ in 0..<200 {
      var bytes = image.state
      switch random.below(3) {
      case 0: bytes.removeLast(1 + random.below(bytes.count - 1))
      case 1: bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
      default: bytes.insert(UInt8(random.below(256)), at: random.below(bytes.count))
      }
      let broken = StoreImage(id: "a", version: 1, state: bytes, hidden: nil)
      // It may still be an image, of another state; it must not trap, and a refusal changes nothing.
      do {
        _ = try broken.value
      } catch {
        #expect(error.code == .unreadable)
        let snapshot = SystemSnapshot(
          commit: 9,
          stores: [broken],
          ids: [:],
          random: 0,
          messages: 0,
          events: 0
        )
        #expect(failure { try system.restore(snapshot) }?.code == .unreadable)
        #expect(try system.snapshot().stores == good.stores)
      }
    }
  }

  @Test("Readers of restored state look again, and parts that scripts hold are gone")
  func readers() throws {
    let system = StoreSystem()
    let store = try system.define(
      StoreDefinition(
        "s",
        state: ["list": [1, 2], "n": 1],
        getters: ["sum": { store in .integer(Int64(try store.get("list").arrayValue?.count ?? 0)) }]
      )
    )
    let before = try system.snapshot()
    var seen: [Value] = []
    let watcher = Effect(in: system.graph) { seen.append(try store.get("sum")) }
    defer { watcher.dispose() }
    try store.set("list", [1, 2, 3])
    #expect(seen == [2, 3])
    try system.restore(before)
    #expect(seen == [2, 3, 2])
    #expect(try store.get("sum") == 2)
    #expect(failure { try system.turn { _ = try system.snapshot() } }?.code == .busy)
  }
}
