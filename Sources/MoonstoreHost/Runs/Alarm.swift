import Dispatch
import MoonstoreCore
import Synchronization

/// Wakes tasks when their time is over, all of a process with one timer.
///
/// A task that is cancelled leaves nothing behind: `Task.sleep` would keep its timer until the full time is over,
/// and most times of scripts are limits that are never reached.
final class Alarm: Sendable {
  static let shared = Alarm()

  private typealias Sleeper = CheckedContinuation<Void, any Error>

  private struct State {
    var count: UInt64 = 0
    var sleepers: [UInt64: Sleeper] = [:]
    /// Cancelled before they slept.
    var cancelled: Set<UInt64> = []
    var order = AlarmOrder()
    var timer: (any DispatchSourceTimer)?
    /// The time that the timer is set to.
    var armed = UInt64.max
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "moonstore.alarm")

  /// How many sleep, for tests.
  var sleeping: Int { state.withLock { $0.sleepers.count } }
  /// How many times are kept for them.
  var kept: Int { state.withLock { $0.order.count } }

  func sleep(_ seconds: Double) async throws {
    let nanoseconds = UInt64(max(0, min(seconds, 1e9)) * 1e9)
    let id = state.withLock { state in
      state.count += 1
      return state.count
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if state.cancelled.remove(id) != nil { return true }
          state.sleepers[id] = continuation
          state.order.add(id, at: DispatchTime.now().uptimeNanoseconds + nanoseconds)
          arm(&state)
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        guard let sleeper = state.sleepers.removeValue(forKey: id) else {
          // It has not begun to sleep; one that was woken is past caring.
          state.cancelled.insert(id)
          return nil as Sleeper?
        }
        let sleepers = state.sleepers
        state.order.noteRemoval { sleepers[$0] != nil }
        return sleeper
      }
      sleeper?.resume(throwing: CancellationError())
    }
    // A cancellation that came too late.
    _ = state.withLock { $0.cancelled.remove(id) }
  }

  private func arm(_ state: inout State) {
    guard let first = state.order.first, first < state.armed else { return }
    state.armed = first
    let deadline = DispatchTime(uptimeNanoseconds: first)
    if let timer = state.timer { return timer.schedule(deadline: deadline) }
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.setEventHandler { [self] in wake() }
    timer.schedule(deadline: deadline)
    timer.resume()
    state.timer = timer
  }

  private func wake() {
    let due = state.withLock { state in
      let now = DispatchTime.now().uptimeNanoseconds
      var due: [Sleeper] = []
      while let id = state.order.removeFirst(before: now) {
        if let sleeper = state.sleepers.removeValue(forKey: id) { due.append(sleeper) }
      }
      state.armed = .max
      arm(&state)
      return due
    }
    for sleeper in due { sleeper.resume() }
  }
}

/// The times of an alarm, the first one at the top of a heap.
///
/// What was cancelled stays until its time comes, or until it is the greater part.
struct AlarmOrder {
  private struct Moment: Comparable {
    let time: UInt64
    let id: UInt64

    static func < (a: Moment, b: Moment) -> Bool { (a.time, a.id) < (b.time, b.id) }
  }

  private var heap = Heap<Moment>()
  private var removed = 0

  var count: Int { heap.count }
  var first: UInt64? { heap.min?.time }

  mutating func add(_ id: UInt64, at time: UInt64) { heap.insert(Moment(time: time, id: id)) }

  /// Takes out the first one, if its time has come.
  mutating func removeFirst(before now: UInt64) -> UInt64? {
    guard let first = heap.min, first.time <= now else { return nil }
    heap.popMin()
    return first.id
  }

  /// Notes that one was cancelled; drops the cancelled when they are the greater part.
  mutating func noteRemoval(_ isThere: (UInt64) -> Bool) {
    removed += 1
    guard removed > 64, removed > heap.count / 2 else { return }
    removed = 0
    heap.filter { isThere($0.id) }
  }
}
