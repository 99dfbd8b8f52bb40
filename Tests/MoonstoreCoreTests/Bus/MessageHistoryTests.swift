import MoonValue
import MoonstoreCore
import Testing

struct MessageHistoryTests {
  let system = StoreSystem()

  private var recent: [String] { system.bus.recentMessages().map(\.type) }

  @Test func `The last messages come newest first, as many as asked for`() throws {
    for number in 1...30 { try system.send("m\(number)") }
    #expect(system.bus.recentMessages(3).map(\.type) == ["m30", "m29", "m28"])
    #expect(system.bus.recentMessages().count == 20)
    #expect(system.bus.recentMessages(100).count == 30)
  }

  @Test func `The history is bounded and tells how many it has dropped`() throws {
    system.limits.messageHistory = 5
    for number in 1...12 { try system.send("m\(number)") }
    #expect(recent == ["m12", "m11", "m10", "m9", "m8"])
    #expect(system.bus.droppedCount == 7)
    #expect(system.bus.messageCount == 5)
    #expect(system.bus.sentCount == 12)
    #expect(system.bus.unhandledCount == 12)
    #expect(system.bus.unhandledMessages.count == 5)
  }

  @Test func `A message that the history has dropped is let go of`() throws {
    system.limits.messageHistory = 2
    final class Seen { weak var first: Message? }
    let seen = Seen()
    let subscription = try system.subscribe("m") { message in
      if seen.first == nil, message.sequence == 1 { seen.first = message }
    }
    for _ in 1...2 { try system.send("m") }
    #expect(seen.first != nil)
    for _ in 1...3 { try system.send("m") }
    #expect(seen.first == nil)
    subscription.cancel()
  }

  @Test func `A history of nothing keeps nothing`() throws {
    system.limits.messageHistory = 0
    try system.send("one")
    #expect(recent == [])
    #expect(system.bus.droppedCount == 1)
  }

  @Test func `A message that was never delivered is not in the history`() throws {
    system.limits.messageHistory = 3
    for number in 1...5 { try system.send("m\(number)") }
    _ = try system.answer("ask") { _ in 1 }
    let unhandled = system.bus.unhandledCount
    _ = failure {
      try system.turn {
        try system.send("nobody")
        _ = try system.request("ask")
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(recent == ["m5", "m4", "m3"])
    #expect(system.bus.droppedCount == 2)
    #expect(system.bus.unhandledCount == unhandled)
  }

  @Test func `A message that is delivered again is in the history once`() throws {
    _ = try system.answer("ask") { _ in 1 }
    try system.turn {
      try system.send("before")
      _ = failure {
        try system.turn {
          _ = try system.request("ask")
          throw Refusal(reason: "inner")
        }
      }
    }
    #expect(recent == ["before"])
    #expect(system.bus.unhandledCount == 1)
  }

  @Test func `Who reads how many were sent follows it, and an effect that sends does not`() throws {
    var runs = 0
    let signal = Signal(0, in: system.graph)
    let count = Computed(in: system.graph) { [system] in system.bus.sentCount }
    #expect(try count.value == 0)
    var effect: Effect?
    try system.turn {
      effect = Effect(in: system.graph) { [system] in
        runs += 1
        _ = signal.value
        try system.send("note")
      }
    }
    #expect(runs == 1)
    #expect(try count.value == 1)
    signal.value = 1
    try system.turn {}
    #expect(runs == 2)
    #expect(try count.value == 2)
    effect?.dispose()
  }
}
