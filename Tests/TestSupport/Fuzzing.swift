import Foundation

/// How long fuzzers run, and from which seed: as the environment says (see `Scripts/fuzz`), or for a fixed number of
/// rounds.
package struct Fuzzing {
  private static let environment = ProcessInfo.processInfo.environment
  /// Nil for a fixed number of rounds.
  package static let seconds = environment["MOONSTORE_FUZZ_SECONDS"].flatMap(Double.init)
  package static let seed = environment["MOONSTORE_FUZZ_SEED"].flatMap(UInt64.init) ?? 1

  private let name: String
  private let rounds: Int
  private let end: ContinuousClock.Instant?
  /// How many rounds were begun.
  package private(set) var round = 0

  /// - Parameters:
  ///   - name: What the file is called in which the input lies that is being tried.
  ///   - rounds: How many there are where no time is given.
  ///   - share: Which part of a given time is this one's.
  package init(_ name: String, rounds: Int, share: Double = 1) {
    self.name = name
    self.rounds = rounds
    end = Fuzzing.seconds.map { ContinuousClock.now + .seconds($0 * share) }
  }

  /// Whether there is another round.
  package mutating func next() -> Bool {
    guard end.map({ ContinuousClock.now < $0 }) ?? (round < rounds) else { return false }
    round += 1
    return true
  }

  /// Leaves an input where it can be found if it ends the process.
  package func leave(_ input: [UInt8]) {
    guard end != nil else { return }
    _ = FileManager.default.createFile(
      atPath: NSTemporaryDirectory() + "moonstore-fuzz-\(name)",
      contents: Data(input)
    )
  }

  /// Says how far it came, for whoever runs it for a time.
  package func tell(_ count: Int, _ what: String) {
    guard end != nil else { return }
    FileHandle.standardError.write(Data("fuzz: \(name): \(count) \(what)\n".utf8))
  }
}
