import MoonstoreCore
import Testing

struct ComputedTests {
  let graph = ReactiveGraph()
  let log = RunLog()

  @Test func `A computed is lazy`() throws {
    let computed = Computed(in: graph) {
      log.add("run")
      return 1
    }
    #expect(log.entries.isEmpty)
    #expect(try computed.value == 1)
    #expect(log.entries == ["run"])
  }

  @Test func `A read outside of observers is cached`() throws {
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph) {
      log.add("run")
      return source.value
    }
    #expect(try computed.value == 1)
    #expect(try computed.value == 1)
    #expect(log.count("run") == 1)
  }

  @Test func `A read after a write sees it`() throws {
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph) { source.value * 2 }
    #expect(try computed.value == 2)
    source.value = 4
    #expect(try computed.value == 8)
  }

  @Test func `A write to something else does not evaluate it`() throws {
    let source = Signal(1, in: graph)
    let other = Signal(1, in: graph)
    let computed = Computed(in: graph) {
      log.add("run")
      return source.value
    }
    #expect(try computed.value == 1)
    other.value = 2
    #expect(try computed.value == 1)
    #expect(log.count("run") == 1)
  }

  @Test func `A computed may hold no value`() throws {
    let source = Signal<Int?>(nil, in: graph)
    let computed = Computed(in: graph) {
      log.add("run")
      return source.value
    }
    #expect(try computed.value == nil)
    #expect(try computed.value == nil)
    #expect(log.count("run") == 1)
    source.value = 1
    #expect(try computed.value == 1)
    source.value = nil
    #expect(try computed.value == nil)
  }

  @Test func `A change that comes out equal upstream evaluates nothing downstream`() throws {
    let source = Signal(1, in: graph)
    let sign = Computed(in: graph) { source.value.signum() }
    let text = Computed(in: graph) {
      log.add("text")
      return "\(try sign.value)"
    }
    #expect(try text.value == "1")
    source.value = 7
    #expect(try text.value == "1")
    #expect(log.count("text") == 1)
  }

  @Test func `A value that is written back before the read evaluates nothing`() throws {
    let source = Signal(1, in: graph)
    let computed = Computed(in: graph) {
      log.add("run")
      return source.value
    }
    #expect(try computed.value == 1)
    source.value = 2
    source.value = 1
    #expect(try computed.value == 1)
    #expect(log.count("run") == 1)
  }

  @Test func `A computed may be created inside another one`() throws {
    let source = Signal(2, in: graph)
    let outer = Computed(in: graph) {
      let inner = Computed(in: graph) { source.value * 10 }
      return try inner.value + 1
    }
    #expect(try outer.value == 21)
    source.value = 3
    #expect(try outer.value == 31)
  }

  @Test func `A computed that creates another one does not run for ever`() throws {
    let source = Signal(1, in: graph)
    let outer = Computed(in: graph) {
      log.add("outer")
      let inner = Computed(in: graph) { source.value }
      return try inner.value
    }
    let effect = Effect(in: graph) { log.add("\(try outer.value)") }
    source.value = 2
    #expect(log.entries == ["outer", "1", "outer", "2"])
    effect.dispose()
  }

  @Test func `Only what is read of a computed is evaluated`() throws {
    let source = Signal(1, in: graph)
    let read = Computed(in: graph) { source.value }
    let unread = Computed(in: graph) {
      log.add("unread")
      return source.value
    }
    #expect(try read.value == 1)
    source.value = 2
    #expect(try read.value == 2)
    #expect(log.entries.isEmpty)
    #expect(try unread.value == 2)
  }

  @Test func `A computed of class values compares with the given closure`() throws {
    let source = Signal(1, in: graph)
    let made = Computed<RunLog>(in: graph, areEqual: { $0 === $1 }) {
      _ = source.value
      return log
    }
    let reader = Computed(in: graph) {
      log.add("reader")
      return try made.value.entries.isEmpty
    }
    #expect(try !reader.value)
    source.value = 2
    #expect(try !reader.value)
    #expect(log.count("reader") == 1)
  }
}
