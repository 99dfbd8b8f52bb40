import CReference
import Foundation
import MoonstoreHost

/// Starts: of a host, and of the command.
enum Starts {
  static var all: [Benchmark] {
    [
      Benchmark(id: "H", title: "new host without scripts", target: .atMost(200_000), count: 20) {
        Benchmark.Workload(
          ours: { count in
            var took = 0.0
            for _ in 0..<count {
              var made: StoreHost?
              took += try await nanoseconds { made = try await StoreHost() }
              let ids = await made?.storeIDs
              try WrongResult.check(ids, is: [], "the stores of an empty host")
              await made?.close()
            }
            return took
          },
          reference: { count in
            try nanoseconds { for _ in 0..<count { try PlainLua.openAndClose() } }
          }
        )
      },
      Benchmark(
        id: "Hb",
        title: "new host, memory",
        unit: .bytes,
        target: .atMost(100_000),
        count: 100
      ) {
        Benchmark.Workload(
          ours: { count in
            let before = allocated_bytes()
            var hosts: [StoreHost] = []
            for _ in 0..<count { hosts.append(try await StoreHost()) }
            let bytes = allocated_bytes() - before
            for host in hosts { await host.close() }
            return Double(bytes)
          },
          reference: { Double($0 * (try PlainLua.emptyBytes())) }
        )
      },
      Benchmark(
        id: "C",
        title: "command, from start to end of a first action",
        target: .atMost(20_000_000),
        count: 1
      ) {
        guard let command = ProcessInfo.processInfo.environment["MOONSTORE"] else {
          throw InstructionCounter.Failure(
            description: "MOONSTORE must name the command moonstore, as Scripts/bench does"
          )
        }
        let project = Folders.projects + "/surrounded"
        let lua = InstructionCounter.find("lua5.4")
        return Benchmark.Workload(
          ours: { _ in
            try await run(command, "run", project, project + "/start.lua", prints: "1")
          },
          reference: lua.map { lua in
            { _ in try await run(lua, Folders.plain + "/start.lua", nil, nil, prints: "1") }
          }
        )
      },
    ]
  }

  private static func run(
    _ program: String,
    _ first: String,
    _ second: String?,
    _ third: String?,
    prints expected: String
  ) async throws -> Double {
    var output = [CChar](repeating: 0, count: 4_096)
    var status: Int32 = 0
    let took = await elapsedNanoseconds {
      // It writes no more than it is told that there is room for.
      status = unsafe process_run(program, first, second, third, &output, output.count)
    }
    let bytes = output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines
    )
    try WrongResult.check(status, is: 0, "the exit code of \(program)")
    try WrongResult.check(text, is: expected, "what \(program) prints")
    return took
  }
}
