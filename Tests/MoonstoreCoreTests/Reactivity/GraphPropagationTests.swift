import MoonstoreCore
import Testing

struct GraphPropagationTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `A write reaches an effect through a chain of computeds`() {
    let source = Signal(1, in: graph)
    let double = Computed(in: graph) { source.value * 2 }
    let next = Computed(in: graph) { try double.value + 1 }
    let effect = Effect(in: graph) { log.add("\(try next.value)") }
    source.value = 5
    #expect(log.entries == ["3", "11"])
    effect.dispose()
  }

  @Test func `A diamond evaluates its tip once for a write`() throws {
    let source = Signal(1, in: graph)
    let left = Computed(in: graph) { source.value + 1 }
    let right = Computed(in: graph) { source.value * 10 }
    let tip = Computed(in: graph) {
      log.add("tip")
      return try left.value + right.value
    }
    #expect(try tip.value == 12)
    source.value = 2
    #expect(try tip.value == 23)
    #expect(log.count("tip") == 2)
  }

  @Test func `An effect at the tip of a diamond never sees a mixture of old and new`() {
    let source = Signal(1, in: graph)
    let left = Computed(in: graph) { source.value }
    let right = Computed(in: graph) { source.value }
    let effect = Effect(in: graph) { log.add("\(try left.value)=\(try right.value)") }
    source.value = 2
    source.value = 3
    #expect(log.entries == ["1=1", "2=2", "3=3"])
    effect.dispose()
  }

  @Test func `An effect that reads a source and what follows from it runs once`() {
    let source = Signal(1, in: graph)
    let double = Computed(in: graph) { source.value * 2 }
    let effect = Effect(in: graph) { log.add("\(source.value),\(try double.value)") }
    source.value = 2
    #expect(log.entries == ["1,2", "2,4"])
    effect.dispose()
  }

  @Test func `A computed that comes out equal stops the change`() {
    let source = Signal(1, in: graph)
    let isOdd = Computed(in: graph) { source.value % 2 == 1 }
    let text = Computed(in: graph) {
      log.add("text")
      return try isOdd.value ? "odd" : "even"
    }
    let effect = Effect(in: graph) { log.add(try text.value) }
    source.value = 3
    source.value = 5
    #expect(log.entries == ["text", "odd"])
    source.value = 6
    #expect(log.take() == ["text", "odd", "text", "even"])
    effect.dispose()
  }

  @Test func `An unchanged branch does not keep a changed one from passing on`() throws {
    let source = Signal(1, in: graph)
    let same = Computed(in: graph) {
      _ = source.value
      return 0
    }
    let other = Computed(in: graph) { source.value }
    let sum = Computed(in: graph) { try same.value + other.value }
    let effect = Effect(in: graph) { log.add("\(try sum.value)") }
    source.value = 4
    #expect(log.entries == ["1", "4"])
    effect.dispose()
  }

  @Test func `When all branches come out equal the tip does not run`() {
    let source = Signal(1, in: graph)
    let first = Computed(in: graph) { source.value * 0 }
    let second = Computed(in: graph) { source.value * 0 }
    let tip = Computed(in: graph) {
      log.add("tip")
      return try first.value + second.value
    }
    let effect = Effect(in: graph) { _ = try tip.value }
    source.value = 2
    #expect(log.entries == ["tip"])
    effect.dispose()
  }

  @Test func `A jagged graph evaluates each node once and in order`() {
    let source = Signal(1, in: graph)
    let short = Computed(in: graph) {
      log.add("short")
      return source.value
    }
    let long = Computed(in: graph) {
      log.add("long")
      return try short.value + 1
    }
    let longer = Computed(in: graph) {
      log.add("longer")
      return try long.value + 1
    }
    let tip = Computed(in: graph) {
      let sum = try short.value + longer.value
      log.add("tip")
      return sum
    }
    let effect = Effect(in: graph) { log.add("\(try tip.value)") }
    _ = log.take()
    source.value = 2
    #expect(log.entries == ["short", "long", "longer", "tip", "6"])
    effect.dispose()
  }

  @Test func `Two sources that change in one batch run a shared effect once`() {
    let first = Signal(1, in: graph)
    let second = Signal(2, in: graph)
    let effect = Effect(in: graph) { log.add("\(first.value + second.value)") }
    graph.batch {
      first.value = 10
      second.value = 20
    }
    #expect(log.entries == ["3", "30"])
    effect.dispose()
  }

  @Test func `Effects run in the order in which they subscribed`() {
    let source = Signal(0, in: graph)
    let effects = ["a", "b", "c"].map { name in
      Effect(in: graph) {
        _ = source.value
        log.add(name)
      }
    }
    _ = log.take()
    source.value = 1
    #expect(log.entries == ["a", "b", "c"])
    effects.forEach { $0.dispose() }
  }

  @Test(arguments: [1, 10, 1_000]) func `A broad graph runs each effect once`(width: Int) {
    let source = Signal(0, in: graph)
    var total = 0
    let effects = (0..<width).map { offset in
      let shifted = Computed(in: graph) { source.value + offset }
      return Effect(in: graph) {
        _ = try shifted.value
        total += 1
      }
    }
    source.value = 1
    #expect(total == 2 * width)
    effects.forEach { $0.dispose() }
  }

  @Test func `A suspect node is verified against all of its dependencies`() {
    let first = Signal(1, in: graph)
    let second = Signal(1, in: graph)
    let constant = Computed(in: graph) { first.value * 0 }
    let passing = Computed(in: graph) { second.value }
    let tip = Computed(in: graph) { try constant.value + passing.value }
    let effect = Effect(in: graph) { log.add("\(try tip.value)") }
    graph.batch {
      first.value = 2
      second.value = 7
    }
    #expect(log.entries == ["1", "7"])
    effect.dispose()
  }

  @Test func `A write that nobody observes runs nothing`() throws {
    let source = Signal(1, in: graph)
    let lazy = Computed(in: graph) {
      log.add("lazy")
      return source.value
    }
    source.value = 2
    #expect(log.entries.isEmpty)
    #expect(try lazy.value == 2)
  }

  @Test func `Many writes before a read cost one evaluation`() throws {
    let source = Signal(0, in: graph)
    let computed = Computed(in: graph) {
      log.add("run")
      return source.value
    }
    #expect(try computed.value == 0)
    for value in 1...10 { source.value = value }
    #expect(try computed.value == 10)
    #expect(log.count("run") == 2)
  }

  @Test func `Graphs do not know each other`() {
    let other = ReactiveGraph()
    let source = Signal(1, in: other)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    source.value = 2
    #expect(log.entries == ["1"])
    effect.dispose()
  }
}
