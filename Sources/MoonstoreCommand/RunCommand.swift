import ArgumentParser
import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// `moonstore run`: loads a project, and runs a script or a stream of calls against its live stores.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Loads a project and runs a script against its stores.",
    discussion: """
      moonstore run Scripts/shop trading.lua day.csv --json
      echo '{"store":"cart","action":"addItem","args":["G501",6]}' | moonstore run Scripts/shop --calls -

      \(CommandExit.help)
      """
  )

  @Argument(help: "The folder of the project.")
  var project: String

  @Argument(
    help:
      "The script: a path, or a path in the project. By default what moonstore.lua names as main."
  )
  var script: String?

  @Argument(help: "What the script gets as its arguments. It may read files that are named here.")
  var arguments: [String] = []

  @Option(
    help: ArgumentHelp(
      "Answers calls instead, one JSON object a line, from this file or from - for stdin.",
      valueName: "file"
    )
  )
  var calls: String?

  @Flag(help: "Prints what the script returns as JSON.")
  var json = false

  func validate() throws {
    if calls != nil, script != nil {
      throw ValidationError("--calls takes no script: it is either a script or a stream of calls")
    }
  }

  func run() async throws {
    let terminal = Terminal()
    let signal = Mutex<Int32>(0)
    let work = Mutex<Task<Void, any Error>?>(nil)
    let interruption = Interruption { number in
      signal.withLock { $0 = number }
      work.withLock { $0?.cancel() }
      // A stream that waits for input, or a script that never waits, would not hear of it.
      DispatchQueue.global().asyncAfter(deadline: .now() + 1) {
        terminal.say("interrupted; what was committed stays")
        Foundation.exit(number == SIGINT ? 130 : 143)
      }
    }
    defer { withExtendedLifetime(interruption) {} }

    let task = Task {
      let host = try await StoreHost(scripts: project, configuration: configuration(terminal))
      if let calls {
        try await answer(calls, host, terminal) { signal.withLock { $0 != 0 } }
      } else {
        try await runScript(host, terminal)
      }
    }
    work.withLock { $0 = task }
    do {
      try await task.value
    } catch let error as StoreError {
      if signal.withLock({ $0 }) == 0 {
        terminal.error(error)
        throw CommandExit.code(for: error)
      }
    }
    switch signal.withLock({ $0 }) {
    case 0: break
    case SIGINT:
      terminal.say("interrupted; what was committed stays")
      throw CommandExit.interrupted
    default: throw CommandExit.terminated
    }
    if terminal.reportCount > 0 { throw CommandExit.failed }
  }

  private func configuration(_ terminal: Terminal) -> HostConfiguration {
    var configuration = HostConfiguration()
    configuration.grantsFiles = true
    configuration.readableFiles = arguments
    configuration.report = { terminal.report($0) }
    configuration.log = { terminal.log(level: $0.level, script: $0.script, text: $0.text) }
    configuration.progress = { terminal.progress($0, $1, $2) }
    return configuration
  }

  // MARK: A script

  private func runScript(_ host: StoreHost, _ terminal: Terminal) async throws {
    let main = await host.mainScript
    guard let name = script ?? main.map({ project + "/" + $0 }) else {
      let stores = await host.storeIDs
      terminal.say(
        "\(project): \(stores.count) stores (\(stores.joined(separator: ", "))), no script to run"
      )
      return
    }
    let path = try find(name)
    let result = try await host.run(
      script: path,
      name: shortName(path),
      arguments: arguments.map(Value.string)
    )
    if json {
      terminal.result(try text(of: result.value, pretty: false))
    } else if let text = result.text {
      terminal.result(text)
    } else if !result.value.isNull {
      terminal.result(try text(of: result.value, pretty: true))
    }
  }

  private func text(of value: Value, pretty: Bool) throws(StoreError) -> String {
    do {
      return try value.json(pretty: pretty)
    } catch {
      throw StoreError(.notData, "the script's result cannot be written as JSON: \(error)")
    }
  }

  private func find(_ name: String) throws(StoreError) -> String {
    for path in [name, project + "/" + name] where FileManager.default.fileExists(atPath: path) {
      return path
    }
    throw StoreError(.unreadable, "\(name): there is no such script, here or in \(project)")
  }

  /// What errors call a script: its place in the project, if it is there.
  private func shortName(_ path: String) -> String {
    let root = URL(fileURLWithPath: project).standardizedFileURL.path + "/"
    let full = URL(fileURLWithPath: path).standardizedFileURL.path
    return full.hasPrefix(root) ? String(full.dropFirst(root.count)) : path
  }

  // MARK: Calls

  private func answer(
    _ file: String,
    _ host: StoreHost,
    _ terminal: Terminal,
    isInterrupted: () -> Bool
  ) async throws {
    let input: FileHandle
    if file == "-" {
      input = .standardInput
    } else if let handle = FileHandle(forReadingAtPath: file) {
      input = handle
    } else {
      let isThere = FileManager.default.fileExists(atPath: file)
      throw StoreError(
        .unreadable,
        "\(file): \(isThere ? "no permission to read it" : "there is no such file")"
      )
    }
    let start = ContinuousClock.now
    var stream = CallStream(host: host)
    do {
      try await stream.answer(input, .standardOutput, isInterrupted: isInterrupted)
    } catch is CancellationError {
    } catch {
      // Nobody reads the answers any more: the calls so far stand.
      throw CommandExit.failed
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    terminal.say(
      "\(stream.calls) calls, \(stream.failures) failed, \((seconds * 100).rounded() / 100) s"
    )
    if stream.failures > 0, !isInterrupted() { throw CommandExit.failed }
  }
}
