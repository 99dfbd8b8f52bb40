import MoonLua
import MoonValue
import MoonstoreCore

/// What the turn under way has printed, logged and traced, and what was left out of that.
///
/// What goes over the limits is dropped, and counted: a script that floods costs its host no more than the limits.
final class OutputAccount {
  private(set) var bytes = 0
  private(set) var lines = 0
  private(set) var bytesLeftOut = 0
  private(set) var linesLeftOut = 0
  /// The script, or the session, of which something was left out first.
  private(set) var cutScript: String?

  /// Notes that something of a script was left out.
  func cut(_ script: String) {
    if cutScript == nil { cutScript = script }
  }

  /// The script of which something was left out, which is told of once.
  func takeCutScript() -> String? {
    defer { cutScript = nil }
    return cutScript
  }

  /// How many bytes of a text may be shown; nil where nothing of it is.
  func admit(_ size: Int, _ limits: ScriptLimits) -> Int? {
    let room = max(0, (limits.output ?? .max) - bytes)
    guard room > 0, lines < limits.outputLines ?? .max else {
      bytesLeftOut += size
      linesLeftOut += 1
      return nil
    }
    lines += 1
    bytes += min(size, room)
    bytesLeftOut += max(0, size - room)
    return min(size, room)
  }

  /// The line that stands for what was left out.
  func summary(_ limits: ScriptLimits) -> String {
    var allowed: [String] = []
    if let bytes = limits.output { allowed.append("\(bytes) bytes (limits.output)") }
    if let lines = limits.outputLines { allowed.append("\(lines) lines (limits.outputLines)") }
    return
      "output was cut: \(linesLeftOut) lines and \(bytesLeftOut) bytes were left out; a turn may "
      + "print, log and trace \(allowed.joined(separator: " and "))"
  }
}

extension HostEngine {
  /// Shows what a script prints or logs, to its session or to the host, as far as its turn may.
  func show(_ entry: HostConfiguration.LogEntry) {
    var entry = entry
    // The code of a driver is its owner's, and its calls are turns of their own.
    if !machine.isDriving {
      let size = entry.text.utf8.count
      let output = outputOfTurn
      guard let shown = output.admit(size, scriptLimits) else { return output.cut(entry.script) }
      if shown < size {
        let text = String(decoding: entry.text.utf8.prefix(shown), as: UTF8.self) + "..."
        entry = HostConfiguration.LogEntry(script: entry.script, level: entry.level, text: text)
        output.cut(entry.script)
      }
    }
    tell(entry)
  }

  /// Whether a line of a trace may be shown.
  func showsTrace(_ text: String, of session: String) -> Bool {
    if machine.isDriving { return true }
    let output = outputOfTurn
    if output.admit(text.utf8.count, scriptLimits) != nil { return true }
    output.cut(session)
    return false
  }

  private var outputOfTurn: OutputAccount {
    if let output = belongings.output { return output }
    let new = OutputAccount()
    belongings.output = new
    return new
  }

  /// Tells what was left out of the turn that ends.
  func endOutput() {
    guard let output = belongings.output, let script = output.takeCutScript() else { return }
    tell(
      HostConfiguration.LogEntry(
        script: script,
        level: "warning",
        text: output.summary(scriptLimits)
      )
    )
  }

  private func tell(_ entry: HostConfiguration.LogEntry) {
    if let session = sessions[entry.script] {
      session.hear(entry)
    } else {
      configuration.log(entry)
    }
  }
}
