import Dispatch
import Synchronization

/// Writes results to stdout: buffered, but never for long.
///
/// What is buffered goes out when there is much of it, when it is asked for, and at the latest after a
/// moment, so that a peer gets its answers also while a call behind them takes its time.
final class ResultWriter: Sendable {
  private struct State {
    var buffer: [UInt8] = []
    /// Why nothing can be written any more.
    var failure: SystemError?
  }

  private static let size = 65_536
  private static let moment = DispatchTimeInterval.milliseconds(20)

  private let descriptor: Descriptor
  private let state = Mutex(State())

  init(_ descriptor: Descriptor = .output) { self.descriptor = descriptor }

  func write(_ bytes: [UInt8]) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      if state.buffer.isEmpty { flushSoon() }
      state.buffer.append(contentsOf: bytes)
      if state.buffer.count >= Self.size { try flush(&state) }
    }
  }

  /// Writes out what is buffered.
  func flush() throws(SystemError) {
    try state.withLock { state throws(SystemError) in try flush(&state) }
  }

  private func flushSoon() {
    DispatchQueue.global().asyncAfter(deadline: .now() + Self.moment) { [weak self] in
      // The next write or flush throws what is wrong.
      try? self?.flush()
    }
  }

  private func flush(_ state: inout State) throws(SystemError) {
    if let failure = state.failure { throw failure }
    guard !state.buffer.isEmpty else { return }
    defer { state.buffer.removeAll(keepingCapacity: true) }
    do {
      try descriptor.write(state.buffer)
    } catch {
      state.failure = error
      throw error
    }
  }
}
