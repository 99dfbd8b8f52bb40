import Dispatch
import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// Runs text without a terminal: whole chunks, results to stdout, and the first error ends it.
///
/// A line that is a command stands for itself; what is between such lines is one chunk.
final class ChunkRunner: Sendable {
  private let peer: any ReplPeer
  private let printer: DiagnosticPrinter
  private let json: Bool
  private let timeout: Double?
  private let stream = Mutex<CheckedContinuation<Void, Never>?>(nil)
  private let isStreaming = Mutex(false)

  init(_ peer: any ReplPeer, _ printer: DiagnosticPrinter, json: Bool, timeout: Double?) {
    self.peer = peer
    self.printer = printer
    self.json = json
    self.timeout = timeout
  }

  /// Splits a text at the lines that are commands; a line of a long string or comment is none.
  static func chunks(of text: String) -> [String] {
    var chunks: [String] = []
    var lines: [Substring] = []
    func flush() {
      let chunk = lines.joined(separator: "\n")
      if !chunk.allSatisfy(\.isWhitespace) { chunks.append(chunk) }
      // The lines of errors count from the start of the text.
      lines = Array(repeating: "", count: count)
    }
    var count = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      count += 1
      let word = line.prefix { !$0.isWhitespace }
      if ReplCommand.all.contains(where: { $0.name == word }),
        !ReplInput.endsInsideText(lines.joined(separator: "\n"))
      {
        flush()
        chunks.append(String(line))
      } else {
        lines.append(line)
      }
    }
    flush()
    return chunks
  }

  /// Runs chunks in order, up to the first that does not go well.
  func run(_ chunks: [String]) async -> ExitStatus {
    var files: [String] = []
    for chunk in chunks {
      let status = await run(chunk, &files)
      if status == .quit { break }
      if let failure = status.failure {
        await peer.close()
        return failure
      }
      files.append(chunk)
    }
    await peer.close()
    return .ok
  }

  private enum Step: Equatable {
    case ok, quit
    case failed(ExitStatus)

    var failure: ExitStatus? {
      if case .failed(let status) = self { status } else { nil }
    }
  }

  private func run(_ chunk: String, _ entries: inout [String]) async -> Step {
    let files = ReplFiles(entries)
    do throws(StoreError) {
      if let path = files.path(of: ":save", in: chunk) {
        printer.note(try files.save(to: path))
        return .ok
      }
      if let path = files.path(of: ":load", in: chunk) {
        return await submit(try files.load(path))
      }
    } catch {
      printer.error(error)
      return .failed(ExitStatus(for: error))
    }
    return await submit(chunk)
  }

  private func submit(_ text: String) async -> Step {
    var view = ReplView()
    view.isWhole = true
    view.wantsData = json
    isStreaming.withLock { $0 = true }
    let timer = timeout.map { seconds in Late(seconds, peer, printer) }
    let result = await peer.submit(text, view)
    let isLate = timer?.stop() ?? false
    printer.texts.keep(text, ofEntry: result.entry)
    for note in result.notes { printer.note(note) }
    switch result.status {
    case .quit: return .quit
    case .cancelled:
      return .failed(isLate ? .timedOut : .interrupted)
    case .failed, .incomplete:
      let error = result.error ?? StoreError(.syntax, "this lacks its end")
      printer.error(error)
      return .failed(ExitStatus(ofEntry: error))
    case .ok: break
    }
    do {
      try write(result)
    } catch {
      return .failed(printer.outputFailed(error))
    }
    if result.isStreaming { await end() }
    return .ok
  }

  private func write(_ result: ReplResult) throws(SystemError) {
    if !json {
      if !result.text.isEmpty {
        let text = TerminalText.clean(result.text, keepsColors: true)
        try Descriptor.output.write((text + "\n").utf8)
      }
      return
    }
    for value in result.values {
      // What came as data can be JSON, except for numbers and texts that JSON has no place for.
      let bytes = (try? value.jsonBytes(JSONOptions(bytes: .lossy))) ?? Array("null".utf8)
      try Descriptor.output.write(bytes + [UInt8(ascii: "\n")])
    }
  }

  // MARK: Events

  /// Waits until a watch or a trace has ended.
  private func end() async {
    await withCheckedContinuation { continuation in
      let isOver = isStreaming.withLock { !$0 }
      if isOver { return continuation.resume() }
      stream.withLock { $0 = continuation }
      if isStreaming.withLock({ !$0 }) { resume() }
    }
  }

  private func resume() {
    stream.withLock { stream in
      defer { stream = nil }
      return stream
    }?.resume()
  }

  /// The session has gone: no watch or trace ends by itself any more.
  func leave() {
    isStreaming.withLock { $0 = false }
    resume()
  }

  /// Shows what the session tells: values of watches and traces are results.
  func hear(_ event: ReplEvent) {
    switch event {
    case .printed(let text): printer.note(text.escapedForTerminal, evenIfQuiet: true)
    case .logged(let level, let text):
      printer.note("\(level): \(text)".escapedForTerminal, evenIfQuiet: true)
    case .waiting: break
    case .watched(let text), .traced(let text):
      try? Descriptor.output.write((TerminalText.clean(text, keepsColors: true) + "\n").utf8)
    case .ended:
      isStreaming.withLock { $0 = false }
      resume()
    }
  }
}

/// Cancels an entry that takes too long, and ends the process if that does not help.
///
/// On a thread of its own: the entry may have the only one that tasks get.
private final class Late: Sendable {
  private enum State { case running, late, over }

  private let state = Mutex(State.running)
  private let queue = DispatchQueue(label: "moonstore.timeout")

  init(_ seconds: Double, _ peer: any ReplPeer, _ printer: DiagnosticPrinter) {
    queue.asyncAfter(deadline: .now() + seconds) { [weak self] in
      let isRunning = self?.state.withLock { state in
        guard state == .running else { return false }
        state = .late
        return true
      }
      guard isRunning == true else { return }
      printer.error(StoreError(.timeLimit, "the entry took longer than \(seconds) s"))
      peer.cancel()
      self?.queue.asyncAfter(deadline: .now() + 5) { [weak self] in
        // A loop that nothing can stop; exit() would meet its thread at work.
        if self?.state.withLock({ $0 }) == .late { _exit(ExitStatus.timedOut.rawValue) }
      }
    }
  }

  /// Ends it; tells whether the time was over before.
  func stop() -> Bool {
    state.withLock { state in
      defer { state = .over }
      return state == .late
    }
  }
}

extension ExitStatus {
  /// The code for the error of an entry.
  init(ofEntry error: StoreError) {
    self =
      switch error.code {
      case .syntax: .syntaxError
      case .permissionDenied: .denied
      case .unreadable: .noInput
      case .disconnected: .unavailable
      default: error.code.rawValue == "timeLimit" ? .timedOut : .failed
      }
  }
}
