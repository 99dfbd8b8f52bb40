import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing

/// Time that stands still until a test moves it: the clock and the sleep of a host.
final class ManualTime: HostClock {
  private struct State {
    var now = 1_000.0
    var count = 0
    var sleepers: [Int: (end: Double, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var cancelled: Set<Int> = []
  }

  private let state = Mutex(State())

  var now: Double { state.withLock { $0.now } }
  /// How many wait for a time to come.
  var sleeping: Int { state.withLock { $0.sleepers.count } }

  @Sendable func sleep(_ seconds: Double) async throws {
    let (id, end) = state.withLock { state in
      state.count += 1
      return (state.count, state.now + seconds)
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if state.cancelled.remove(id) != nil { return true }
          state.sleepers[id] = (end, continuation)
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        let sleeper = state.sleepers.removeValue(forKey: id)
        if sleeper == nil { state.cancelled.insert(id) }
        return sleeper
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Lets time pass; those whose time is over wake in the order of their times.
  func pass(_ seconds: Double) {
    let due = state.withLock { state in
      state.now += seconds
      let due = state.sleepers.filter { $0.value.end <= state.now }
      for id in due.keys { state.sleepers[id] = nil }
      return due.sorted { ($0.value.end, $0.key) < ($1.value.end, $1.key) }
    }
    for sleeper in due { sleeper.value.continuation.resume() }
  }

  /// Lets time pass when as many as expected sleep.
  func pass(_ seconds: Double, when expected: Int) async throws {
    try await eventually("\(expected) sleep") { self.sleeping == expected }
    pass(seconds)
  }
}

/// How long a test waits for what must come: so long that a machine with much else to do, on which one look may
/// take a second, gets there.
private struct Patience {
  private let end = ContinuousClock.now + .seconds(20)
  private var looks = 0

  var isLeft: Bool {
    mutating get async throws {
      try await Task.sleep(for: .milliseconds(2))
      looks += 1
      return looks < 2_000 || ContinuousClock.now < end
    }
  }
}

/// Waits until something holds that other tasks bring about.
func eventually(
  _ what: String,
  _ condition: () async throws -> Bool,
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  var patience = Patience()
  repeat {
    if try await condition() { return }
  } while try await patience.isLeft
  Issue.record("never: \(what)", sourceLocation: sourceLocation)
}

extension TestHost {
  /// A host whose time a test moves.
  init(_ files: [String: String], time: ManualTime) async throws {
    try await self.init(files) {
      $0.clock = time
      $0.sleep = time.sleep
    }
  }

  /// Waits until an expression of a driver has a value.
  func expect(
    _ lua: String,
    _ expected: Value,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    var found = Value.null
    var patience = Patience()
    repeat {
      found = try await run("return \(lua)")
      if found == expected { return }
    } while try await patience.isLeft
    #expect(found == expected, sourceLocation: sourceLocation)
  }
}
