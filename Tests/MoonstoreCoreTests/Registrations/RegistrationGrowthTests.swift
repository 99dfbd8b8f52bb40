import Foundation
import MoonValue
import MoonstoreCore
import Testing

/// Registering, ending and undoing cost in proportion to what is done: eight times as much work may take some eight
/// times as long, and not sixty-four times.
struct RegistrationGrowthTests {
  private struct Undone: Error {}

  /// The time that this thread has computed, so that what else runs does not count.
  private static var computed: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func expectGrowth(
    _ what: String,
    from small: Int = 2_000,
    _ work: (_ count: Int) throws -> Void
  ) rethrows {
    func seconds(_ count: Int) throws -> Double {
      let start = RegistrationGrowthTests.computed
      try work(count)
      return RegistrationGrowthTests.computed - start
    }
    _ = try seconds(small / 10)
    // The best of three, since a first run pays for memory.
    let few = try min(seconds(small), seconds(small), seconds(small))
    let many = try seconds(small * 8)
    #expect(many < few * 32, "\(what): \(few) s for \(small), \(many) s for \(small * 8)")
  }

  /// Every way to register something in a store system.
  private static var kinds: [(name: String, add: (StoreSystem, Int) throws -> Subscription)] {
    [
      ("handlers of one type", { system, _ in try system.subscribe("type") { _ in } }),
      (
        "handlers of many types",
        { system, index in try system.subscribe("type-\(index)") { _ in } }
      ),
      ("handlers of all types", { system, _ in try system.subscribe("*") { _ in } }),
      (
        "responders", { system, index in try system.answer("type-\(index)") { _ in .null } }
      ),
      ("message middleware", { system, _ in system.bus.use(MessageMiddleware { _ in true }) }),
      ("listeners of one type", { system, _ in system.registry.onEvent("type") { _ in } }),
      ("listeners of many", { system, index in system.registry.onEvent("type-\(index)") { _ in } }),
      ("subscribers", { system, _ in try system.store("store").subscribe { _ in } }),
      ("hooks", { system, _ in try system.store("store").onAction(ActionMiddleware()) }),
      ("action middleware", { system, _ in system.use(ActionMiddleware()) }),
      ("plugins", { system, _ in system.use(plugin: StorePlugin("plugin") { _ in nil }) }),
    ]
  }

  @Test(arguments: RegistrationGrowthTests.kinds.indices)
  func `Registrations are added and ended in proportion, also by turns that fail`(kind: Int) throws
  {
    let (name, add) = RegistrationGrowthTests.kinds[kind]
    func world() throws -> StoreSystem {
      let system = StoreSystem()
      try system.define(StoreDefinition("store", state: ["n": 0]))
      return system
    }
    try expectGrowth("\(name), ended one by one") { count in
      let system = try world()
      let all = try (0..<count).map { try add(system, $0) }
      for each in all { each.cancel() }
    }
    try expectGrowth("\(name), ended from the end") { count in
      let system = try world()
      let all = try (0..<count).map { try add(system, $0) }
      for each in all.reversed() { each.cancel() }
    }
    try expectGrowth("\(name), registered in a turn that fails") { count in
      let system = try world()
      try? system.turn {
        for index in 0..<count { _ = try add(system, index) }
        throw Undone()
      }
    }
    try expectGrowth("\(name), ended in a turn that fails") { count in
      let system = try world()
      let all = try (0..<count).map { try add(system, $0) }
      try? system.turn {
        for each in all { each.cancel() }
        throw Undone()
      }
      #expect(all.allSatisfy { $0.isActive })
    }
  }

  @Test func `Messages and events are delivered and undone in proportion`() throws {
    try expectGrowth("events that are told") { count in
      let system = StoreSystem()
      system.limits.deliveriesPerTurn = .max
      var heard = 0
      let listening = system.registry.onEvent("beat") { _ in heard += 1 }
      try system.turn {
        for _ in 0..<count { try system.registry.emit("beat", .null, source: "test", target: nil) }
      }
      #expect(heard == count)
      listening.cancel()
    }
    expectGrowth("events of a turn that fails") { count in
      let system = StoreSystem()
      try? system.turn {
        for _ in 0..<count { try system.registry.emit("beat", .null, source: "test", target: nil) }
        throw Undone()
      }
      #expect(system.registry.recentEvents().isEmpty)
    }
    try expectGrowth("messages before an answer") { count in
      let system = StoreSystem()
      system.limits.deliveriesPerTurn = .max
      let answering = try system.answer("ask") { _ in 42 }
      try system.turn {
        for _ in 0..<count { try system.send("type") }
        let answer = try system.request("ask")
        #expect(answer == 42)
      }
      answering.cancel()
    }
    try expectGrowth("deliveries that are undone") { count in
      let system = StoreSystem()
      system.limits.deliveriesPerTurn = .max
      let answering = try system.answer("ask") { _ in 42 }
      try? system.turn {
        for _ in 0..<count { try system.send("type") }
        _ = try system.request("ask")
        throw Undone()
      }
      #expect(system.bus.messageCount == 0)
      answering.cancel()
    }
  }
}
