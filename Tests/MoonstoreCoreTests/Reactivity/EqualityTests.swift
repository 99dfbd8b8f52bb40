import MoonstoreCore
import Testing

struct EqualityTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `Writing an equal value is no change`() {
    let source = Signal([1, 2], in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    source.value = [1, 2]
    #expect(log.entries == ["[1, 2]"])
    effect.dispose()
  }

  @Test func `NaN equals NaN`() {
    let source = Signal(Double.nan, in: graph)
    let root = Computed(in: graph) { source.value.squareRoot() }
    let effect = Effect(in: graph) { log.add("\(try root.value)") }
    source.value = .nan
    source.value = -1
    #expect(log.entries == ["nan"])
    source.value = 4
    #expect(log.entries == ["nan", "2.0"])
    effect.dispose()
  }

  @Test func `A custom equality decides about writes`() {
    let source = Signal("a", in: graph, areEqual: { $0.lowercased() == $1.lowercased() })
    let effect = Effect(in: graph) { log.add(source.value) }
    source.value = "A"
    #expect(source.value == "a")
    source.value = "b"
    #expect(log.entries == ["a", "b"])
    effect.dispose()
  }

  @Test func `A custom equality decides about computeds and keeps the old value`() throws {
    let source = Signal(10, in: graph)
    let coarse = Computed(in: graph, areEqual: { $0 / 10 == $1 / 10 }) { source.value }
    let effect = Effect(in: graph) { log.add("\(try coarse.value)") }
    source.value = 19
    #expect(try coarse.value == 10)
    source.value = 20
    #expect(log.entries == ["10", "20"])
    effect.dispose()
  }

  @Test func `Without equality each write is a change`() {
    let source = Signal(1, in: graph, areEqual: nil)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    source.value = 1
    #expect(log.entries == ["1", "1"])
    effect.dispose()
  }

  @Test func `Without equality each evaluation is a change`() {
    let source = Signal(1, in: graph)
    let same = Computed(in: graph, areEqual: nil) { source.value * 0 }
    let effect = Effect(in: graph) { log.add("\(try same.value)") }
    source.value = 2
    #expect(log.entries == ["0", "0"])
    effect.dispose()
  }

  @Test func `A change in place is a change`() {
    let source = Signal([1], in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    source.mutate { $0.append(2) }
    #expect(log.entries == ["[1]", "[1, 2]"])
    effect.dispose()
  }

  @Test func `A change in place that throws keeps what it did and still notifies`() {
    let source = Signal([1], in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    #expect(throws: Refusal(reason: "full")) {
      try source.mutate { value throws(Refusal) in
        value.append(2)
        throw Refusal(reason: "full")
      }
    }
    #expect(log.entries == ["[1]", "[1, 2]"])
    effect.dispose()
  }
}
