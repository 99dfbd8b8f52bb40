import MoonValue
import MoonstoreCore
import Testing

/// Whatever a program keeps beyond its store system works, does nothing, or ends the program with words.
struct KeptBeyondTests {
  @Test func `A bus that is used after its system has gone says so`() async {
    let result = await #expect(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      var bus: MessageBus?
      do { bus = StoreSystem().bus }
      try bus?.cleanUp(olderThan: 0)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("this MessageBus was used after its StoreSystem had gone"))
  }

  @Test func `A registry that is used after its system has gone says so`() async {
    let result = await #expect(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      var registry: StoreRegistry?
      do { registry = StoreSystem().registry }
      _ = registry?.ids
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("this StoreRegistry was used after its StoreSystem had gone"))
  }

  @Test func `What needs no system is as it was`() throws {
    var message: Message?
    var bus: MessageBus?
    do {
      let system = StoreSystem()
      bus = system.bus
      try system.send("note", ["list": [1, 2]])
      message = system.bus.recentMessages().first
    }
    #expect(message?.payload == ["list": [1, 2]])
    #expect(message?.type == "note")
    #expect(bus?.messageCount == 1)
    #expect(bus?.recentMessages().first === message)
    #expect(bus?.unhandledMessages.count == 1)
  }

  @Test func `A graph and what is in it outlive their system`() throws {
    struct Oops: Error {}
    var graph: ReactiveGraph?
    var computed: Computed<Int>?
    var scope: EffectScope?
    var effect: Effect?
    var runs = 0
    do {
      let system = StoreSystem()
      _ = system.observeReports { _ in }
      let counter = try system.defineCounter()
      let read = try system.registry.store("counter")
      #expect(try read.get("count") == 0)
      withExtendedLifetime(counter) {}
      graph = system.graph
    }
    let kept = try #require(graph)
    let signal = Signal(1, in: kept)
    computed = Computed(in: kept) { signal.value * 2 }
    scope = EffectScope(in: kept)
    effect = Effect(in: kept) {
      runs += 1
      if signal.value > 1 { throw Oops() }
    }
    signal.value = 2
    try kept.flush()
    #expect(try computed?.value == 4)
    #expect(runs == 2)
    effect?.dispose()
    scope?.dispose()
    #expect(effect?.isDisposed == true)
  }
}
