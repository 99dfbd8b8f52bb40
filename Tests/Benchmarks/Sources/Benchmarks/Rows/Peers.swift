import MoonValue
import MoonstoreCore
import MoonstoreHost

/// P3: the shop as Pinia, Redux Toolkit and others were measured with it: a hundred products, a cart that has grown
/// to a hundred lines, both found by looking through lists, and two totals that are read after each piece.
enum Peers {
  static let lines = 100

  static var all: [Benchmark] {
    [
      Benchmark(id: "P3", title: "peers' shop of 100 lines, two totals", target: .ratio(4)) {
        try await workload("P3", tellsStock: false)
      },
      Benchmark(id: "P3x", title: "peers' shop, with product:stock-updated", target: .ratio(4)) {
        try await workload("P3x", tellsStock: true)
      },
    ]
  }

  private static func workload(_ name: String, tellsStock: Bool) async throws -> Benchmark.Workload
  {
    let host = try await host("hundred", settings: ["tellsStock": .bool(tellsStock)])
    let ids = (0..<lines).map { Value.string("product-\($0)") }
    try await host.withStores { stores in
      let cart = try stores.store("cart")
      for id in ids { try cart.call("addItem", id, 1) }
    }
    var next = 0
    let plain = try PlainLua()
    try plain.loop(name, 0)
    return Benchmark.Workload(
      ours: { count in
        let first = next
        next = (next + count) % lines
        return try await buy(count, of: ids, from: first, on: host)
      },
      reference: { count in
        let before = try plain.steps(name, 1)
        var pieces = 0.0
        let took = try nanoseconds { pieces = try plain.steps(name, count) }
        try WrongResult.check(pieces, is: before + Double(count), "the reference's pieces")
        return took
      }
    )
  }

  private static func buy(
    _ count: Int,
    of ids: [Value],
    from first: Int,
    on host: StoreHost
  ) async throws -> Double {
    try await host.withStores { stores in
      let cart = try stores.store("cart")
      let before = try integer(cart.get("itemCount"))
      var pieces = Value.null
      let took = try nanoseconds {
        for index in first..<(first + count) {
          try cart.call("addItem", ids[index % lines], 1)
          _ = try cart.get("totalPrice")
          pieces = try cart.get("itemCount")
        }
      }
      try WrongResult.check(try integer(pieces), is: before + count, "cart.itemCount")
      return took
    }
  }
}
