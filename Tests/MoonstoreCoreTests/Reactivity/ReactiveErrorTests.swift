import MoonstoreCore
import Testing

struct ReactiveErrorTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `What a computed throws is kept and thrown to each reader`() {
    let computed = Computed<Int>(in: graph) {
      log.add("run")
      throw Refusal(reason: "no")
    }
    #expect(throws: Refusal(reason: "no")) { try computed.value }
    #expect(throws: Refusal(reason: "no")) { try computed.value }
    #expect(log.count("run") == 1)
  }

  @Test func `A computed recovers when a dependency changes`() throws {
    let source = Signal(0, in: graph)
    let inverse = Computed(in: graph) {
      guard source.value != 0 else { throw Refusal(reason: "zero") }
      return 100 / source.value
    }
    #expect(throws: Refusal(reason: "zero")) { try inverse.value }
    source.value = 4
    #expect(try inverse.value == 25)
    source.value = 0
    #expect(throws: Refusal(reason: "zero")) { try inverse.value }
  }

  @Test func `An error passes through computeds that do not catch it`() {
    let source = Signal(0, in: graph)
    let failing = Computed<Int>(in: graph) { throw Refusal(reason: "\(source.value)") }
    let next = Computed(in: graph) { try failing.value + 1 }
    #expect(throws: Refusal(reason: "0")) { try next.value }
    source.value = 1
    #expect(throws: Refusal(reason: "1")) { try next.value }
  }

  @Test func `A computed may catch the error of another one`() throws {
    let source = Signal(0, in: graph)
    let failing = Computed(in: graph) {
      guard source.value > 0 else { throw Refusal(reason: "no") }
      return source.value
    }
    let safe = Computed(in: graph) { (try? failing.value) ?? -1 }
    #expect(try safe.value == -1)
    source.value = 3
    #expect(try safe.value == 3)
  }

  @Test func `An effect that throws does not stop others`() {
    let source = Signal(0, in: graph)
    let failing = Effect(in: graph, label: "bad") {
      if source.value > 0 { throw Refusal(reason: "no") }
    }
    let other = Effect(in: graph) { log.add("\(source.value)") }
    source.value = 1
    #expect(log.entries == ["0", "1"])
    let failures = graph.takeFailures()
    #expect(failures.map(\.label) == ["bad"])
    #expect(failures.first?.error as? Refusal == Refusal(reason: "no"))
    failing.dispose()
    other.dispose()
  }

  @Test func `An effect that throws in its first run stays subscribed`() {
    let source = Signal(0, in: graph)
    let effect = Effect(in: graph) {
      log.add("\(source.value)")
      if source.value == 0 { throw Refusal(reason: "zero") }
    }
    source.value = 1
    #expect(log.entries == ["0", "1"])
    #expect(graph.takeFailures().count == 1)
    effect.dispose()
  }

  @Test func `An effect that throws in a later run stays subscribed`() {
    let source = Signal(0, in: graph)
    let effect = Effect(in: graph) {
      log.add("\(source.value)")
      if source.value == 1 { throw Refusal(reason: "one") }
    }
    source.value = 1
    source.value = 2
    #expect(log.entries == ["0", "1", "2"])
    effect.dispose()
  }

  @Test func `A write does not throw what an effect throws`() {
    let source = Signal(0, in: graph)
    var heard: [String] = []
    graph.onEffectFailure = { heard.append($0.description) }
    let effect = Effect(in: graph, label: "bad") {
      if source.value > 0 { throw Refusal(reason: "no") }
    }
    source.value = 1
    #expect(heard == ["effect 'bad' failed: Refusal(reason: \"no\")"])
    #expect(graph.takeFailures().isEmpty)
    effect.dispose()
  }

  @Test func `The host hears of an error with the observer that threw it`() {
    graph.onEffectError = { error, observer in log.add("\(observer.label): \(error)") }
    let effect = Effect(in: graph, label: "bad") { throw Refusal(reason: "no") }
    #expect(log.entries == ["bad: Refusal(reason: \"no\")"])
    #expect(graph.takeFailures().isEmpty)
    effect.dispose()
  }

  @Test func `The cleanups of a run that threw are run`() {
    let source = Signal(0, in: graph)
    let effect = Effect(in: graph) {
      _ = source.value
      graph.onCleanup { log.add("cleanup") }
      throw Refusal(reason: "no")
    }
    source.value = 1
    #expect(log.entries == ["cleanup"])
    effect.dispose()
    #expect(log.entries == ["cleanup", "cleanup"])
  }

  @Test func `Only the newest hundred failures wait`() {
    let source = Signal(0, in: graph)
    let effect = Effect(in: graph) { throw Refusal(reason: "\(source.value)") }
    for value in 1...120 { source.value = value }
    let failures = graph.takeFailures()
    #expect(failures.count == 100)
    #expect(failures.last?.error as? Refusal == Refusal(reason: "120"))
    effect.dispose()
  }
}
