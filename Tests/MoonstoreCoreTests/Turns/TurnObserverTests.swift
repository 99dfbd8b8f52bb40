import MoonValue
import MoonstoreCore
import Testing

@Suite struct TurnObserverTests {
  let system = StoreSystem()

  @Test func `An observer is told what began a turn, what it committed, and how it ended`() throws {
    let counter = try system.defineCounter()
    let observer = RecordingObserver()
    _ = system.observe(observer)
    try counter.call("increment", 3)
    #expect(failure { try counter.call("countAndFail") } != nil)
    #expect(observer.turns.count == 2)
    let good = try #require(observer.turns.first)
    #expect(good.origin == TurnOrigin(.action, store: "counter", name: "increment", arguments: [3]))
    #expect(good.outcome == .done)
    #expect(
      good.commits.map(\.changes).map { $0.flatMap(\.patches) } == [
        [StatePatch(.set, at: try StatePath(parsing: "counter.count"), old: 0, new: 3)]
      ]
    )
    let bad = try #require(observer.turns.last)
    #expect(bad.commits.isEmpty)
    guard case .failed(let failure) = bad.outcome else {
      Issue.record("the turn has failed, and its record says \(bad.outcome)")
      return
    }
    #expect(failure.message.contains("no"))
  }

  @Test
  func `Observers hear in the order in which they came, and one that has ended hears nothing`()
    throws
  {
    let counter = try system.defineCounter()
    var heard: [String] = []
    let first = system.observe(NamedObserver("first") { heard.append($0) })
    _ = system.observe(NamedObserver("second") { heard.append($0) })
    try counter.call("increment")
    first.cancel()
    try counter.call("increment")
    #expect(heard == ["first", "second", "second"])
  }

  @Test func `A refused commit undoes the turn, and its caller gets the refusal`() throws {
    let counter = try system.defineCounter()
    let observer = RecordingObserver()
    _ = system.observe(observer)
    var told = 0
    _ = try counter.subscribe { _ in told += 1 }
    observer.refusal = StoreError(.overloaded, "not now")
    #expect(failure { try counter.call("increment") }?.message == "not now")
    #expect(try counter.get("count") == 0)
    #expect(observer.commits.isEmpty)
    observer.refusal = nil
    try counter.call("increment")
    #expect(try counter.get("count") == 1)
    #expect(observer.commits.count == 1)
    #expect(observer.commits.first?.number == system.commitNumber)
  }

  @Test
  func `A commit in the middle that is refused can be caught, and what it was about asked again`()
    throws
  {
    let counter = try system.defineCounter()
    let observer = RecordingObserver()
    _ = system.observe(observer)
    var told: [StoreChange] = []
    _ = try counter.subscribe { told.append($0) }
    try system.turn {
      try counter.set("count", 1)
      observer.refusal = StoreError(.overloaded, "not now")
      #expect(failure { try system.commit() } != nil)
      observer.refusal = nil
      try counter.set("count", 2)
    }
    #expect(observer.commits.count == 1)
    #expect(observer.changes.flatMap(\.patches).map(\.new) == [1, 2])
    #expect(told.flatMap(\.patches).map(\.new) == [1, 2])
  }

  @Test func `What no observer asks for is not gathered`() throws {
    let counter = try system.defineCounter()
    let observer = RecordingObserver(.messages)
    _ = system.observe(observer)
    try system.turn {
      try counter.set("count", 5)
      try system.send("shop:opened", ["hour": 8])
    }
    #expect(observer.changes.isEmpty)
    #expect(observer.commits.flatMap(\.messages).map(\.type) == ["shop:opened"])
    #expect(observer.commits.flatMap(\.messages).map(\.payload) == [["hour": 8]])
  }

  @Test func `Messages are told once, with what caused them, and not when their part was undone`()
    throws
  {
    let counter = try system.defineCounter()
    _ = try system.subscribe("ping") { [system] _ in try system.send("pong") }
    let observer = RecordingObserver()
    _ = system.observe(observer)
    try system.turn {
      try system.send("ping")
      _ = failure {
        try system.turn {
          try system.send("never")
          try counter.call("fail")
        }
      }
    }
    let messages = observer.commits.flatMap(\.messages)
    #expect(messages.map(\.type) == ["ping", "pong"])
    #expect(messages.last?.cause == messages.first?.sequence)
  }

  @Test func `A turn that commits in its middle and fails afterwards keeps its first commit`()
    throws
  {
    let counter = try system.defineCounter()
    let observer = RecordingObserver()
    _ = system.observe(observer)
    #expect(
      failure {
        try system.turn {
          try counter.set("count", 1)
          try system.commit()
          try counter.set("count", 2)
          try counter.call("fail")
        }
      } != nil
    )
    #expect(observer.turns.count == 1)
    #expect(observer.turns.first?.commits.count == 1)
    #expect(observer.changes.flatMap(\.patches).map(\.new) == [1])
    #expect(try counter.get("count") == 1)
  }

  @Test func `What a watcher writes is in the commit of the turn that it heard of`() throws {
    let counter = try system.defineCounter()
    let other = try system.define("other", state: ["seen": 0])
    let observer = RecordingObserver()
    _ = system.observe(observer)
    let effect = Effect(in: system.graph) { try other.set("seen", try counter.get("count")) }
    defer { effect.dispose() }
    try counter.call("increment")
    #expect(observer.commits.last?.changes.map(\.store) == ["counter", "other"])
  }

  @Test func `Stores that come and go are told with their state`() throws {
    let observer = RecordingObserver()
    _ = system.observe(observer)
    let counter = try system.defineCounter()
    #expect(observer.commits.flatMap(\.stores).map(\.id) == ["counter"])
    #expect(try observer.commits.last?.stores.first?.value == ["count": 0])
    try counter.dispose()
    #expect(observer.commits.last?.gone == ["counter"])
    #expect(
      observer.commits.flatMap(\.events).map(\.type) == ["store:registered", "store:unregistered"]
    )
  }

  @Test func `A record survives its way through JSON`() throws {
    let observer = RecordingObserver()
    _ = system.observe(observer)
    let counter = try system.defineCounter()
    try counter.call("increment")
    _ = failure { try counter.call("fail") }
    for turn in observer.turns {
      let json = try ValueEncoder().encode(turn)
      let again = try ValueDecoder().decode(TurnRecord.self, from: Value(json: try json.json()))
      #expect(try ValueEncoder().encode(again) == json)
    }
  }

  @Test func `Without observers commits are counted as with them`() throws {
    let counter = try system.defineCounter()
    let before = system.commitNumber
    try counter.call("increment")
    let observer = RecordingObserver()
    let observation = system.observe(observer)
    try counter.call("increment")
    observation.cancel()
    try counter.call("increment")
    #expect(system.commitNumber == before + 3)
    #expect(observer.commits.map(\.number) == [before + 2])
  }
}

private final class NamedObserver: TurnObserver {
  private let name: String
  private let hear: (String) -> Void
  init(_ name: String, _ hear: @escaping (String) -> Void) {
    self.name = name
    self.hear = hear
  }
  func didCommit(_ commit: CommitRecord, of turn: TurnRecord) { hear(name) }
}
