import MoonValue
import MoonstoreHost

/// W5: a script sends messages, each a turn of its own with all that hear it.
enum Bus {
  static var all: [Benchmark] {
    [
      Benchmark(id: "W5", title: "bus send, 1 subscriber", target: .atMost(900)) {
        try await workload("W5", subscribers: 1, layers: 0)
      },
      Benchmark(id: "W5s", title: "bus send, 10 subscribers", target: .atMost(2_500)) {
        try await workload("W5s", subscribers: 10, layers: 0)
      },
      Benchmark(id: "W5m", title: "bus send, 1 subscriber, 3 middleware", target: .atMost(1_500)) {
        try await workload("W5m", subscribers: 1, layers: 3)
      },
    ]
  }

  private static func workload(_ name: String, subscribers: Int, layers: Int) async throws
    -> Benchmark.Workload
  {
    let host = try await host(settings: [
      "subscribers": .integer(Int64(subscribers)), "layers": .integer(Int64(layers)),
    ])
    let plain = try PlainLua()
    try plain.loop(name, 0)
    return Benchmark.Workload(
      ours: { try await send(on: host, $0, subscribers: subscribers) },
      reference: { count in
        let before = Int(try plain.loop(name, 1))
        return try plain.loop(name, count, is: before + subscribers * count)
      }
    )
  }

  static func send(on host: StoreHost, _ count: Int, subscribers: Int) async throws -> Double {
    let pulse = try await host.store("pulse")
    let before = try await pulse.get("count", as: Int.self)
    let took = try await nanoseconds {
      _ = try await host.evaluate(
        "for _ = 1, ... do bus.send('pulse', { amount = 1 }) end",
        name: "sender",
        arguments: [.integer(Int64(count))]
      )
    }
    let after = try await pulse.get("count", as: Int.self)
    try WrongResult.check(after, is: before + subscribers * count, "pulse.count")
    return took
  }
}
