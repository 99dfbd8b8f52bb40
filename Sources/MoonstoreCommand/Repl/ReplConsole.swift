import Foundation
import MoonDiagnostics
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// A prompt for people: reads entries at a terminal, hands them to a session, and shows what comes back.
///
/// Takes the session's events on whichever thread they come up.
final class ReplConsole: Sendable {
  private let peer: any ReplPeer
  private let title: String
  private let history: EntryHistory?
  private let editor: LineEditor
  private let output: Terminal
  private let texts: ScriptTexts
  private let entry = Mutex((isRunning: false, isStreaming: false, interrupts: 0))
  private let good = Mutex<[String]>([])

  /// A console; nil when stdin and stdout are no terminal.
  init?(
    _ peer: any ReplPeer,
    title: String,
    history: EntryHistory?,
    texts: ScriptTexts,
    _ output: Terminal
  ) {
    self.peer = peer
    self.texts = texts
    self.title = title
    self.history = history
    self.output = output
    let editor = LineEditor { text in Self.completions(text, peer) }
    guard let editor else { return nil }
    self.editor = editor
    for entry in history?.entries() ?? [] { editor.remember(entry) }
  }

  /// Asks the session, but not for so long that somebody would notice.
  private static func completions(_ text: String, _ peer: any ReplPeer) -> ReplCompletions {
    let found = Mutex(ReplCompletions(replacing: 0, []))
    let done = DispatchSemaphore(value: 0)
    let answer = Answer()
    Task {
      let completions = await peer.completions(for: text)
      answer.value.withLock { $0 = completions }
      done.signal()
    }
    _ = done.wait(timeout: .now() + .milliseconds(500))
    answer.value.withLock { answer in found.withLock { $0 = answer } }
    return found.withLock { $0 }
  }

  private final class Answer: Sendable {
    let value = Mutex(ReplCompletions(replacing: 0, []))
  }

  // MARK: Running

  /// Serves the prompt until somebody ends it, or the session has gone.
  func run(_ signals: SignalWatch, greeting: String) async -> ExitStatus {
    signals.onEnd { [self] text in
      editor.restore()
      write("\n\(text)\n")
    }
    signals.handle { [self] signal in signal == SIGINT && interrupt() }
    write(greeting)
    var number = 1
    while true {
      switch await editor.read(prompt(number)) {
      case .end:
        await peer.close()
        return .ok
      case .left: return .unavailable
      case .interrupted: continue
      case .entry(let text):
        guard !text.allSatisfy(\.isWhitespace) else { continue }
        remember(text)
        let result = await submit(text)
        number = max(number, min(result.entry, .max - 1) + 1)
        if result.status == .quit {
          await peer.close()
          return .ok
        }
      }
    }
  }

  private func prompt(_ number: Int) -> String {
    let text = "\(title)[\(number)]> "
    return output.hasColor ? "\u{1}\u{1B}[1m\u{1}\(text)\u{1}\u{1B}[0m\u{1}" : text
  }

  private func remember(_ text: String) {
    editor.remember(text)
    history?.add(text)
  }

  /// Ctrl-C while an entry runs.
  private func interrupt() -> Bool {
    let count = entry.withLock { entry in
      guard entry.isRunning || entry.isStreaming else { return 0 }
      entry.interrupts += 1
      return entry.interrupts
    }
    switch count {
    // It came as the entry ended.
    case 0: return true
    case 1:
      peer.cancel()
      editor.interruptWait()
      return true
    case 2:
      write("\nthe entry does not end yet; interrupt once more to leave\n")
      return true
    default: return false
    }
  }

  private var view: ReplView {
    var view = ReplView()
    view.width = LineEditor.columns
    view.hasColor = output.hasColor
    return view
  }

  private func submit(_ text: String) async -> ReplResult {
    let files = ReplFiles(good.withLock { $0 })
    do throws(StoreError) {
      if let path = files.path(of: ":save", in: text) {
        write("\(try files.save(to: path))\n")
        return ReplResult(status: .ok, text: "", error: nil)
      }
      if let path = files.path(of: ":load", in: text) {
        var view = view
        view.isWhole = true
        return await run(try files.load(path), view, keeping: text)
      }
    } catch {
      return show(ReplResult(status: .failed, text: "", error: error))
    }
    return await run(text, view, keeping: text)
  }

  private func run(_ text: String, _ view: ReplView, keeping entered: String) async -> ReplResult {
    entry.withLock { $0 = (true, false, 0) }
    let result = await peer.submit(text, view)
    entry.withLock { $0 = (false, result.isStreaming, 0) }
    texts.keep(text, ofEntry: result.entry)
    show(result)
    if result.status == .ok { good.withLock { $0.append(entered) } }
    if result.isStreaming {
      write(note("any key ends it"))
      while entry.withLock({ $0.isStreaming }) {
        let isKey = await editor.waitForKey()
        guard isKey || entry.withLock({ $0.interrupts > 0 }) else { continue }
        await peer.stop()
        entry.withLock { $0.isStreaming = false }
      }
    }
    return result
  }

  // MARK: Showing

  private func note(_ text: String) -> String { output.colored(text, .gray) + "\n" }

  @discardableResult
  private func show(_ result: ReplResult) -> ReplResult {
    var text = ""
    if !result.text.isEmpty { text += TerminalText.clean(result.text, keepsColors: true) + "\n" }
    if let error = result.error, result.status == .failed {
      let layout = DiagnosticText(hasColor: output.hasColor, width: LineEditor.columns)
      text += error.diagnostics { texts.text(of: $0) }.map(layout.text).joined()
    }
    if result.status == .cancelled { text += note("cancelled") }
    for line in result.notes { text += note(line.escapedForTerminal) }
    write(text)
    return result
  }

  /// Shows what the session tells.
  func hear(_ event: ReplEvent) {
    switch event {
    case .printed(let text): write(text.escapedForTerminal + "\n")
    case .logged(let level, let text): write("\(level): \(text)".escapedForTerminal + "\n")
    case .waiting(let what): write(note("waiting for \(what); Ctrl-C cancels".escapedForTerminal))
    case .watched(let text), .traced(let text):
      write(TerminalText.clean(text, keepsColors: true) + "\n")
    case .ended(let reason):
      write(note("ended: \(reason)".escapedForTerminal))
      entry.withLock { $0.isStreaming = false }
      editor.interruptWait()
    }
  }

  /// Shows lines, above what is being typed if somebody types.
  func write(_ text: String) {
    guard !text.isEmpty, !editor.show(text) else { return }
    // Nobody is left to be told when the terminal has gone.
    try? output.descriptor.write(text.utf8)
  }

  /// The session has gone: ends the prompt.
  func leave(_ text: String) {
    write(text + "\n")
    editor.leave()
  }
}
