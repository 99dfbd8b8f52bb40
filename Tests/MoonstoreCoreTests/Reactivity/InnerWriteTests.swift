import MoonstoreCore
import Testing

struct InnerWriteTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `A write in an effect runs the effects that follow`() {
    let source = Signal(1, in: graph)
    let copy = Signal(0, in: graph)
    let writer = Effect(in: graph) { copy.value = source.value * 10 }
    let reader = Effect(in: graph) { log.add("\(copy.value)") }
    source.value = 2
    #expect(log.entries == ["10", "20"])
    writer.dispose()
    reader.dispose()
  }

  @Test func `Writes in an effect are batched`() {
    let source = Signal(1, in: graph)
    let first = Signal(0, in: graph)
    let second = Signal(0, in: graph)
    let reader = Effect(in: graph) { log.add("\(first.value),\(second.value)") }
    let writer = Effect(in: graph) {
      first.value = source.value
      second.value = source.value
    }
    source.value = 2
    #expect(log.entries == ["0,0", "1,1", "2,2"])
    reader.dispose()
    writer.dispose()
  }

  @Test func `Effects that follow run after the writing effect has ended`() {
    let source = Signal(1, in: graph)
    let copy = Signal(0, in: graph)
    let reader = Effect(in: graph) { log.add("read \(copy.value)") }
    let writer = Effect(in: graph) {
      copy.value = source.value
      log.add("end")
    }
    #expect(log.entries == ["read 0", "end", "read 1"])
    reader.dispose()
    writer.dispose()
  }

  @Test func `An effect that writes what it reads runs until it settles`() {
    let count = Signal(0, in: graph)
    let effect = Effect(in: graph) {
      log.add("\(count.value)")
      if count.value < 3 { count.value += 1 }
    }
    #expect(log.take() == ["0", "1", "2", "3"])
    count.value = 1
    #expect(log.take() == ["1", "2", "3"])
    effect.dispose()
  }

  @Test func `An effect that writes before it reads runs once`() {
    let count = Signal(0, in: graph)
    let effect = Effect(in: graph) {
      count.value = 5
      log.add("\(count.value)")
    }
    #expect(log.entries == ["5"])
    effect.dispose()
  }

  @Test func `Two effects that write to each other settle`() {
    let first = Signal(0, in: graph)
    let second = Signal(0, in: graph)
    let forward = Effect(in: graph) { second.value = min(first.value, 10) }
    let backward = Effect(in: graph) { first.value = max(first.value, second.value) }
    first.value = 7
    #expect(first.value == 7)
    #expect(second.value == 7)
    forward.dispose()
    backward.dispose()
  }

  @Test func `An effect reads its own write`() {
    let source = Signal(1, in: graph)
    let double = Computed(in: graph) { source.value * 2 }
    let trigger = Signal(0, in: graph)
    let effect = Effect(in: graph) {
      source.value = trigger.value + 10
      log.add("\(try double.value)")
    }
    trigger.value = 1
    #expect(log.entries == ["20", "22"])
    effect.dispose()
  }

  @Test func `A write back inside of an effect leaves followers alone`() {
    let trigger = Signal(0, in: graph)
    let value = Signal(1, in: graph)
    let reader = Effect(in: graph) { log.add("\(value.value)") }
    let writer = Effect(in: graph) {
      _ = trigger.value
      value.value = 2
      value.value = 1
    }
    trigger.value = 1
    #expect(log.entries == ["1"])
    reader.dispose()
    writer.dispose()
  }

  @Test func `A computed that writes makes followers run after it`() throws {
    let source = Signal(1, in: graph)
    let evaluations = Signal(0, in: graph)
    let reader = Effect(in: graph) { log.add("\(evaluations.value)") }
    let computed = Computed(in: graph) {
      evaluations.value = graph.untracked { evaluations.value } + 1
      return source.value
    }
    #expect(try computed.value == 1)
    source.value = 2
    #expect(try computed.value == 2)
    #expect(log.entries == ["0", "1", "2"])
    reader.dispose()
  }

  @Test func `A computed that writes what it reads still hears of later writes`() throws {
    let source = Signal(0, in: graph)
    let other = Signal(0, in: graph)
    let computed = Computed(in: graph) {
      if source.value < 3 { source.value += 1 }
      return source.value * 100 + other.value
    }
    let reader = Effect(in: graph) { log.add("\(try computed.value)") }
    other.value = 7
    other.value = 8
    #expect(try computed.value == 308)
    #expect(log.entries.last == "308")
    reader.dispose()
  }

  @Test func `A write in the middle of an effect is seen by what it reads afterwards`() {
    let flag = Signal(false, in: graph)
    let text = Computed(in: graph) { flag.value ? "on" : "off" }
    let effect = Effect(in: graph) {
      let before = try text.value
      flag.value = true
      log.add("\(before) \(try text.value)")
    }
    #expect(log.entries == ["off on", "on on"])
    effect.dispose()
  }

  @Test func `A chain of writing effects runs in the order of causes`() {
    let signals = (0..<4).map { Signal(0, in: graph, label: "\($0)") }
    let effects = (0..<3).map { index in
      Effect(in: graph) {
        signals[index + 1].value = signals[index].value
        log.add("\(index):\(signals[index].value)")
      }
    }
    _ = log.take()
    signals[0].value = 5
    #expect(log.entries == ["0:5", "1:5", "2:5"])
    #expect(signals[3].value == 5)
    effects.forEach { $0.dispose() }
  }

  @Test func `An effect may create a signal and write it`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) {
      let local = Signal(0, in: graph)
      local.value = source.value
      log.add("\(local.value)")
    }
    source.value = 2
    #expect(log.entries == ["1", "2"])
    effect.dispose()
  }

  @Test func `An inner effect that writes what its outer one reads runs both until they settle`() {
    let count = Signal(0, in: graph)
    let outer = Effect(in: graph) {
      log.add("outer \(count.value)")
      Effect(in: graph) {
        if count.value < 2 { count.value += 1 }
      }
    }
    #expect(count.value == 2)
    #expect(log.entries.last == "outer 2")
    #expect(graph.takeFailures().isEmpty)
    outer.dispose()
  }
}
