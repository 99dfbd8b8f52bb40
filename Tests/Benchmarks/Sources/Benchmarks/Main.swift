import Dispatch
import Foundation

/// The command behind `Scripts/bench`, which has its help.
@main
struct Main {
  static var all: [Benchmark] {
    Actions.all + Shop.all + Peers.all + Getters.all + Bus.all + Graphs.all + State.all + Stores.all
      + LimitRows.all + Starts.all + Days.all + Syntax.all
  }

  /// Waits for everything on the main thread: valgrind crashes on how an asynchronous `main` would park it.
  static func main() {
    let end = DispatchSemaphore(value: 0)
    let status = Status()
    Task.detached {
      status.code = await run()
      end.signal()
    }
    end.wait()
    exit(status.code)
  }

  // Written by the task before it signals, and read after that.
  private final class Status: @unchecked Sendable {
    var code: Int32 = 0
  }

  private static func run() async -> Int32 {
    do {
      return try await measure(try Options(CommandLine.arguments.dropFirst()))
    } catch let problem as Options.Problem {
      say("error: \(problem.text)")
      return 64
    } catch {
      say("error: \(error)")
      return 2
    }
  }

  private static func measure(_ options: Options) async throws -> Int32 {
    if let repetition = options.repetition {
      guard let benchmark = all.first(where: { $0.id == repetition.id }) else {
        throw Options.Problem(text: "there is no row '\(repetition.id)'")
      }
      _ = try await benchmark.prepare().ours(repetition.count)
      return 0
    }
    let chosen = all.filter { $0.matches(options.filter) }
    if options.isList {
      for benchmark in chosen { print("\(benchmark.id) \(benchmark.title)") }
      return 0
    }
    let before = try options.compareFile.map(read)
    guard !chosen.isEmpty || options.measuresGrowth else {
      let ids = all.map(\.id).joined(separator: " ")
      throw Options.Problem(text: "no row matches '\(options.filter ?? "")'; there are \(ids)")
    }
    var measurement = Measurement(machine: Machine())
    var sampler = Sampler()
    if let samples = options.samples { sampler.samples = samples }
    let counter = options.countsInstructions ? try InstructionCounter() : nil
    defer { counter?.end() }
    for benchmark in chosen {
      say("\(benchmark.id) \(benchmark.title) ...")
      var row = try await sampler.measure(benchmark)
      if let counter, let times = InstructionCounter.times(benchmark.id) {
        row.instructions = try counter.count(benchmark.id, times: times)
      }
      measurement.rows.append(row)
    }
    if options.measuresGrowth {
      measurement.growth = try await Growth.run { say("\($0.title) ...") }
    }
    measurement.machine.loadAfter = Machine.load

    if !measurement.rows.isEmpty { print(measurement.rows.table(isMarkdown: options.isMarkdown)) }
    if !measurement.growth.isEmpty {
      print("\n" + measurement.growth.table(isMarkdown: options.isMarkdown))
    }
    print(
      "\n\(measurement.machine.line); medians of \(sampler.samples) samples, ± half of what lies "
        + "between the quartiles"
    )
    let missed = measurement.rows.filter { $0.isWithin == false }.map(\.id)
    if !missed.isEmpty { print("missed: \(missed.joined(separator: " "))") }

    if let file = options.jsonFile { try write(measurement, to: file) }
    guard let before else { return 0 }
    let comparison = Comparison(of: measurement.rows, with: before.rows)
    print("\n" + comparison.text)
    if comparison.regressions.isEmpty { return 0 }
    print("worse: \(comparison.regressions.joined(separator: " "))")
    return 1
  }

  private static func read(_ file: String) throws -> Measurement {
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: file))
      return try JSONDecoder().decode(Measurement.self, from: data)
    } catch {
      throw Options.Problem(text: "\(file) holds no figures of an earlier run: \(error)")
    }
  }

  private static func write(_ measurement: Measurement, to file: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(measurement).write(to: URL(fileURLWithPath: file))
  }

  private static func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}
