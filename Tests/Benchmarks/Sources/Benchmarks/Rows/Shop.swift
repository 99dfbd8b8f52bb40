import MoonValue
import MoonstoreCore
import MoonstoreHost

/// W3: a product is looked up by a request, the cart of ten lines changes, a message tells it, the stock follows,
/// and two totals are read.
enum Shop {
  static let lines = 10

  static var all: [Benchmark] {
    [
      Benchmark(
        id: "W3",
        title: "shop: look up, change cart, stock follows, two totals",
        target: .atMost(12_000)
      ) {
        try await workload("W3", tellsStock: false)
      },
      Benchmark(id: "W3x", title: "shop, with product:stock-updated too", target: .atMost(16_000)) {
        try await workload("W3x", tellsStock: true)
      },
      Benchmark(id: "W3s", title: "the same in Scripts/shop, with all its checks") {
        let host = try await StoreHost(scripts: Folders.shop)
        try await host.withStores { stores in
          let products = try stores.store("products")
          for index in 1...lines {
            try products.call(
              "add",
              [
                "id": .string("P\(index)"), "name": "A product", "priceMinor": 100,
                "stock": .integer(1_000_000_000),
              ]
            )
          }
        }
        try await fill(host)
        let plain = try PlainLua()
        try plain.loop("W3x", 0)
        return Benchmark.Workload(
          ours: { try await buy(on: host, $0) },
          reference: try plain.buying("W3x")
        )
      },
    ]
  }

  private static func workload(_ name: String, tellsStock: Bool) async throws -> Benchmark.Workload
  {
    let host = try await filled(tellsStock: tellsStock)
    let plain = try PlainLua()
    try plain.loop(name, 0)
    return Benchmark.Workload(
      ours: { try await buy(on: host, $0) },
      reference: try plain.buying(name)
    )
  }

  /// A host with the small shop, a piece of each product in the cart.
  static func filled(
    tellsStock: Bool,
    limits: ScriptLimits = ScriptLimits()
  ) async throws -> StoreHost {
    let host = try await host(settings: ["tellsStock": .bool(tellsStock)], limits: limits)
    try await host.withStores { stores in
      let products = try stores.store("products")
      for index in 1...lines {
        try products.call("add", .string("P\(index)"), 100, .integer(1_000_000_000))
      }
    }
    try await fill(host)
    return host
  }

  private static func fill(_ host: StoreHost) async throws {
    try await host.withStores { stores in
      let cart = try stores.store("cart")
      for index in 1...lines { try cart.call("addItem", .string("P\(index)"), 1) }
    }
  }

  /// Buys pieces one by one, and reads both totals after each.
  static func buy(on host: StoreHost, _ count: Int) async throws -> Double {
    try await host.withStores { stores in
      let cart = try stores.store("cart")
      let products = try stores.store("products")
      func stock() throws -> Int {
        let product = try products.get("items").mapValue?["P5"]
        return try integer(product?.mapValue?["stock"] ?? .null)
      }
      let pieces = try integer(cart.get("itemCount"))
      let left = try stock()
      var found = (pieces: Value.null, pence: Value.null)
      let took = try nanoseconds {
        for _ in 0..<count {
          try cart.call("addItem", "P5", 1)
          found = (try cart.get("itemCount"), try cart.get("totalPrice"))
        }
      }
      try WrongResult.check(try integer(found.pieces), is: pieces + count, "cart.itemCount")
      try WrongResult.check(try integer(found.pence), is: 100 * (pieces + count), "cart.totalPrice")
      try WrongResult.check(try stock(), is: left - count, "the stock")
      return took
    }
  }
}

extension PlainLua {
  /// Buys, and reads both totals after each.
  func buying(_ name: String) throws -> Benchmark.Work {
    { count in
      let before = try self.steps(name, 1)
      var pence = 0.0
      let took = try nanoseconds { pence = try self.steps(name, count) }
      try WrongResult.check(pence, is: before + 100 * Double(count), "the reference's total")
      return took
    }
  }
}
