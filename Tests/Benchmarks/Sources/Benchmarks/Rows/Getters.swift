import MoonValue
import MoonstoreCore
import MoonstoreHost

/// W4: a getter that is cached, and one over a thousand lines of which one has changed.
enum Getters {
  static let lines = 1_000
  static let price = 5

  static var all: [Benchmark] {
    [
      Benchmark(id: "W4", title: "getter, cached, read from Swift", target: .atMost(25)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { count in
            try await host.withStores { stores in
              let store = try stores.store("lines")
              var sum: Int64 = 0
              let took = try nanoseconds {
                for _ in 0..<count { sum += try store.get("total").integerValue ?? 0 }
              }
              try WrongResult.check(Int(sum), is: count * lines * price, "the sum of totals")
              return took
            }
          },
          reference: { count in
            var total = 0.0
            let took = try nanoseconds { total = try plain.steps("W4", count) }
            try WrongResult.check(total, is: Double(lines * price), "the reference's total")
            return took
          }
        )
      },
      Benchmark(id: "W4l", title: "getter, cached, read from Lua", target: .atMost(70)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.loop("lines", "read", $0, is: $0 * lines * price) },
          reference: { try plain.loop("W4", $0, is: $0 * lines * price) }
        )
      },
      Benchmark(
        id: "W4r",
        title: "getter over 1,000 lines after one change",
        target: .atMost(80_000)
      ) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await change(on: host, $0) },
          reference: { count in
            let before = try plain.steps("W4r", 1)
            var total = 0.0
            let took = try nanoseconds { total = try plain.steps("W4r", count) }
            try WrongResult.check(
              total,
              is: before + Double(count * price),
              "the reference's total"
            )
            return took
          }
        )
      },
    ]
  }

  static func change(on host: StoreHost, _ count: Int) async throws -> Double {
    try await host.withStores { stores in
      let store = try stores.store("lines")
      let before = try integer(store.get("total"))
      var total = Value.null
      let took = try nanoseconds {
        for _ in 0..<count {
          try store.call("change")
          total = try store.get("total")
        }
      }
      try WrongResult.check(try integer(total), is: before + count * price, "lines.total")
      return took
    }
  }
}
