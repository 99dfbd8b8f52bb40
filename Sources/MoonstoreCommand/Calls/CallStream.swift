import Dispatch
import MoonValue
import MoonstoreCore
import MoonstoreHost

/// Reads calls line by line, makes them on a host one after the other, and answers each with one line.
///
/// Takes bytes from a descriptor, gives lines to stdout. A line that is no call is answered by an error
/// and does not end the stream. Answers are written out whenever the next line might be long in coming,
/// so that a peer gets each answer before it must go on.
struct CallStream: Sendable {
  /// How it went.
  struct Summary {
    var calls = 0
    var failed = 0
    /// The signal that ended the stream before its end.
    var signal: Int32?
  }

  /// How long a line may be, in bytes.
  static let lineLimit = 8 << 20
  private static let pieceSize = 65_536
  /// How many calls may pass between two looks at the progress.
  private static let callsPerProgress = 1_000

  let host: StoreHost
  let input: Descriptor
  let signals: SignalWatch
  /// Hears now and then how many calls were made.
  let progress: @Sendable (_ calls: Int) -> Void

  /// Why a stream could not go on.
  enum Failure: Error {
    case input(SystemError)
    case output(SystemError)
  }

  /// Runs the stream to its end.
  ///
  /// Not on the main actor, so that a call is no hop between threads.
  @concurrent func run() async throws(Failure) -> Summary {
    var splitter = LineSplitter(limit: Self.lineLimit)
    let output = ResultWriter()
    var summary = Summary()
    var number = 0
    // Most streams call few actions many times.
    var recent: ActionHandle?
    do {
      while signals.received == nil, let piece = try await nextPiece() {
        let isEnd = piece.isEmpty
        splitter.append(piece)
        while signals.received == nil, let line = splitter.next() ?? (isEnd ? splitter.last() : nil)
        {
          number += 1
          guard let answer = await answer(line, number, &recent) else { continue }
          summary.calls += 1
          if !answer.isSuccess { summary.failed += 1 }
          try output.write(answer.line)
          if summary.calls % Self.callsPerProgress == 0 { progress(summary.calls) }
        }
        try output.flush()
        if isEnd { break }
      }
      try output.flush()
    } catch let error as SystemError {
      throw .output(error)
    } catch let error as Failure {
      throw error
    } catch {
      throw .input(SystemError(number: 0))
    }
    summary.signal = signals.received
    return summary
  }

  /// Waits for input on a thread of its own, since the host's tasks need theirs; nil when interrupted.
  private func nextPiece() async throws(Failure) -> [UInt8]? {
    let result: Result<[UInt8]?, SystemError> = await withCheckedContinuation { continuation in
      Self.reading.async { [input, signals] in
        do throws(SystemError) {
          let piece = try input.read(upTo: Self.pieceSize, unless: signals.wake)
          continuation.resume(returning: .success(piece))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    switch result {
    case .success(let piece): return piece
    case .failure(let error): throw .input(error)
    }
  }

  private static let reading = DispatchQueue(label: "moonstore.calls")

  /// The answer to a line; nil for a blank one.
  private func answer(
    _ line: LineSplitter.Line,
    _ number: Int,
    _ recent: inout ActionHandle?
  ) async -> CallAnswer? {
    guard case .text(let text) = line else {
      let message = "longer than \(Self.lineLimit >> 20) MiB"
      return CallAnswer(
        fault: StreamedCall.Fault(code: .invalidArgument, message: message),
        inputLine: number
      )
    }
    guard !text.allSatisfy(\.isBlank) else { return nil }
    do throws(StreamedCall.Fault) {
      return await answer(try StreamedCall(line: text), &recent)
    } catch {
      return CallAnswer(fault: error, inputLine: number)
    }
  }

  private func answer(_ call: StreamedCall, _ recent: inout ActionHandle?) async -> CallAnswer {
    let store = call.store
    do throws(StoreError) {
      switch call.request {
      case .action(let action, let arguments):
        let prepared = try await self.action(action, of: store, &recent)
        let result = try await prepared.call(arguments)
        return CallAnswer(id: call.id, result: result, of: "\(store):\(action)")
      case .field(let name):
        let result = try await host.withStores { try $0.store(store).get(name) }
        return CallAnswer(id: call.id, result: result, of: "\(store).\(name)")
      }
    } catch {
      return CallAnswer(id: call.id, failure: error)
    }
  }
}

extension CallStream {
  /// The action of a call: that of the one before, where it is the same.
  private func action(
    _ name: String,
    of store: String,
    _ recent: inout ActionHandle?
  ) async throws(StoreError) -> ActionHandle {
    if let recent, recent.name.hasSameBytes(as: name), recent.store.id.hasSameBytes(as: store) {
      return recent
    }
    let action = try await host.store(store).action(name)
    recent = action
    return action
  }
}

extension UInt8 {
  /// Whether this is a space, a tab or the first half of a Windows line break.
  fileprivate var isBlank: Bool {
    self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\r")
  }
}
