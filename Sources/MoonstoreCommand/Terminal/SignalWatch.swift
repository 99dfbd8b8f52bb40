import Dispatch
import Foundation
import Synchronization

/// Turns SIGINT and SIGTERM into an orderly end.
///
/// By default a signal ends the process at once, and says so: a script cannot be left half-way, but what
/// it has committed stays. Who can stop at a good moment asks for the signal instead with `postpone`,
/// looks at `received` and lets `wake` end its waits; a second signal ends the process all the same.
final class SignalWatch: Sendable {
  static let shared = SignalWatch()

  private enum Mode { case ending, postponing }

  private let mode = Mutex(Mode.ending)
  private let signal = Atomic<Int32>(0)
  private let sources = Mutex<[any DispatchSourceSignal]>([])
  private let pipe = Descriptor.pipe()
  /// Called before the process ends at once; clears and writes what people should see.
  private let farewell = Mutex<(@Sendable (_ text: String) -> Void)?>(nil)

  /// Called for SIGHUP; without it that signal ends the process.
  private let hangUp = Mutex<(@Sendable () -> Void)?>(nil)
  private let waiting = Mutex<[CheckedContinuation<Int32, Never>]>([])
  /// Handles signals instead; tells whether it did.
  private let handler = Mutex<(@Sendable (_ signal: Int32) -> Bool)?>(nil)

  private init() {}

  /// The signal that was received while it was postponed.
  var received: Int32? {
    let signal = signal.load(ordering: .acquiring)
    return signal == 0 ? nil : signal
  }

  /// Becomes readable when a signal was received.
  var wake: Descriptor? { pipe?.reading }

  /// Starts to watch.
  func start() {
    // A peer that has gone shows as an error in writing.
    _ = Foundation.signal(SIGPIPE, SIG_IGN)
    let queue = DispatchQueue(label: "moonstore.signals")
    for number in [SIGINT, SIGTERM] {
      // The default, which ends the process without a word, gives way to the handler.
      _ = Foundation.signal(number, SIG_IGN)
      sources.withLock { sources in
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler { [unowned self] in receive(number) }
        source.activate()
        sources.append(source)
      }
    }
  }

  /// Waits for a signal, which is not to be noted by anybody else.
  func wait() async -> Int32 {
    postpone()
    return await withCheckedContinuation { continuation in
      let known: Int32? = waiting.withLock { waiting in
        if received == nil { waiting.append(continuation) }
        return received
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Sets what SIGHUP does from now on, unless it comes because the terminal has gone: that ends the process.
  func onHangUp(_ body: @escaping @Sendable () -> Void) {
    let hadTerminal = Descriptor.hasTerminal
    hangUp.withLock { $0 = body }
    _ = Foundation.signal(SIGHUP, SIG_IGN)
    sources.withLock { sources in
      let source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
      source.setEventHandler { [unowned self] in
        if hadTerminal, !Descriptor.hasTerminal { _exit(128 + SIGHUP) }
        hangUp.withLock { $0 }?()
      }
      source.activate()
      sources.append(source)
    }
  }

  /// From now on the first signal is only noted.
  func postpone() { mode.withLock { $0 = .postponing } }

  /// Sets what is called with a text for people before the process ends at once.
  func onEnd(_ body: @escaping @Sendable (_ text: String) -> Void) {
    farewell.withLock { $0 = body }
  }

  /// Sets what handles signals from now on, unless it says that it does not.
  func handle(_ body: @escaping @Sendable (_ signal: Int32) -> Bool) {
    handler.withLock { $0 = body }
  }

  private func receive(_ number: Int32) {
    if let handle = handler.withLock({ $0 }), handle(number) { return }
    let isFirst = received == nil
    guard isFirst, mode.withLock({ $0 == .postponing }) else {
      farewell.withLock { $0 }?(number == SIGINT ? "interrupted" : "terminated")
      // Not exit(), whose clean-up would meet threads that are still at work.
      _exit(ExitStatus(signal: number).rawValue)
    }
    signal.store(number, ordering: .releasing)
    try? pipe?.writing.write([0])
    let waiting = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    if !waiting.isEmpty {
      for continuation in waiting { continuation.resume(returning: number) }
      return
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + 1) { [self] in
      farewell.withLock { $0 }?("finishing the call under way; interrupt again to end at once")
    }
  }
}
