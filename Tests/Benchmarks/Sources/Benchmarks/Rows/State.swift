import MoonValue
import MoonstoreCore
import MoonstoreHost

/// W7: state that is read and written in Lua, many times within one action.
enum State {
  static let items = 10_000
  private static let sum = items * (items + 1) / 2

  static var all: [Benchmark] {
    [
      Benchmark(id: "W7r", title: "read state.user.profile.name in Lua", target: .atMost(130)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.loop("tree", "read", $0, is: $0) },
          reference: { try plain.loop("read", $0, is: $0) }
        )
      },
      Benchmark(id: "W7w", title: "write state.user.profile.visits in Lua", target: .atMost(90)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.loop("tree", "write", $0, is: $0) },
          reference: { try plain.loop("write", $0, is: $0) }
        )
      },
      Benchmark(id: "W7p", title: "push onto an array in Lua", target: .atMost(250)) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { count in
            _ = try await host.withStores { stores in try stores.store("tree").call("clear") }
            return try await host.loop("tree", "push", count, is: count)
          },
          reference: { try plain.loop("push", $0, is: $0) }
        )
      },
      Benchmark(
        id: "W7i",
        title: "iterate 10,000 numbers, per item",
        target: .atMost(90),
        scale: Double(items)
      ) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.loop("tree", "numbersSum", $0, is: $0 * sum) },
          reference: { try plain.loop("numbers", $0, is: $0 * sum) }
        )
      },
      Benchmark(
        id: "W7m",
        title: "iterate 10,000 maps and read a field of each, per item",
        target: .atMost(90),
        scale: Double(items)
      ) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { try await host.loop("tree", "recordsSum", $0, is: $0 * sum) },
          reference: { try plain.loop("records", $0, is: $0 * sum) }
        )
      },
    ]
  }
}
