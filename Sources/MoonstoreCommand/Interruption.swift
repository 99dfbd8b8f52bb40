import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Listens for Ctrl-C and for requests to end, as long as it lives.
final class Interruption {
  private let sources: [any DispatchSourceSignal]

  /// - Parameter handler: Runs on a queue of its own when a signal comes.
  init(_ handler: @escaping @Sendable (Int32) -> Void) {
    sources = [SIGINT, SIGTERM].map { number in
      // The default, which ends the process in the middle of a call, gives way to the handler.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { handler(number) }
      source.resume()
      return source
    }
    // A reader that has gone is an end like any other, not a death by signal.
    signal(SIGPIPE, SIG_IGN)
  }

  deinit {
    for source in sources { source.cancel() }
  }
}
