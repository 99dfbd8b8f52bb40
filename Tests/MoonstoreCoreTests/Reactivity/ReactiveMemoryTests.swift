import MoonstoreCore
import Testing

struct ReactiveMemoryTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `Dropped handles give their nodes and links back`() throws {
    do {
      let source = Signal(1, in: graph)
      let computed = Computed(in: graph) { source.value }
      let effect = Effect(in: graph) { log.add("\(try computed.value)") }
      #expect(graph.nodeCount == 3)
      #expect(graph.linkCount == 2)
      withExtendedLifetime(effect) {}
    }
    #expect(graph.nodeCount == 0)
    #expect(graph.linkCount == 0)
  }

  @Test func `A dropped computed no longer holds what its closure captured`() throws {
    weak var captured: RunLog?
    do {
      let object = RunLog()
      captured = object
      let computed = Computed(in: graph) { object.entries.count }
      #expect(try computed.value == 0)
    }
    #expect(captured == nil)
  }

  @Test func `A disposed effect no longer holds what its closure captured`() {
    weak var captured: RunLog?
    let effect: Effect
    do {
      let object = RunLog()
      captured = object
      effect = Effect(in: graph) { object.add("run") }
    }
    #expect(captured != nil)
    effect.dispose()
    #expect(captured == nil)
  }

  @Test func `An effect whose handle is dropped stops if nothing owns it`() {
    let source = Signal(1, in: graph)
    do {
      let effect = Effect(in: graph) { log.add("\(source.value)") }
      source.value = 2
      withExtendedLifetime(effect) {}
    }
    source.value = 3
    #expect(log.entries == ["1", "2"])
  }

  @Test func `An effect whose handle is dropped lives on with its owner`() {
    let source = Signal(1, in: graph)
    let scope = EffectScope(in: graph)
    scope.run { _ = Effect(in: graph) { log.add("\(source.value)") } }
    source.value = 2
    #expect(log.entries == ["1", "2"])
    scope.dispose()
  }

  @Test func `A computed that is dropped in its own evaluation ends safely`() throws {
    let source = Signal(1, in: graph)
    var dropped: Computed<Int>?
    dropped = Computed(in: graph) {
      dropped = nil
      return source.value
    }
    let reader = Computed(in: graph) { try dropped?.value ?? 0 }
    #expect(try reader.value == 1)
    source.value = 2
    #expect(try reader.value == 0)
    #expect(graph.nodeCount == 2)
  }

  @Test func `A long chain of handles is freed without recursion`() throws {
    do {
      let source = Signal(0, in: graph)
      var last = Computed(in: graph) { source.value }
      for _ in 1..<100_000 {
        let before = last
        _ = try before.value
        last = Computed(in: graph) { try before.value + 1 }
      }
      #expect(try last.value == 99_999)
    }
    #expect(graph.nodeCount == 0)
  }

  @Test func `A dropped graph lets its observers go`() {
    weak var captured: RunLog?
    do {
      let other = ReactiveGraph()
      let object = RunLog()
      captured = object
      let observer = HeldObserver(object)
      _ = other.makeComputed(observer)
    }
    #expect(captured == nil)
  }

  @Test func `Signals that come and go use the same room`() {
    for value in 0..<1_000 {
      let source = Signal(value, in: graph)
      let effect = Effect(in: graph) { _ = source.value }
      effect.dispose()
    }
    #expect(graph.nodeCount == 0)
    #expect(graph.linkCount == 0)
  }

  final class HeldObserver: GraphObserver {
    let held: RunLog

    init(_ held: RunLog) { self.held = held }
  }
}
