import MoonstoreHost

/// What limits on time and memory cost: the same with them, and as the reference without.
enum LimitRows {
  static var all: [Benchmark] {
    [
      Benchmark(id: "L1", title: "W1 with limits, against without", target: .ratio(1.05)) {
        let limited = try await host()
        let free = try await host(limits: .none)
        return Benchmark.Workload(
          ours: { try await limited.increment("counter", $0) },
          reference: { try await free.increment("counter", $0) }
        )
      },
      Benchmark(id: "L3", title: "W3 with limits, against without", target: .ratio(1.05)) {
        let limited = try await Shop.filled(tellsStock: false)
        let free = try await Shop.filled(tellsStock: false, limits: .none)
        return Benchmark.Workload(
          ours: { try await Shop.buy(on: limited, $0) },
          reference: { try await Shop.buy(on: free, $0) }
        )
      },
      Benchmark(id: "L4r", title: "W4r with limits, against without", target: .ratio(1.05)) {
        let limited = try await host()
        let free = try await host(limits: .none)
        return Benchmark.Workload(
          ours: { try await Getters.change(on: limited, $0) },
          reference: { try await Getters.change(on: free, $0) }
        )
      },
    ]
  }
}
