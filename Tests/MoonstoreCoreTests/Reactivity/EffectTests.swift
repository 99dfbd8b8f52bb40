import MoonstoreCore
import Testing

struct EffectTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `An effect runs when it is created`() {
    let effect = Effect(in: graph) { log.add("run") }
    #expect(log.entries == ["run"])
    effect.dispose()
  }

  @Test func `An effect runs before the write returns`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    source.value = 2
    log.add("after")
    #expect(log.entries == ["1", "2", "after"])
    effect.dispose()
  }

  @Test func `A disposed effect does not run`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    effect.dispose()
    source.value = 2
    #expect(effect.isDisposed)
    #expect(log.entries == ["1"])
  }

  @Test func `Disposing twice is disposing once`() {
    let effect = Effect(in: graph) { graph.onCleanup { log.add("cleanup") } }
    effect.dispose()
    effect.dispose()
    #expect(log.entries == ["cleanup"])
  }

  @Test func `Disposing an old handle does not touch an effect that came after it`() {
    let source = Signal(1, in: graph)
    let old = Effect(in: graph) { _ = source.value }
    old.dispose()
    let new = Effect(in: graph) { log.add("\(source.value)") }
    old.dispose()
    source.value = 2
    #expect(log.entries == ["1", "2"])
    new.dispose()
  }

  @Test func `A cleanup runs before the next run and at disposal`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) {
      let value = source.value
      log.add("run \(value)")
      graph.onCleanup { log.add("cleanup \(value)") }
    }
    source.value = 2
    effect.dispose()
    #expect(log.entries == ["run 1", "cleanup 1", "run 2", "cleanup 2"])
  }

  @Test func `Cleanups run in the order of registration`() {
    let effect = Effect(in: graph) {
      graph.onCleanup { log.add("first") }
      graph.onCleanup { log.add("second") }
    }
    effect.dispose()
    #expect(log.entries == ["first", "second"])
  }

  @Test func `A cleanup does not subscribe`() {
    let trigger = Signal(1, in: graph)
    let read = Signal(1, in: graph)
    let effect = Effect(in: graph) {
      log.add("run \(trigger.value)")
      graph.onCleanup { _ = read.value }
    }
    trigger.value = 2
    read.value = 2
    #expect(log.entries == ["run 1", "run 2"])
    effect.dispose()
  }

  @Test func `A cleanup outside of effects is not taken`() {
    #expect(!graph.onCleanup { log.add("never") })
    #expect(log.entries.isEmpty)
  }

  @Test func `An effect may dispose itself in its run`() {
    let source = Signal(1, in: graph)
    var effect: Effect?
    effect = Effect(in: graph) {
      log.add("\(source.value)")
      graph.onCleanup { log.add("cleanup") }
      if source.value == 2 { effect?.dispose() }
      log.add("end")
    }
    source.value = 2
    source.value = 3
    #expect(log.entries == ["1", "end", "cleanup", "2", "cleanup", "end"])
    #expect(graph.linkCount == 0)
  }

  @Test func `A cleanup that is registered after the own disposal runs at once`() {
    let source = Signal(1, in: graph)
    var effect: Effect?
    effect = Effect(in: graph) {
      guard source.value == 2 else { return }
      effect?.dispose()
      graph.onCleanup { log.add("cleanup") }
      log.add("end")
    }
    source.value = 2
    #expect(log.entries == ["cleanup", "end"])
  }

  @Test func `An effect that is disposed while it is due does not run`() {
    let source = Signal(1, in: graph)
    var second: Effect?
    let first = Effect(in: graph) {
      if source.value == 2 { second?.dispose() }
    }
    second = Effect(in: graph) { log.add("\(source.value)") }
    source.value = 2
    #expect(log.entries == ["1"])
    first.dispose()
  }

  @Test func `A cleanup may dispose its effect`() {
    let source = Signal(1, in: graph)
    var effect: Effect?
    effect = Effect(in: graph) {
      log.add("\(source.value)")
      graph.onCleanup { effect?.dispose() }
    }
    source.value = 2
    #expect(log.entries == ["1"])
    #expect(effect?.isDisposed == true)
  }

  @Test func `An effect without dependencies runs once`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("run") }
    source.value = 2
    #expect(log.entries == ["run"])
    effect.dispose()
  }

  @Test func `Disposing one effect leaves others subscribed`() {
    let source = Signal(1, in: graph)
    let first = Effect(in: graph) { log.add("first \(source.value)") }
    let second = Effect(in: graph) { log.add("second \(source.value)") }
    first.dispose()
    source.value = 2
    #expect(log.entries == ["first 1", "second 1", "second 2"])
    second.dispose()
  }

  @Test func `Held effects wait for the host`() throws {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    graph.holdsEffects = true
    source.value = 2
    graph.batch { source.value = 3 }
    #expect(log.entries == ["1"])
    #expect(graph.hasDueEffects)
    try graph.flush()
    #expect(log.entries == ["1", "3"])
    effect.dispose()
  }
}
