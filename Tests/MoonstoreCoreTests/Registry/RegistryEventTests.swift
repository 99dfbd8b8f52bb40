import MoonValue
import MoonstoreCore
import Testing

struct RegistryEventTests {
  let system = StoreSystem()
  let log = RunLog()

  @Test func `Coming and going are events, numbered from 1, oldest first`() throws {
    struct Noon: HostClock {
      let now = 43_200.0
    }
    system.clock = Noon()
    try system.defineCounter("a")
    try system.defineCounter("b")
    try system.registry.unregister("a")
    let events = system.registry.recentEvents()
    #expect(events.map(\.sequence) == [1, 2, 3])
    #expect(events.map(\.target) == ["a", "b", "a"])
    #expect(events.map(\.type) == ["store:registered", "store:registered", "store:unregistered"])
    #expect(events.allSatisfy { $0.timestamp == 43_200 })
  }

  @Test func `What was refused is no event`() throws {
    try system.defineCounter()
    _ = failure { try system.defineCounter() }
    #expect(system.registry.recentEvents().count == 1)
  }

  @Test func `Events are bounded, and their numbers show the gap`() throws {
    system.limits.eventHistory = 4
    for number in 1...10 { try system.defineCounter("s\(number)") }
    #expect(system.registry.recentEvents(100).map(\.sequence) == [7, 8, 9, 10])
    #expect(system.registry.recentEvents(2).map(\.sequence) == [9, 10])
  }

  @Test func `A listener that removes itself does not hide the next one`() throws {
    var own: Subscription?
    own = system.registry.onEvent { [log] _ in
      log.add("first")
      own?.cancel()
    }
    let second = system.registry.onEvent { [log] event in log.add("second \(event.target ?? "")") }
    try system.defineCounter("a")
    try system.defineCounter("b")
    #expect(log.entries == ["first", "second a", "second b"])
    second.cancel()
    second.cancel()
    try system.defineCounter("c")
    #expect(log.entries.count == 3)
  }

  @Test func `A listener that is removed by another is passed over`() throws {
    var second: Subscription?
    let first = system.registry.onEvent { [log] _ in
      log.add("first")
      second?.cancel()
    }
    second = system.registry.onEvent { [log] _ in log.add("second") }
    try system.defineCounter()
    #expect(log.entries == ["first"])
    first.cancel()
  }

  @Test func `A listener sees the store that has come`() throws {
    let listener = system.registry.onEvent { [system, log] event in
      log.add("\(system.registry.has(event.target ?? ""))")
    }
    try system.defineCounter()
    try system.registry.unregister("counter")
    #expect(log.entries == ["true", "false"])
    listener.cancel()
  }
}
