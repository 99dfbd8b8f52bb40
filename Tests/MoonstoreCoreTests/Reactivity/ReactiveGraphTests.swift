import MoonstoreCore
import Testing

/// The graph as the state tree uses it: nodes and observers, no signals.
struct ReactiveGraphTests {
  /// Adds one to what lies before it: a variable, or another stage.
  final class Stage: GraphObserver {
    var value = 0
    var input: () -> Int
    var node = NodeID.none
    var runs = 0
    var reported: [NodeID] = []

    init(_ input: @escaping () -> Int) { self.input = input }

    override var label: String { "stage \(node.rawValue)" }

    override func recompute(in graph: ReactiveGraph) -> Bool {
      runs += 1
      let new = input()
      defer { value = new }
      return new != value
    }

    override func run(in graph: ReactiveGraph) { _ = recompute(in: graph) }

    override func scheduled(_ node: NodeID, in graph: ReactiveGraph) {
      reported.append(node)
    }
  }

  let graph = ReactiveGraph()

  func stage(after before: Stage) -> Stage {
    let stage = Stage { [graph, unowned before] in
      _ = graph.refresh(before.node)
      graph.track(before.node)
      return before.value + 1
    }
    stage.node = graph.makeComputed(stage)
    return stage
  }

  @Test func `A chain of a hundred thousand is marked and checked without recursion`() {
    let source = graph.makeSource()
    var number = 0
    let first = Stage { [graph] in
      graph.track(source)
      return number
    }
    first.node = graph.makeComputed(first)
    var chain = [first]
    for _ in 1..<100_000 {
      let next = stage(after: chain[chain.count - 1])
      _ = graph.refresh(next.node)
      chain.append(next)
    }
    let last = chain[chain.count - 1]
    let end = Stage { [graph] in
      _ = graph.refresh(last.node)
      graph.track(last.node)
      return last.value
    }
    let effect = graph.makeEffect(end)
    #expect(end.value == 99_999)
    number = 5
    graph.markChanged(source)
    #expect(end.value == 100_004)
    #expect(chain.allSatisfy { $0.runs == 2 })
    graph.free(effect)
    #expect(graph.linkCount == 0)
  }

  @Test func `A check that finds no change in a long chain runs only its first stage`() {
    let source = graph.makeSource()
    let first = Stage { [graph] in
      graph.track(source)
      return 1
    }
    first.node = graph.makeComputed(first)
    var chain = [first]
    for _ in 1..<100_000 {
      let next = stage(after: chain[chain.count - 1])
      _ = graph.refresh(next.node)
      chain.append(next)
    }
    graph.markChanged(source)
    #expect(graph.refresh(chain[chain.count - 1].node) == .ready)
    #expect(chain.map(\.runs).reduce(0, +) == 100_001)
  }

  @Test func `Tracking outside of observers makes no link`() {
    let source = graph.makeSource()
    graph.track(source)
    #expect(!graph.isTracking)
    #expect(graph.linkCount == 0)
  }

  @Test func `A plain source counts as changed at each mark`() {
    let source = graph.makeSource()
    let stage = Stage { [graph] in
      graph.track(source)
      return 1
    }
    stage.node = graph.makeComputed(stage)
    _ = graph.refresh(stage.node)
    graph.markChanged(source)
    _ = graph.refresh(stage.node)
    #expect(stage.runs == 2)
  }

  @Test func `A verified source decides whether it has changed`() {
    final class Verdict: GraphObserver {
      var hasChanged = false
      override func recompute(in graph: ReactiveGraph) -> Bool { hasChanged }
    }
    let verdict = Verdict()
    let source = graph.makeSource(verdict)
    let stage = Stage { [graph] in
      graph.track(source)
      return 1
    }
    stage.node = graph.makeComputed(stage)
    _ = graph.refresh(stage.node)
    graph.markChanged(source)
    _ = graph.refresh(stage.node)
    #expect(stage.runs == 1)
    verdict.hasChanged = true
    graph.markChanged(source)
    _ = graph.refresh(stage.node)
    #expect(stage.runs == 2)
  }

  @Test func `A computed that asks for itself is told so and shown the path`() {
    var results: [RefreshResult] = []
    var labels: [String] = []
    let stage = Stage { 0 }
    stage.node = graph.makeComputed(stage)
    stage.input = { [graph, unowned stage] in
      results.append(graph.refresh(stage.node))
      labels = graph.cyclePath(to: stage.node)
      #expect(graph.isRunning(stage.node))
      #expect(graph.runningPath.count == 1)
      return 1
    }
    #expect(graph.refresh(stage.node) == .ready)
    #expect(results == [.cycle])
    #expect(labels == [stage.label, stage.label])
    #expect(!graph.isRunning(stage.node))
  }

  @Test func `A host may queue effects itself`() throws {
    let source = graph.makeSource()
    let stage = Stage { [graph] in
      graph.track(source)
      return 1
    }
    let effect = graph.makeEffect(stage, schedulesItself: true)
    graph.markChanged(source)
    graph.markChanged(source)
    try graph.flush()
    #expect(stage.reported == [effect])
    #expect(stage.runs == 1)
    #expect(graph.runEffect(effect))
    #expect(stage.runs == 2)
    #expect(!graph.runEffect(effect))
    graph.free(effect)
  }

  @Test func `An effect that a host runs late checks first whether it must`() {
    let source = graph.makeSource()
    var number = 0
    let parity = Stage { [graph] in
      graph.track(source)
      return number % 2
    }
    parity.node = graph.makeComputed(parity)
    let end = Stage { [graph] in
      _ = graph.refresh(parity.node)
      graph.track(parity.node)
      return parity.value
    }
    let effect = graph.makeEffect(end, schedulesItself: true)
    number = 2
    graph.markChanged(source)
    #expect(!graph.runEffect(effect))
    number = 3
    graph.markChanged(source)
    #expect(graph.runEffect(effect))
    graph.free(effect)
  }

  @Test func `A pause and its end need no closure`() {
    let tracked = graph.makeSource()
    let hidden = graph.makeSource()
    let stage = Stage { [graph] in
      let outer = graph.pauseTracking()
      graph.track(hidden)
      graph.resumeTracking(outer)
      graph.track(tracked)
      return 1
    }
    let effect = graph.makeEffect(stage)
    graph.markChanged(hidden)
    #expect(stage.runs == 1)
    graph.markChanged(tracked)
    #expect(stage.runs == 2)
    graph.free(effect)
  }

  @Test func `A freed source leaves its readers with the rest of their dependencies`() {
    let first = graph.makeSource()
    let second = graph.makeSource()
    let third = graph.makeSource()
    let stage = Stage { [graph] in
      [first, second, third].forEach(graph.track)
      return 1
    }
    stage.node = graph.makeComputed(stage)
    _ = graph.refresh(stage.node)
    stage.input = { [graph] in
      graph.track(first)
      graph.track(third)
      return 1
    }
    graph.free(second)
    #expect(graph.linkCount == 2)
    graph.markChanged(third)
    _ = graph.refresh(stage.node)
    graph.markChanged(first)
    _ = graph.refresh(stage.node)
    #expect(stage.runs == 3)
  }

  @Test func `Freeing a node twice frees it once`() {
    let source = graph.makeSource()
    graph.free(source)
    graph.free(source)
    graph.free(.none)
    #expect(graph.nodeCount == 0)
  }

  @Test func `Nodes that are freed in the middle of a check end safely`() {
    let source = graph.makeSource()
    let doomed = Stage { [graph] in
      graph.track(source)
      return 0
    }
    doomed.node = graph.makeComputed(doomed)
    let killer = Stage { [graph] in
      graph.track(source)
      return 0
    }
    killer.node = graph.makeComputed(killer)
    let middle = stage(after: killer)
    let reader = Stage { [graph] in
      for node in [middle.node, doomed.node] {
        _ = graph.refresh(node)
        graph.track(node)
      }
      return 1
    }
    reader.node = graph.makeComputed(reader)
    _ = graph.refresh(reader.node)
    killer.input = { [graph] in
      graph.track(source)
      graph.free(doomed.node)
      return 0
    }
    graph.markChanged(source)
    #expect(graph.refresh(reader.node) == .ready)
    #expect(reader.runs == 1)
    #expect(graph.nodeCount == 4)
  }
}
