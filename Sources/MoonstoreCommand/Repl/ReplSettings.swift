import ArgumentParser
import MoonstoreCore
import MoonstoreHost

/// What the commands with sessions share on the command line.
struct ReplSettings: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What the session may do: read, call (and read), write (and both), or all.",
      valueName: "rights"
    ),
    transform: ReplRights.named
  )
  var rights: ReplRights = .all

  @Flag(help: "Print results as JSON, one a line.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Without a terminal: end an entry that takes longer, with the exit code 124.",
      valueName: "seconds"
    )
  )
  var timeout: Double?

  func validate() throws {
    if let timeout, !(timeout > 0 && timeout < 1e9) {
      throw ValidationError("--timeout: \(timeout) is no time in seconds above 0")
    }
  }
}

extension ReplRights {
  /// Reads a name of the command line.
  static func named(_ text: String) throws -> ReplRights {
    guard let rights = ReplRights(rawValue: text) else {
      let names = allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("'\(text)' are no rights; there are \(names)")
    }
    return rights
  }
}

/// What the project of a session of this process is granted.
struct ProjectSettings: ParsableArguments {
  @OptionGroup var http: HTTPSettings

  func configuration(_ printer: DiagnosticPrinter) throws(StoreError) -> HostConfiguration {
    var configuration = HostConfiguration()
    configuration.grantsFiles = true
    configuration.http = try http.grant()
    configuration.log = { printer.log($0) }
    configuration.report = { printer.error($0) }
    return configuration
  }
}
