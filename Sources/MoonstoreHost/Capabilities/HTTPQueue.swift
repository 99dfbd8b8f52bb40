import MoonstoreCore
import Synchronization

/// Lets a bounded number of requests be under way at a time, and the others wait in the order in which
/// they came.
///
/// A place is taken at once, before a script begins to wait, so that a full queue is an error which
/// commits nothing. Whoever has a place leaves it, by cancellation too.
final class HTTPQueue: Sendable {
  private struct State {
    var underway = 0
    var lastPlace = 0
    /// Those that wait, first come first; the continuation is there once somebody waits for it.
    var waiting: [(place: Int, continuation: CheckedContinuation<Void, Never>?)] = []
  }

  /// One request's right to be under way, or its position in the queue.
  final class Place: Sendable {
    private let queue: HTTPQueue
    private let number: Int
    private let hasLeft = Atomic(false)

    fileprivate init(_ queue: HTTPQueue, _ number: Int) {
      self.queue = queue
      self.number = number
    }

    deinit { leave() }

    /// Waits until the request may be under way.
    func admitted() async throws {
      await withTaskCancellationHandler {
        await queue.admit(number)
      } onCancel: {
        leave()
      }
      try Task.checkCancellation()
    }

    /// Gives the place up; the next one may begin.
    func leave() {
      guard !hasLeft.exchange(true, ordering: .relaxed) else { return }
      queue.leave(number)
    }
  }

  private let state = Mutex(State())
  private let maximumUnderway: Int
  private let maximumWaiting: Int

  init(maximumUnderway: Int, maximumWaiting: Int) {
    self.maximumUnderway = max(1, maximumUnderway)
    self.maximumWaiting = max(0, maximumWaiting)
  }

  /// Takes a place.
  ///
  /// - Throws: `StoreError` with the code `overloaded` when too many wait already.
  func enter() throws(StoreError) -> Place {
    let number: Int? = state.withLock { state in
      guard state.underway < maximumUnderway || state.waiting.count < maximumWaiting else {
        return nil
      }
      state.lastPlace += 1
      if state.underway < maximumUnderway {
        state.underway += 1
      } else {
        state.waiting.append((state.lastPlace, nil))
      }
      return state.lastPlace
    }
    guard let number else {
      throw StoreError(
        .overloaded,
        "\(maximumUnderway) requests are under way and \(maximumWaiting) wait, which are this host's "
          + "limits; wait for answers before sending more"
      )
    }
    return Place(self, number)
  }

  private func admit(_ place: Int) async {
    await withCheckedContinuation { continuation in
      let isWaiting = state.withLock { state in
        guard let index = state.waiting.firstIndex(where: { $0.place == place }) else {
          return false
        }
        state.waiting[index].continuation = continuation
        return true
      }
      if !isWaiting { continuation.resume() }
    }
  }

  private func leave(_ place: Int) {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      if let index = state.waiting.firstIndex(where: { $0.place == place }) {
        return state.waiting.remove(at: index).continuation
      }
      guard !state.waiting.isEmpty else {
        state.underway -= 1
        return nil
      }
      return state.waiting.removeFirst().continuation
    }
    next?.resume()
  }
}
