import MoonstoreCore

/// W6: what a write costs in the Swift graph, in the six shapes by which such graphs are compared.
///
/// The target is half of what alien-signals takes, as measured for the project's design. The reference is the same
/// arithmetic by closures that call each other, with no graph at all.
enum Graphs {
  static var all: [Benchmark] {
    [
      Benchmark(id: "W6de", title: "graph, deep 1000, per write", target: .atMost(21_500)) {
        let graph = ReactiveGraph()
        let head = Signal(0, in: graph)
        var last = Computed(in: graph) { head.value + 1 }
        for _ in 1..<1_000 {
          let inner = last
          last = Computed(in: graph) { try inner.value + 1 }
        }
        let tip = last
        var source = 0
        var chain: () -> Int = { source + 1 }
        for _ in 1..<1_000 {
          let inner = chain
          chain = { inner() + 1 }
        }
        let call = chain
        return writing(head, in: graph, effects: [{ try tip.value }], sum: { $0 + 1_000 }) {
          source = $0
          return call()
        }
      },
      Benchmark(id: "W6br", title: "graph, broad 1000, per write", target: .atMost(88_500)) {
        let graph = ReactiveGraph()
        let head = Signal(0, in: graph)
        let tips = (0..<1_000).map { index in
          let inner = Computed(in: graph) { head.value + index }
          return Computed(in: graph) { try inner.value + 1 }
        }
        var source = 0
        let closures: [() -> Int] = (0..<1_000).map { index in
          let inner = { source + index }
          return { inner() + 1 }
        }
        return writing(
          head,
          in: graph,
          effects: tips.map { tip in { try tip.value } },
          sum: { 1_000 * ($0 + 1) + 499_500 },
          by: {
            source = $0
            return closures.reduce(0) { $0 + $1() }
          }
        )
      },
      Benchmark(id: "W6di", title: "graph, diamond, per write", target: .atMost(213)) {
        let graph = ReactiveGraph()
        let head = Signal(0, in: graph)
        let sides = (0..<5).map { _ in Computed(in: graph) { head.value + 1 } }
        let tip = Computed(in: graph) { try sides.reduce(0) { try $0 + $1.value } }
        var source = 0
        let closures: [() -> Int] = (0..<5).map { _ in { source + 1 } }
        return writing(head, in: graph, effects: [{ try tip.value }], sum: { 5 * ($0 + 1) }) {
          source = $0
          return closures.reduce(0) { $0 + $1() }
        }
      },
      Benchmark(id: "W6tr", title: "graph, triangle, per write", target: .atMost(350)) {
        let graph = ReactiveGraph()
        let head = Signal(0, in: graph)
        var list: [Computed<Int>] = [Computed(in: graph) { head.value + 1 }]
        for _ in 1..<9 {
          let inner = list[list.count - 1]
          list.append(Computed(in: graph) { try inner.value + 1 })
        }
        let levels = list
        let tip = Computed(in: graph) { try levels.reduce(head.value) { try $0 + $1.value } }
        var source = 0
        var chain: [() -> Int] = [{ source + 1 }]
        for _ in 1..<9 {
          let inner = chain[chain.count - 1]
          chain.append { inner() + 1 }
        }
        let closures = chain
        return writing(head, in: graph, effects: [{ try tip.value }], sum: { 10 * $0 + 45 }) {
          source = $0
          return closures.reduce(source) { $0 + $1() }
        }
      },
      Benchmark(id: "W6mu", title: "graph, mux of 100, per write", target: .atMost(5_700)) {
        let graph = ReactiveGraph()
        let heads = (0..<100).map { _ in Signal(0, in: graph) }
        let mux = Computed(in: graph, areEqual: nil) { heads.map(\.value) }
        let tips = (0..<100).map { index in
          let split = Computed(in: graph) { try mux.value[index] }
          return Computed(in: graph) { try split.value + 1 }
        }
        var sources = [Int](repeating: 0, count: 100)
        return writing(
          heads[7],
          in: graph,
          effects: tips.map { tip in { try tip.value } },
          sum: { $0 + 100 },
          by: { value in
            sources[7] = value
            let muxed = sources.map { $0 }
            return (0..<100).reduce(0) { $0 + muxed[$1] + 1 }
          }
        )
      },
      Benchmark(id: "W6un", title: "graph, unstable, per write", target: .atMost(335)) {
        let graph = ReactiveGraph()
        let head = Signal(0, in: graph)
        let double = Computed(in: graph) { head.value * 2 }
        let inverse = Computed(in: graph) { -head.value }
        let tip = Computed(in: graph) {
          var sum = 0
          for _ in 0..<20 { sum += head.value % 2 != 0 ? try double.value : try inverse.value }
          return sum
        }
        var source = 0
        let closures: [() -> Int] = [{ source * 2 }, { -source }]
        return writing(
          head,
          in: graph,
          effects: [{ try tip.value }],
          sum: { 20 * ($0 % 2 != 0 ? 2 * $0 : -$0) },
          by: {
            source = $0
            var sum = 0
            for _ in 0..<20 { sum += source % 2 != 0 ? closures[0]() : closures[1]() }
            return sum
          }
        )
      },
    ]
  }

  /// Writes one value after the other into a source, and checks what the effects have read: `sum` is what that
  /// comes to for a value.
  private static func writing(
    _ head: Signal<Int>,
    in graph: ReactiveGraph,
    effects bodies: [() throws -> Int],
    sum: @escaping (Int) -> Int,
    by plain: @escaping (Int) -> Int
  ) -> Benchmark.Workload {
    let seen = Seen(count: bodies.count)
    let effects = bodies.enumerated().map { index, body in
      Effect(in: graph) { seen.values[index] = try body() }
    }
    var last = 0
    return Benchmark.Workload(
      ours: { count in
        let took = nanoseconds {
          for _ in 0..<count {
            last += 1
            head.value = last
          }
        }
        try WrongResult.check(seen.values.reduce(0, +), is: sum(last), "what the effects have seen")
        // They live as long as somebody holds them.
        return withExtendedLifetime(effects) { took }
      },
      reference: { count in
        var found = 0
        let took = nanoseconds {
          for value in 1...count { found = plain(value) }
        }
        try WrongResult.check(found, is: sum(count), "what closures come to")
        return took
      }
    )
  }

  private final class Seen {
    var values: [Int]
    init(count: Int) { values = [Int](repeating: 0, count: count) }
  }
}
