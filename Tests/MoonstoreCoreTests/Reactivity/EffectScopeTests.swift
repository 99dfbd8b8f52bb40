import MoonstoreCore
import Testing

struct EffectScopeTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `Disposing a scope stops its effects`() {
    let source = Signal(1, in: graph)
    let scope = EffectScope(in: graph)
    scope.run {
      _ = Effect(in: graph) { log.add("\(source.value)") }
    }
    source.value = 2
    scope.dispose()
    source.value = 3
    #expect(log.entries == ["1", "2"])
    #expect(scope.isDisposed)
  }

  @Test func `A scope can be entered again`() {
    let scope = EffectScope(in: graph)
    for name in ["a", "b"] {
      scope.run { _ = Effect(in: graph) { graph.onCleanup { log.add(name) } } }
    }
    scope.dispose()
    #expect(log.entries == ["b", "a"])
  }

  @Test func `A scope returns the value of its body`() {
    let scope = EffectScope(in: graph)
    #expect(scope.run { 7 } == 7)
  }

  @Test func `A scope inside of a scope belongs to it`() {
    let source = Signal(1, in: graph)
    let outer = EffectScope(in: graph)
    outer.run {
      let inner = EffectScope(in: graph)
      inner.run { _ = Effect(in: graph) { log.add("\(source.value)") } }
    }
    source.value = 2
    outer.dispose()
    source.value = 3
    #expect(log.entries == ["1", "2"])
  }

  @Test func `A scope inside of an effect is disposed with its run`() {
    let trigger = Signal(0, in: graph)
    let effect = Effect(in: graph) {
      let number = trigger.value
      let scope = EffectScope(in: graph)
      scope.run { _ = graph.onCleanup { log.add("cleanup \(number)") } }
    }
    trigger.value = 1
    #expect(log.entries == ["cleanup 0"])
    effect.dispose()
  }

  @Test func `Cleanups of a scope run after its effects are gone`() {
    let scope = EffectScope(in: graph)
    scope.run {
      _ = graph.onCleanup { log.add("scope") }
      _ = Effect(in: graph) { graph.onCleanup { log.add("effect") } }
    }
    scope.dispose()
    scope.dispose()
    #expect(log.entries == ["effect", "scope"])
  }

  @Test func `A read in a scope makes no dependency`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) {
      let scope = EffectScope(in: graph)
      scope.run { log.add("\(source.value)") }
    }
    source.value = 2
    #expect(log.entries == ["1"])
    effect.dispose()
  }

  @Test func `A dropped scope stops its effects`() {
    let source = Signal(1, in: graph)
    do {
      let scope = EffectScope(in: graph)
      scope.run { _ = Effect(in: graph) { log.add("\(source.value)") } }
    }
    source.value = 2
    #expect(log.entries == ["1"])
  }
}
