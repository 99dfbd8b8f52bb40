import ArgumentParser
import MoonstoreCore

/// The codes that the command ends with, so that programs can tell what happened.
enum CommandExit {
  /// A script or a call failed.
  static let failed = ExitCode(1)
  /// A script is not Lua.
  static let syntax = ExitCode(2)
  /// A project, script or file is missing or cannot be read.
  static let noInput = ExitCode(66)
  /// Ctrl-C.
  static let interrupted = ExitCode(130)
  /// Somebody asked the process to end.
  static let terminated = ExitCode(143)

  static func code(for error: StoreError) -> ExitCode {
    switch error.code {
    case .syntax: syntax
    case .unreadable: noInput
    default: failed
    }
  }

  static let help = """
    Exit codes: 0 all went well; 1 a script or a call failed, or a handler's error was reported; \
    2 a script is not Lua; 64 wrong arguments; 66 a project, script or file cannot be read; \
    130 interrupted; 143 terminated.
    """
}
