import MoonstoreCore
import Testing

struct UntrackedTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `An untracked read makes no dependency`() {
    let tracked = Signal(1, in: graph)
    let hidden = Signal(1, in: graph)
    let effect = Effect(in: graph) {
      log.add("\(tracked.value),\(graph.untracked { hidden.value })")
    }
    hidden.value = 2
    #expect(log.entries == ["1,1"])
    tracked.value = 2
    #expect(log.entries == ["1,1", "2,2"])
    effect.dispose()
  }

  @Test func `Tracking goes on after an untracked part`() {
    let hidden = Signal(1, in: graph)
    let tracked = Signal(1, in: graph)
    let effect = Effect(in: graph) {
      _ = graph.untracked { hidden.value }
      log.add("\(tracked.value)")
    }
    tracked.value = 2
    #expect(log.entries == ["1", "2"])
    effect.dispose()
  }

  @Test func `Tracking goes on after an untracked part that threw`() {
    let tracked = Signal(1, in: graph)
    let effect = Effect(in: graph) {
      try? graph.untracked { throw Refusal(reason: "no") }
      log.add("\(tracked.value)")
    }
    tracked.value = 2
    #expect(log.entries == ["1", "2"])
    effect.dispose()
  }

  @Test func `A computed that is read untracked is up to date`() {
    let source = Signal(1, in: graph)
    let trigger = Signal(0, in: graph)
    let double = Computed(in: graph) { source.value * 2 }
    let effect = Effect(in: graph) {
      _ = trigger.value
      log.add("\(try graph.untracked { try double.value })")
    }
    source.value = 5
    trigger.value = 1
    #expect(log.entries == ["2", "10"])
    effect.dispose()
  }

  @Test func `A computed that is evaluated untracked has its own dependencies`() throws {
    let source = Signal(1, in: graph)
    let double = Computed(in: graph) { source.value * 2 }
    #expect(try graph.untracked { try double.value } == 2)
    source.value = 2
    #expect(try double.value == 4)
  }

  @Test func `An untracked part tells whether reads are recorded`() {
    #expect(!graph.isTracking)
    let effect = Effect(in: graph) {
      log.add("\(graph.isTracking) \(graph.untracked { graph.isTracking })")
    }
    #expect(log.entries == ["true false"])
    effect.dispose()
  }

  @Test func `The untracked value of a signal makes no dependency`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.untrackedValue)") }
    source.value = 2
    #expect(log.entries == ["1"])
    #expect(source.untrackedValue == 2)
    effect.dispose()
  }

  @Test func `A write in an untracked part still runs effects`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    graph.untracked { source.value = 2 }
    #expect(log.entries == ["1", "2"])
    effect.dispose()
  }
}
