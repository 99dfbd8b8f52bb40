import CReference
import MoonValue
import MoonstoreCore
import MoonstoreHost

/// W8: making a small store of five fields, three actions and two getters.
enum Stores {
  static var all: [Benchmark] {
    [
      Benchmark(id: "W8", title: "small store, create", target: .atMost(5_000), count: 500) {
        let host = try await host()
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { count in
            let took = try await nanoseconds { try await define(count, on: host) }
            try await remove(count, from: host)
            return took
          },
          reference: { try plain.loop("W8", $0, is: 3 * $0) }
        )
      },
      Benchmark(
        id: "W8b",
        title: "small store, memory",
        unit: .bytes,
        target: .atMost(1_000),
        count: 2_000
      ) {
        Benchmark.Workload(
          ours: { count in
            let host = try await host()
            let before = try await Memory.inUse(by: host)
            try await define(count, on: host)
            return Double(try await Memory.inUse(by: host) - before)
          },
          reference: { count in
            let plain = try PlainLua()
            let before = plain.bytes
            _ = try plain.loop("W8", count, is: 3 * count)
            return Double(plain.bytes - before)
          }
        )
      },
    ]
  }

  /// Makes stores `small-1` and on, and reads a getter of each so that none is left unmade.
  static func define(_ count: Int, from first: Int = 1, on host: StoreHost) async throws {
    let sum = try await host.evaluate(
      """
      local first, last = ...
      local sum = 0
      for index = first, last do
        local small = defineStore("small-" .. index, {
          state = function() return { a = 1, b = 2, c = "three", d = true, e = 5.5 } end,
          getters = {
            sum = function(self) return self.a + self.b end,
            label = function(self) return self.c .. self.a end,
          },
          actions = {
            setA = function(self, value) self.a = value end,
            setB = function(self, value) self.b = value end,
            clear = function(self) self.a, self.b = 0, 0 end,
          },
        })
        sum = sum + small.sum
      end
      return sum
      """,
      name: "maker",
      arguments: [.integer(Int64(first)), .integer(Int64(first + count - 1))]
    )
    try WrongResult.check(try integer(sum.value), is: 3 * count, "the sum of the getters")
  }

  static func remove(_ count: Int, from host: StoreHost) async throws {
    try await host.withStores { stores in
      for index in 1...count { try stores.store("small-\(index)").dispose() }
    }
  }
}

/// What is held in memory.
enum Memory {
  /// The bytes of the process while a host holds no garbage.
  ///
  /// Scripts cannot make Lua collect. So this makes garbage, which does, and takes the least that it sees: what
  /// is there right after a collection.
  static func inUse(by host: StoreHost) async throws -> Int {
    var least = Int.max
    var roundsSince = 0
    while roundsSince < 300 {
      _ = try await host.evaluate(
        "for index = 1, 1000 do local garbage = { index } end",
        name: "garbage"
      )
      let now = allocated_bytes()
      if now < least - 1_000 {
        least = now
        roundsSince = 0
      } else {
        roundsSince += 1
      }
    }
    return least
  }
}
