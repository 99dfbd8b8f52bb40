import MoonstoreCore
import Testing

struct CycleTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  /// A computed that closures can refer to before it exists.
  final class Late {
    var computed: Computed<Int>?

    func value() throws -> Int { try computed?.value ?? 0 }
  }

  @Test func `A computed that reads itself gets an error with the path`() {
    let late = Late()
    late.computed = Computed(in: graph, label: "self") { try late.value() + 1 }
    #expect(throws: CycleError.self) { try late.value() }
    let error = #expect(throws: CycleError.self) { try late.value() }
    #expect(error?.path == ["self", "self"])
    late.computed = nil
  }

  @Test func `A cycle of computeds names all of them in order`() {
    let late = Late()
    let b = Computed(in: graph, label: "b") { try late.value() }
    let c = Computed(in: graph, label: "c") { try b.value }
    late.computed = Computed(in: graph, label: "a") { try c.value }
    let error = #expect(throws: CycleError.self) { try late.value() }
    #expect(error?.description == "cycle: a -> c -> b -> a")
    late.computed = nil
  }

  @Test func `The path leaves out what leads to the cycle`() {
    let late = Late()
    late.computed = Computed(in: graph, label: "inner") { try late.value() }
    let outer = Computed(in: graph, label: "outer") { try late.value() }
    let error = #expect(throws: CycleError.self) { try outer.value }
    #expect(error?.path == ["inner", "inner"])
    late.computed = nil
  }

  @Test func `A cycle that is broken leaves no error behind`() throws {
    let isClosed = Signal(true, in: graph)
    let late = Late()
    let back = Computed(in: graph, label: "back") { try late.value() + 1 }
    late.computed = Computed(in: graph, label: "front") {
      isClosed.value ? try back.value : 10
    }
    #expect(throws: CycleError.self) { try late.value() }
    #expect(throws: CycleError.self) { try back.value }
    isClosed.value = false
    #expect(try late.value() == 10)
    #expect(try back.value == 11)
    isClosed.value = true
    #expect(throws: CycleError.self) { try back.value }
    isClosed.value = false
    #expect(try back.value == 11)
    late.computed = nil
  }

  @Test func `An effect on a cycle goes on when the cycle is broken`() {
    let isClosed = Signal(false, in: graph)
    let late = Late()
    let back = Computed(in: graph, label: "back") { try late.value() + 1 }
    late.computed = Computed(in: graph, label: "front") {
      isClosed.value ? try back.value : 10
    }
    let effect = Effect(in: graph) {
      do {
        log.add("\(try back.value)")
      } catch {
        log.add("cycle")
      }
    }
    isClosed.value = true
    isClosed.value = false
    #expect(log.entries == ["11", "cycle", "11"])
    effect.dispose()
    late.computed = nil
  }

  @Test func `A computed may catch the cycle and go on`() throws {
    let late = Late()
    let source = Signal(1, in: graph)
    late.computed = Computed(in: graph) {
      let inner = try? late.value()
      return source.value + (inner ?? 100)
    }
    #expect(try late.value() == 101)
    source.value = 2
    #expect(try late.value() == 102)
    late.computed = nil
  }

  @Test func `An effect that makes itself due for ever is stopped with its name`() {
    let count = Signal(0, in: graph)
    let effect = Effect(in: graph, label: "counter") { count.value += 1 }
    let failures = graph.takeFailures()
    #expect(failures.count == 1)
    let loop = failures.first?.error as? EffectLoopError
    #expect(loop?.labels == ["counter"])
    #expect(loop?.limit == 100)
    effect.dispose()
  }

  @Test func `A loop of two effects names both in order`() {
    let first = Signal(0, in: graph)
    let second = Signal(0, in: graph)
    graph.holdsEffects = true
    let ping = Effect(in: graph, label: "ping") { second.value = first.value + 1 }
    let pong = Effect(in: graph, label: "pong") { first.value = second.value + 1 }
    let error = #expect(throws: EffectLoopError.self) { try graph.flush() }
    #expect(error?.labels == ["ping", "pong"])
    #expect(error?.description == "effects did not settle within 100 runs: ping -> pong -> ping")
    ping.dispose()
    pong.dispose()
  }

  @Test func `The limit of runs can be set`() {
    graph.effectRunLimit = 5
    let count = Signal(0, in: graph)
    let effect = Effect(in: graph) { count.value += 1 }
    #expect(count.value == 6)
    #expect(graph.takeFailures().count == 1)
    effect.dispose()
  }

  @Test func `A loop does not keep other effects from running`() throws {
    let source = Signal(0, in: graph)
    graph.holdsEffects = true
    let looping = Effect(in: graph) { if source.value > 0 { source.value += 1 } }
    let other = Signal(0, in: graph)
    let reader = Effect(in: graph) { log.add("\(other.value)") }
    source.value = 1
    other.value = 1
    #expect(throws: EffectLoopError.self) { try graph.flush() }
    #expect(log.entries == ["0", "1"])
    #expect(!graph.hasDueEffects)
    try graph.flush()
    looping.dispose()
    reader.dispose()
  }

  @Test func `An effect that looped reacts to the next change`() {
    let source = Signal(0, in: graph)
    let grows = Signal(true, in: graph)
    let effect = Effect(in: graph) {
      log.add("\(source.value)")
      if graph.untracked({ grows.value }) { source.value += 1 }
    }
    #expect(graph.takeFailures().count == 1)
    _ = log.take()
    grows.value = false
    source.value = 7
    #expect(log.entries == ["7"])
    effect.dispose()
  }
}
