import MoonstoreHost

/// W1 and W2: an action that increments, called from Swift, bare and surrounded.
enum Actions {
  static var all: [Benchmark] {
    [
      Benchmark(id: "W1", title: "increment action, from Swift", target: .atMost(200)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.increment("counter", $0) },
          reference: try plain.counting("W1")
        )
      },
      Benchmark(id: "W1p", title: "increment action, by a prepared call", target: .atMost(200)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.incrementPrepared("counter", $0) },
          reference: try plain.counting("W1")
        )
      },
      Benchmark(id: "W1a", title: "increment action, awaited from outside of the actor") {
        let host = try await host()
        let counter = try await host.store("counter")
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { count in
            let before = try await counter.get("count", as: Int.self)
            let took = try await elapsedNanoseconds {
              for _ in 0..<count { try await counter.call("increment") }
            }
            let after = try await counter.get("count", as: Int.self)
            try WrongResult.check(after, is: before + count, "counter.count")
            return took
          },
          reference: try plain.counting("W1")
        )
      },
      Benchmark(id: "W2", title: "increment action, one middleware", target: .atMost(400)) {
        let host = try await host("surrounded")
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.increment("counter", $0) },
          reference: try plain.counting("W2")
        )
      },
      Benchmark(id: "W2o", title: "increment action, one onAction", target: .atMost(400)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.increment("watched", $0) },
          reference: try plain.counting("W2")
        )
      },
    ]
  }
}
