import MoonstoreCore
import Testing

struct NestedEffectTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `An inner effect runs without its outer one`() {
    let outerSource = Signal(1, in: graph)
    let innerSource = Signal(1, in: graph)
    let outer = Effect(in: graph) {
      log.add("outer \(outerSource.value)")
      Effect(in: graph) { log.add("inner \(innerSource.value)") }
    }
    innerSource.value = 2
    #expect(log.entries == ["outer 1", "inner 1", "inner 2"])
    outer.dispose()
  }

  @Test func `A new run of the outer effect replaces the inner one`() {
    let outerSource = Signal(1, in: graph)
    let innerSource = Signal(1, in: graph)
    let outer = Effect(in: graph) {
      let number = outerSource.value
      Effect(in: graph) { log.add("inner \(number) \(innerSource.value)") }
    }
    outerSource.value = 2
    _ = log.take()
    innerSource.value = 2
    #expect(log.entries == ["inner 2 2"])
    outer.dispose()
  }

  @Test func `Disposing the outer effect disposes the inner one`() {
    let source = Signal(1, in: graph)
    let outer = Effect(in: graph) {
      Effect(in: graph) { log.add("\(source.value)") }
    }
    outer.dispose()
    source.value = 2
    #expect(log.entries == ["1"])
    #expect(graph.nodeCount == 1)
  }

  @Test func `Inner cleanups run before outer cleanups before the new run`() {
    let source = Signal(1, in: graph)
    let outer = Effect(in: graph) {
      log.add("outer \(source.value)")
      graph.onCleanup { log.add("outer cleanup") }
      Effect(in: graph) {
        graph.onCleanup { log.add("inner cleanup") }
      }
    }
    source.value = 2
    #expect(log.take() == ["outer 1", "inner cleanup", "outer cleanup", "outer 2"])
    outer.dispose()
    #expect(log.entries == ["inner cleanup", "outer cleanup"])
  }

  @Test func `Siblings are disposed newest first`() {
    let outer = Effect(in: graph) {
      for name in ["a", "b", "c"] {
        Effect(in: graph) { graph.onCleanup { log.add(name) } }
      }
    }
    outer.dispose()
    #expect(log.entries == ["c", "b", "a"])
  }

  @Test func `Three levels are disposed from the inside`() {
    let outer = Effect(in: graph) {
      graph.onCleanup { log.add("1") }
      Effect(in: graph) {
        graph.onCleanup { log.add("2") }
        Effect(in: graph) { graph.onCleanup { log.add("3") } }
      }
    }
    outer.dispose()
    #expect(log.entries == ["3", "2", "1"])
  }

  @Test func `The outer effect keeps its own dependencies after an inner run`() {
    let outerSource = Signal(1, in: graph)
    let innerSource = Signal(1, in: graph)
    let outer = Effect(in: graph) {
      Effect(in: graph) { _ = innerSource.value }
      log.add("outer \(outerSource.value)")
    }
    innerSource.value = 2
    outerSource.value = 2
    #expect(log.entries == ["outer 1", "outer 2"])
    outer.dispose()
  }

  @Test func `An inner effect may be disposed by its handle`() {
    let source = Signal(1, in: graph)
    var inner: Effect?
    let outer = Effect(in: graph) {
      inner = Effect(in: graph) { log.add("\(source.value)") }
    }
    inner?.dispose()
    source.value = 2
    #expect(log.entries == ["1"])
    outer.dispose()
  }

  @Test func `Disposing the outer effect from the inner one stops both`() {
    let source = Signal(1, in: graph)
    var outer: Effect?
    outer = Effect(in: graph) {
      log.add("outer \(source.value)")
      Effect(in: graph) {
        if source.value == 2 { outer?.dispose() }
        log.add("inner")
      }
    }
    source.value = 2
    source.value = 3
    #expect(log.entries == ["outer 1", "inner", "outer 2", "inner"])
    #expect(graph.linkCount == 0)
  }

  @Test func `An effect that a computed creates belongs to the computed`() {
    let source = Signal(1, in: graph)
    let inner = Signal(1, in: graph)
    let computed = Computed(in: graph) {
      let number = source.value
      Effect(in: graph) {
        log.add("inner \(number) \(inner.value)")
        graph.onCleanup { log.add("cleanup \(number)") }
      }
      return number
    }
    let reader = Effect(in: graph) { log.add("read \(try computed.value)") }
    #expect(log.take() == ["inner 1 1", "read 1"])
    inner.value = 2
    #expect(log.take() == ["cleanup 1", "inner 1 2"])
    source.value = 2
    #expect(log.take() == ["cleanup 1", "inner 2 2", "read 2"])
    reader.dispose()
    #expect(log.take() == ["cleanup 2"])
  }

  @Test func `An effect that is created untracked still belongs to the outer effect`() {
    let source = Signal(1, in: graph)
    let outer = Effect(in: graph) {
      graph.untracked {
        _ = Effect(in: graph) { log.add("\(source.value)") }
      }
    }
    source.value = 2
    outer.dispose()
    source.value = 3
    #expect(log.entries == ["1", "2"])
  }
}
