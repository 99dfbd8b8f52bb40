import ArgumentParser
import MoonstoreCore

/// What the exit codes of all subcommands mean; whoever calls the command may rely on them.
///
/// An error that was reported though no caller got it (of a watcher, a subscriber, a message handler)
/// counts as a failure too, even if the script itself ended well.
enum ExitStatus: Int32, CaseIterable {
  /// All went well.
  case ok = 0
  /// A script, a call or a handler failed.
  case failed = 1
  /// A script is not Lua.
  case syntaxError = 2
  /// The command line makes no sense; ArgumentParser exits with this one by itself.
  case usage = 64
  /// A project, script or file is missing or cannot be read.
  case noInput = 66
  /// There is no host to attach to, or it has gone.
  case unavailable = 69
  /// The results could not be written.
  case outputFailed = 74
  /// A right is missing.
  case denied = 77
  /// It took longer than it may.
  case timedOut = 124
  /// SIGINT, such as Ctrl-C; 128 and the signal's number, as shells have it.
  case interrupted = 130
  /// Whoever read the results has gone, such as `head`: what SIGPIPE means to a shell.
  case brokenPipe = 141
  /// SIGTERM.
  case terminated = 143

  /// The code for an error that ends the command.
  init(for error: StoreError) {
    self =
      switch error.code {
      case .syntax: .syntaxError
      case .unreadable: .noInput
      default: .failed
      }
  }

  /// The code for an error in writing results.
  init(for error: SystemError) {
    self = error.isBrokenPipe ? .brokenPipe : .outputFailed
  }

  /// The code for a signal that ended the command.
  init(signal: Int32) {
    self = ExitStatus(rawValue: 128 + signal) ?? .terminated
  }

  /// Ends the command with this code, where that is not success.
  func check() throws {
    if self != .ok { throw ExitCode(rawValue) }
  }

  /// The codes as the help lists them.
  static var helpText: String {
    (["EXIT CODES"] + allCases.map { "  \($0.rawValue)\t\($0.meaning)" }).joined(separator: "\n")
  }

  private var meaning: String {
    switch self {
    case .ok: "all went well"
    case .failed: "a script, a call or a handler failed"
    case .syntaxError: "a script is not Lua"
    case .usage: "the command line makes no sense"
    case .noInput: "a project, script or file is missing or cannot be read"
    case .unavailable: "there is no host to attach to, or it has gone"
    case .denied: "a right is missing (eval, and repl or attach without a terminal)"
    case .timedOut: "it took longer than it may (the same)"
    case .outputFailed: "the results could not be written"
    case .interrupted: "interrupted (SIGINT)"
    case .brokenPipe: "whoever read the results has gone (SIGPIPE)"
    case .terminated: "terminated (SIGTERM)"
    }
  }
}
