import CReference
import MoonValue
import MoonstoreCore
import MoonstoreHost

/// What an operation costs when there is little of something, and when there is very much.
struct GrowthRow: Codable {
  let title: String
  /// Nanoseconds for one operation where there are few.
  let few: Double
  /// The same where there are many.
  let many: Double
  /// How much memory one takes; 0 where it cannot be told.
  var bytesEach: Double?
}

/// Grows one thing after the other, far beyond what a program would have.
enum Growth {
  static func run(_ say: (GrowthRow) -> Void) async throws -> [GrowthRow] {
    var rows: [GrowthRow] = []
    for part in [items, stores, subscribers, computeds, hosts] {
      for row in try await part() {
        say(row)
        rows.append(row)
      }
    }
    return rows
  }

  private static func items() async throws -> [GrowthRow] {
    let total = 1_000_000
    let host = try await host()
    let before = allocated_bytes()
    func append(_ length: Int) async throws -> Double {
      try await host.loop("tree", "append", 1_000, is: length + 1_000) / 1_000
    }
    func pick() async throws -> Double {
      try await host.loop("tree", "pick", 10_000, is: 0) / 10_000
    }
    let first = try await append(0)
    let fewPicks = try await pick()
    for length in stride(from: 1_000, to: total - 1_000, by: 1_000) { _ = try await append(length) }
    let bytes = Double(allocated_bytes() - before) / Double(total)
    let last = try await append(total - 1_000)
    return [
      GrowthRow(title: "array of 1,000,000 items, push", few: first, many: last, bytesEach: bytes),
      GrowthRow(
        title: "array of 1,000,000 items, read anywhere",
        few: fewPicks,
        many: try await pick()
      ),
    ]
  }

  private static func stores() async throws -> [GrowthRow] {
    let total = 100_000
    let host = try await host()
    let before = try await Memory.inUse(by: host)
    func define(from first: Int) async throws -> Double {
      try await nanoseconds { try await Stores.define(1_000, from: first, on: host) } / 1_000
    }
    let few = try await define(from: 1)
    let fewCalls = try await host.increment("counter", 10_000) / 10_000
    for first in stride(from: 1_001, to: total - 1_000, by: 1_000) {
      _ = try await define(from: first)
    }
    let many = try await define(from: total - 999)
    let bytes = Double(try await Memory.inUse(by: host) - before) / Double(total)
    let manyCalls = try await host.increment("counter", 10_000) / 10_000
    return [
      GrowthRow(title: "100,000 stores, define", few: few, many: many, bytesEach: bytes),
      GrowthRow(title: "100,000 stores, call an action", few: fewCalls, many: manyCalls),
    ]
  }

  private static func subscribers() async throws -> [GrowthRow] {
    func send(_ subscribers: Int, _ count: Int) async throws -> (each: Double, bytes: Int) {
      let before = allocated_bytes()
      let host = try await host(settings: ["subscribers": .integer(Int64(subscribers))])
      let bytes = allocated_bytes() - before
      _ = try await Bus.send(on: host, count, subscribers: subscribers)
      let took = try await Bus.send(on: host, count, subscribers: subscribers)
      return (took / Double(count * subscribers), bytes)
    }
    let few = try await send(10, 10_000)
    let many = try await send(10_000, 10)
    return [
      GrowthRow(
        title: "10,000 subscribers of one type, send, per subscriber",
        few: few.each,
        many: many.each,
        bytesEach: Double(many.bytes - few.bytes) / 9_990
      )
    ]
  }

  private static func computeds() async throws -> [GrowthRow] {
    let total = 100_000
    let graph = ReactiveGraph()
    let before = allocated_bytes()
    var made: [Computed<Int>] = []
    made.reserveCapacity(total)
    let head = Signal(0, in: graph)
    func make(_ count: Int) throws -> Double {
      var sum = 0
      let first = made.count
      let took = try nanoseconds {
        for index in first..<first + count {
          let computed = Computed(in: graph) { head.value + index }
          sum += try computed.value
          made.append(computed)
        }
      }
      let expected = (first..<first + count).reduce(0) { $0 + $1 + head.untrackedValue }
      try WrongResult.check(sum, is: expected, "the sum of new computeds")
      return took / Double(count)
    }
    /// A write and the reads that follow, for each that is read.
    func read() throws -> Double {
      var sum = 0
      let took = try nanoseconds {
        head.value += 1
        for computed in made { sum += try computed.value }
      }
      let count = made.count
      try WrongResult.check(
        sum,
        is: count * (count - 1) / 2 + count * head.untrackedValue,
        "their sum"
      )
      return took / Double(count)
    }
    let few = try make(1_000)
    _ = try read()
    let fewReads = try read()
    _ = try make(total - 2_000)
    let many = try make(1_000)
    let bytes = Double(allocated_bytes() - before) / Double(total)
    _ = try read()
    return [
      GrowthRow(
        title: "100,000 computed values, make and read",
        few: few,
        many: many,
        bytesEach: bytes
      ),
      GrowthRow(
        title: "100,000 computed values, read after a write",
        few: fewReads,
        many: try read()
      ),
    ]
  }

  private static func hosts() async throws -> [GrowthRow] {
    let total = 10_000
    let before = allocated_bytes()
    var made: [StoreHost] = []
    func make(_ count: Int) async throws -> Double {
      try await nanoseconds {
        for _ in 0..<count { made.append(try await host("surrounded")) }
      } / Double(count)
    }
    let few = try await make(100)
    let fewCalls = try await made[0].increment("counter", 10_000) / 10_000
    _ = try await make(total - 200)
    let many = try await make(100)
    let bytes = Double(allocated_bytes() - before) / Double(total)
    let manyCalls = try await made[total - 1].increment("counter", 10_000) / 10_000
    for host in made { await host.close() }
    return [
      GrowthRow(
        title: "10,000 hosts with a store each, make",
        few: few,
        many: many,
        bytesEach: bytes
      ),
      GrowthRow(title: "10,000 hosts, call an action", few: fewCalls, many: manyCalls),
    ]
  }
}

extension [GrowthRow] {
  func table(isMarkdown: Bool) -> String {
    var table = Table(["growth", "where few", "where many", "factor", "bytes each"])
    for row in self {
      table.add([
        row.title,
        quantity(row.few, .nanoseconds),
        quantity(row.many, .nanoseconds),
        "\(number(row.many / row.few, digits: 2))x",
        row.bytesEach.map { number($0) } ?? "-",
      ])
    }
    return isMarkdown ? table.markdown : table.text
  }
}
