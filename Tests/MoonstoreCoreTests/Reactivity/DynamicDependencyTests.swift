import MoonstoreCore
import Testing

struct DynamicDependencyTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `A branch that is no longer read no longer runs its reader`() {
    let usesFirst = Signal(true, in: graph)
    let first = Signal("a", in: graph)
    let second = Signal("b", in: graph)
    let effect = Effect(in: graph) { log.add(usesFirst.value ? first.value : second.value) }
    usesFirst.value = false
    first.value = "c"
    #expect(log.entries == ["a", "b"])
    second.value = "d"
    #expect(log.entries == ["a", "b", "d"])
    effect.dispose()
  }

  @Test func `A branch that is read for the first time is subscribed to`() throws {
    let isOn = Signal(false, in: graph)
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph) { isOn.value ? source.value : 0 }
    #expect(try computed.value == 0)
    source.value = 2
    isOn.value = true
    #expect(try computed.value == 2)
    source.value = 3
    #expect(try computed.value == 3)
  }

  @Test func `The order of reading may change from run to run`() throws {
    let isSwapped = Signal(false, in: graph)
    let first = Signal(1, in: graph)
    let second = Signal(2, in: graph)
    let pair = Computed(in: graph) {
      isSwapped.value ? [second.value, first.value] : [first.value, second.value]
    }
    #expect(try pair.value == [1, 2])
    isSwapped.value = true
    #expect(try pair.value == [2, 1])
    first.value = 10
    #expect(try pair.value == [2, 10])
    second.value = 20
    #expect(try pair.value == [20, 10])
  }

  @Test func `A dropped computed is not evaluated for a write`() {
    let isOn = Signal(true, in: graph)
    let source = Signal(1, in: graph)
    let costly = Computed(in: graph) {
      log.add("costly")
      return source.value
    }
    let effect = Effect(in: graph) { if isOn.value { _ = try costly.value } }
    isOn.value = false
    source.value = 2
    #expect(log.entries == ["costly"])
    effect.dispose()
  }

  @Test func `A condition that turns off keeps the branch behind it from running`() {
    let index = Signal(0, in: graph)
    let items = Signal(["x"], in: graph)
    let isValid = Computed(in: graph) { index.value < items.value.count }
    let item = Computed(in: graph) {
      log.add("item")
      return items.value[index.value]
    }
    let effect = Effect(in: graph) { log.add(try isValid.value ? item.value : "none") }
    items.value = []
    #expect(log.entries == ["item", "x", "none"])
    effect.dispose()
  }

  @Test func `Reading one source many times makes one dependency`() throws {
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph) { (0..<50).reduce(0) { sum, _ in sum + source.value } }
    let before = graph.linkCount
    #expect(try computed.value == 50)
    #expect(graph.linkCount == before + 1)
  }

  @Test func `Reading a few sources in turn makes few dependencies`() throws {
    let first = Signal(1, in: graph)
    let second = Signal(2, in: graph)
    let computed = Computed(in: graph) {
      (0..<50).reduce(0) { sum, _ in sum + first.value + second.value }
    }
    #expect(try computed.value == 150)
    #expect(graph.linkCount == 2)
  }

  @Test func `Dependencies that a run repeats keep their links`() {
    let first = Signal(1, in: graph)
    let second = Signal(2, in: graph)
    let effect = Effect(in: graph) { log.add("\(first.value + second.value)") }
    let before = graph.linkCount
    for value in 2...20 { first.value = value }
    #expect(graph.linkCount == before)
    effect.dispose()
  }

  @Test func `A computed that reads nothing any more stays as it is`() throws {
    let isOn = Signal(true, in: graph)
    let computed = Computed(in: graph) {
      log.add("run")
      return graph.untracked { isOn.value } ? isOn.value : false
    }
    #expect(try computed.value)
    isOn.value = false
    #expect(try !computed.value)
    isOn.value = true
    #expect(try !computed.value)
    #expect(log.count("run") == 2)
  }

  @Test func `A computed that lost its observer is evaluated again at the next read`() throws {
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph) {
      log.add("run")
      return source.value
    }
    let effect = Effect(in: graph) { _ = try computed.value }
    effect.dispose()
    #expect(graph.linkCount == 0)
    source.value = 2
    #expect(try computed.value == 2)
    #expect(try computed.value == 2)
    #expect(log.count("run") == 2)
  }

  @Test func `A computed that is kept alive stays cached without observers`() throws {
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph, keepAlive: true) {
      log.add("run")
      return source.value
    }
    let effect = Effect(in: graph) { _ = try computed.value }
    effect.dispose()
    #expect(try computed.value == 1)
    #expect(log.count("run") == 1)
    source.value = 2
    #expect(try computed.value == 2)
  }

  @Test func `Losing an observer unsubscribes a whole chain`() {
    let source = Signal(1, in: graph)
    var chain = [Computed(in: graph) { source.value }]
    for _ in 1..<100 {
      let last = chain[chain.count - 1]
      chain.append(Computed(in: graph) { try last.value + 1 })
    }
    let end = chain[99]
    let effect = Effect(in: graph) { log.add("\(try end.value)") }
    #expect(graph.linkCount == 101)
    effect.dispose()
    #expect(graph.linkCount == 0)
    #expect(log.entries == ["100"])
  }

  @Test func `A shared computed stays subscribed for the observer that remains`() {
    let source = Signal(1, in: graph)
    let shared = Computed(in: graph) { source.value }
    let first = Effect(in: graph) { log.add("first \(try shared.value)") }
    let second = Effect(in: graph) { log.add("second \(try shared.value)") }
    first.dispose()
    source.value = 2
    #expect(log.entries == ["first 1", "second 1", "second 2"])
    second.dispose()
  }
}
