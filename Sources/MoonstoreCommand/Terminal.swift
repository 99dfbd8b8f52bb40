import Foundation
import MoonstoreCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What people see: diagnostics and progress on stderr, results on stdout.
///
/// Colours and the progress line appear on terminals only, and colours not where NO_COLOR is set.
final class Terminal: Sendable {
  private let isTerminal = isatty(2) == 1
  private let hasColours: Bool
  private let state = Mutex<(reports: Int, hasProgress: Bool)>((0, false))

  init() {
    let environment = ProcessInfo.processInfo.environment
    hasColours =
      isatty(2) == 1 && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }

  /// How many errors were reported that no caller got.
  var reportCount: Int { state.withLock { $0.reports } }

  func error(_ error: StoreError) {
    var text =
      (hasColours ? "\u{1B}[31merror:\u{1B}[0m " : "error: ") + Terminal.plain(error.summary)
    for line in error.traceback.split(separator: "\n") {
      text += "\n  " + Terminal.plain(String(line))
    }
    say(text)
  }

  /// An error of a handler, watcher or subscriber.
  func report(_ error: StoreError) {
    state.withLock { $0.reports += 1 }
    self.error(error)
  }

  func log(level: String, script: String, text: String) {
    let text = Terminal.plain(text)
    say(level == "print" ? text : "\(level) \(script): \(text)")
  }

  /// A line on stderr.
  func say(_ text: String) {
    clearProgress()
    write(text + "\n", to: FileHandle.standardError)
  }

  func progress(_ done: Double, _ total: Double?, _ text: String) {
    guard isTerminal else { return }
    let amount = total.map { "\(Int(done)) of \(Int($0))" } ?? "\(Int(done))"
    state.withLock { $0.hasProgress = true }
    write("\r\u{1B}[K\(amount) \(Terminal.plain(text))", to: FileHandle.standardError)
  }

  private func clearProgress() {
    let had = state.withLock { state in
      defer { state.hasProgress = false }
      return state.hasProgress
    }
    if had { write("\r\u{1B}[K", to: FileHandle.standardError) }
  }

  /// Text on stdout.
  func result(_ text: String) {
    clearProgress()
    write(text.hasSuffix("\n") ? text : text + "\n", to: FileHandle.standardOutput)
  }

  // Nobody is left to tell when stderr or stdout is gone.
  private func write(_ text: String, to handle: FileHandle) {
    try? handle.write(contentsOf: Data(text.utf8))
  }

  /// Text in which control characters are spelled out, so that no script drives the terminal.
  static func plain(_ text: String) -> String {
    var plain = ""
    for scalar in text.unicodeScalars {
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      if isControl && scalar != "\n" && scalar != "\t" {
        plain += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        plain.unicodeScalars.append(scalar)
      }
    }
    return plain
  }
}
