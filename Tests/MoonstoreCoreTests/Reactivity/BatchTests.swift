import MoonstoreCore
import Testing

struct BatchTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `A batch returns the value of its body`() {
    #expect(graph.batch { 42 } == 42)
  }

  @Test func `Effects run when the batch ends`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    graph.batch {
      source.value = 2
      log.add("inside")
      source.value = 3
    }
    #expect(log.entries == ["1", "inside", "3"])
    effect.dispose()
  }

  @Test func `Only the outermost batch runs effects`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    graph.batch {
      graph.batch { source.value = 2 }
      log.add("between")
      source.value = 3
    }
    #expect(log.entries == ["1", "between", "3"])
    effect.dispose()
  }

  @Test func `A read in a batch sees what was written`() throws {
    let source = Signal(1, in: graph)
    let double = Computed(in: graph) { source.value * 2 }
    try graph.batch {
      source.value = 5
      #expect(source.value == 5)
      let seen = try double.value
      #expect(seen == 10)
    }
  }

  @Test func `A value that is written back in a batch runs no effect`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    graph.batch {
      source.value = 2
      source.value = 1
    }
    #expect(log.entries == ["1"])
    effect.dispose()
  }

  @Test func `A value that a computed has seen in between is compared with what it saw`() throws {
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph) { source.value }
    let effect = Effect(in: graph) { log.add("\(try computed.value)") }
    try graph.batch {
      source.value = 2
      let seen = try computed.value
      #expect(seen == 2)
      source.value = 1
    }
    #expect(try computed.value == 1)
    effect.dispose()
  }

  @Test func `A reader that joins in the middle of a batch is not forgotten`() throws {
    let source = Signal(1, in: graph)
    let old = Computed(in: graph) { source.value }
    let new = Computed(in: graph) { source.value * 10 }
    #expect(try old.value == 1)
    try graph.batch {
      source.value = 2
      let seen = try new.value
      #expect(seen == 20)
      source.value = 1
    }
    #expect(try new.value == 10)
    #expect(try old.value == 1)
  }

  @Test func `A batch that throws still runs effects`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    #expect(throws: Refusal(reason: "no")) {
      try graph.batch { () throws(Refusal) in
        source.value = 2
        throw Refusal(reason: "no")
      }
    }
    #expect(log.entries == ["1", "2"])
    effect.dispose()
  }

  @Test func `After a batch that threw, writes run effects at once`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    try? graph.batch { throw Refusal(reason: "no") }
    source.value = 2
    #expect(log.entries == ["1", "2"])
    effect.dispose()
  }

  @Test func `An effect that is created in a batch runs at once`() {
    let source = Signal(1, in: graph)
    let effect = graph.batch {
      source.value = 2
      let effect = Effect(in: graph) { log.add("\(source.value)") }
      log.add("inside")
      return effect
    }
    #expect(log.entries == ["2", "inside"])
    effect.dispose()
  }

  @Test func `A batch inside of an effect waits for the effect`() {
    let source = Signal(1, in: graph)
    let target = Signal(0, in: graph)
    let reader = Effect(in: graph) { log.add("read \(target.value)") }
    let writer = Effect(in: graph) {
      let value = source.value
      graph.batch { target.value = value }
      log.add("end")
    }
    source.value = 2
    #expect(log.entries == ["read 0", "end", "read 1", "end", "read 2"])
    reader.dispose()
    writer.dispose()
  }

  @Test func `An effect that is disposed in a batch does not run at its end`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    graph.batch {
      source.value = 2
      effect.dispose()
    }
    #expect(log.entries == ["1"])
  }

  @Test func `A begin and end pair groups writes without a closure`() {
    let source = Signal(1, in: graph)
    let effect = Effect(in: graph) { log.add("\(source.value)") }
    graph.beginBatch()
    source.value = 2
    source.value = 3
    graph.endBatch()
    #expect(log.entries == ["1", "3"])
    effect.dispose()
  }

  @Test func `An empty batch runs nothing`() {
    let effect = Effect(in: graph) { log.add("run") }
    graph.batch {}
    #expect(log.entries == ["run"])
    effect.dispose()
  }
}
