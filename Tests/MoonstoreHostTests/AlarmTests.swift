import Testing

@testable import MoonstoreHost

@Suite struct AlarmTests {
  @Test func `Those who sleep wake in the order of their times`() async throws {
    let alarm = Alarm()
    let woken = await withTaskGroup(of: Int.self) { group in
      for (number, seconds) in [(2, 0.08), (1, 0.02), (3, 0.14)] {
        group.addTask {
          try? await alarm.sleep(seconds)
          return number
        }
      }
      var woken: [Int] = []
      for await number in group { woken.append(number) }
      return woken
    }
    #expect(woken == [1, 2, 3])
    #expect(alarm.sleeping == 0)
    #expect(alarm.kept == 0)
  }

  @Test func `A sleeper that is cancelled wakes at once and leaves nothing`() async throws {
    let alarm = Alarm()
    for round in 0..<20 {
      let sleepers = (0..<100).map { number in
        Task { try await alarm.sleep(1_000 + Double(number)) }
      }
      // Some before they sleep, some after.
      if round.isMultiple(of: 2) { try await Task.sleep(for: .milliseconds(2)) }
      for sleeper in sleepers { sleeper.cancel() }
      for sleeper in sleepers {
        await #expect(throws: CancellationError.self) { try await sleeper.value }
      }
    }
    #expect(alarm.sleeping == 0)
    #expect(alarm.kept <= 65)
  }

  @Test func `A heap of times gives them in order, whatever is taken out of it`() {
    var order = AlarmOrder()
    var there: Set<UInt64> = []
    var seed: UInt64 = 7
    for id in 0..<2_000 as Range<UInt64> {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1
      order.add(id, at: seed >> 50)
      there.insert(id)
      if seed >> 33 & 1 == 0, let gone = there.randomElement() {
        there.remove(gone)
        order.noteRemoval { there.contains($0) }
      }
    }
    #expect(order.count < there.count * 2 + 70)
    var last: UInt64 = 0
    var found = 0
    while let first = order.first, let id = order.removeFirst(before: .max) {
      #expect(first >= last)
      last = first
      if there.contains(id) { found += 1 }
    }
    #expect(found == there.count)
  }
}
