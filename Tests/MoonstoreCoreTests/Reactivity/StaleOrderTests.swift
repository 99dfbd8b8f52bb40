import MoonstoreCore
import Testing

struct StaleOrderTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `An outer effect runs before an inner one that is due too`() {
    let item = Signal<Int?>(1, in: graph)
    let outer = Effect(in: graph) {
      let isThere = Computed(in: graph) { item.value != nil }
      log.add("outer \(try isThere.value)")
      guard try isThere.value else { return }
      Effect(in: graph) { log.add("inner \(item.value.map(String.init) ?? "gone")") }
    }
    item.value = nil
    #expect(log.entries == ["outer true", "inner 1", "outer false"])
    outer.dispose()
  }

  @Test func `An inner effect that subscribed first still waits for its outer one`() {
    let source = Signal(0, in: graph)
    let outer = Effect(in: graph) {
      Effect(in: graph) { log.add("inner \(source.value)") }
      log.add("outer \(source.value)")
    }
    _ = log.take()
    source.value = 1
    #expect(log.entries == ["inner 1", "outer 1"])
    outer.dispose()
  }

  @Test func `An outer effect that proves unchanged lets the inner one run`() {
    let source = Signal(1, in: graph)
    let isPositive = Computed(in: graph) { source.value > 0 }
    let outer = Effect(in: graph) {
      log.add("outer \(try isPositive.value)")
      Effect(in: graph) { log.add("inner \(source.value)") }
    }
    source.value = 2
    #expect(log.entries == ["outer true", "inner 1", "inner 2"])
    outer.dispose()
  }

  @Test func `A computed that owns an effect is brought up to date before the effect`() {
    let source = Signal(1, in: graph)
    let owner = Computed(in: graph) {
      let number = source.value
      Effect(in: graph) { log.add("inner \(number) \(source.value)") }
      return number
    }
    let reader = Effect(in: graph) { log.add("read \(try owner.value)") }
    _ = log.take()
    source.value = 2
    #expect(log.entries.filter { $0.hasPrefix("inner") } == ["inner 2 2"])
    #expect(log.count("read 2") == 1)
    reader.dispose()
  }

  @Test func `Three levels run from the outside`() {
    let source = Signal(0, in: graph)
    let outer = Effect(in: graph) {
      Effect(in: graph) {
        Effect(in: graph) { log.add("3:\(source.value)") }
        log.add("2:\(source.value)")
      }
      log.add("1:\(source.value)")
    }
    _ = log.take()
    source.value = 1
    #expect(log.entries == ["3:1", "2:1", "1:1"])
    outer.dispose()
  }
}
