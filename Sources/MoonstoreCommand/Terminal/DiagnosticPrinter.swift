import MoonDiagnostics
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// Writes all that goes to stderr: errors, log lines of scripts, notes and the line of progress.
///
/// Takes errors and log entries from the host, on whichever thread they come up. One writer for all of
/// it, so that the line of progress, which is drawn over, never stands inside another text.
final class DiagnosticPrinter: Sendable {
  private struct State {
    var errorCount = 0
    var isProgressShown = false
    var lastProgress: ContinuousClock.Instant?
  }

  private static let progressInterval = Duration.milliseconds(100)
  private static let progressWidth = 79

  private let terminal: Terminal
  private let isQuiet: Bool
  private let json: Bool
  let texts: ScriptTexts
  private let state = Mutex(State())
  /// Takes what is to be written, while a prompt has the terminal; tells whether it did.
  private let prompt = Mutex<(@Sendable (String) -> Bool)?>(nil)

  /// Makes a printer.
  ///
  /// - Parameters:
  ///   - terminal: Where it writes: lines of scripts are shown, and colours, where people watch.
  ///   - isQuiet: Whether it writes only errors and what scripts log.
  ///   - json: Whether errors are written as JSON, one a line.
  ///   - texts: The texts of scripts, for the lines that are shown.
  init(
    _ terminal: Terminal,
    isQuiet: Bool = false,
    json: Bool = false,
    texts: ScriptTexts = ScriptTexts(project: nil)
  ) {
    self.terminal = terminal
    self.isQuiet = isQuiet
    self.json = json
    self.texts = texts
  }

  /// How many errors were written.
  var errorCount: Int { state.withLock { $0.errorCount } }

  /// An error, with its traceback indented below.
  func error(_ error: StoreError) {
    let text = text(of: error)
    state.withLock { state in
      state.errorCount += 1
      write(text, &state)
    }
  }

  /// An error of the command itself.
  func error(_ message: String) { error(StoreError(.unreadable, message)) }

  /// An error that leaves what runs as it is, and does not count.
  func warn(_ error: StoreError) {
    let text = text(of: error)
    state.withLock { write(text, &$0) }
  }

  private func text(of error: StoreError) -> String {
    let diagnostics = error.diagnostics { texts.text(of: $0) }
    if json { return diagnostics.map { $0.json + "\n" }.joined() }
    let layout = DiagnosticText(showsFrames: terminal.isInteractive, hasColor: terminal.hasColor)
    return diagnostics.map(layout.text).joined()
  }

  /// A line that a script has logged.
  func log(_ entry: HostConfiguration.LogEntry) {
    let color: Terminal.Color? =
      switch entry.level {
      case "error": .red
      case "warning": .yellow
      default: nil
      }
    // The colour of the level is the command's own; all the rest is the script's.
    let level = entry.level.escapedForTerminal
    let text = " \(entry.script): \(entry.text)".droppingFinalNewlines.escapedForTerminal
    let colored = color.map { terminal.colored(level, $0) } ?? level
    state.withLock { write(colored + text + "\n", &$0) }
  }

  /// What people like to know and programs need not.
  func note(_ text: String, evenIfQuiet: Bool = false) {
    guard evenIfQuiet || !isQuiet else { return }
    state.withLock { write(TerminalText.clean(text) + "\n", &$0) }
  }

  /// How far the work is; drawn over by the next one, at most ten times a second.
  func progress(_ done: Double, _ total: Double?, _ text: String) {
    guard terminal.isInteractive, !isQuiet else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      if let last = state.lastProgress, now - last < Self.progressInterval { return }
      state.lastProgress = now
      let line = "\(Self.count(done))\(total.map { " of \(Self.count($0))" } ?? "") \(text)"
      let flat = line.replacing("\n", with: " ").escapedForTerminal.prefix(Self.progressWidth)
      try? terminal.descriptor.write((Terminal.clearLine + flat).utf8)
      state.isProgressShown = true
    }
  }

  /// Takes the line of progress away.
  func endProgress() { state.withLock { write("", &$0) } }

  /// Hands what is written from now on to a prompt, as long as that takes it.
  func hand(to prompt: @escaping @Sendable (String) -> Bool) {
    self.prompt.withLock { $0 = prompt }
  }

  private func write(_ text: String, _ state: inout State) {
    if !text.isEmpty, let prompt = prompt.withLock({ $0 }), prompt(text) { return }
    let clear = state.isProgressShown ? Terminal.clearLine : ""
    state.isProgressShown = false
    // Nobody is left to be told when stderr fails.
    try? terminal.descriptor.write((clear + text).utf8)
  }

  private static func count(_ number: Double) -> String {
    Int64(exactly: number).map(String.init) ?? String(number)
  }
}

extension String {
  /// The text without line breaks at its end.
  var droppingFinalNewlines: String {
    var text = self[...]
    while let last = text.last, last.isNewline { text.removeLast() }
    return String(text)
  }
}

extension DiagnosticPrinter {
  /// The results could not be written; that a reader has seen enough is no news to anybody.
  func outputFailed(_ error: SystemError) -> ExitStatus {
    if !error.isBrokenPipe { self.error("stdout: the results cannot be written: \(error)") }
    return ExitStatus(for: error)
  }
}

extension StoreError {
  /// A project without anything that could run.
  static func noStores(in project: String) -> StoreError {
    StoreError(
      .unreadable,
      "\(project): this project defines no store: their scripts belong into \(project)/stores"
    )
  }
}
