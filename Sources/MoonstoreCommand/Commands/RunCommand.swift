import ArgumentParser
import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote

/// `moonstore run`: loads a project, and runs a script or a stream of calls against its live stores.
///
/// Takes the command line, gives results to stdout and everything else to stderr.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Loads a project, and runs a script or a stream of calls against its stores.",
    discussion: """
      Each call that a script makes is a transaction of its own: what it committed stays, also when \
      a later one fails or the run is interrupted. Without SCRIPT the one runs that moonstore.lua \
      names as main; where there is none, the stores that were loaded are listed.

      The script may read the files that are named as arguments, and those of its project. What it \
      returns is printed to stdout; what it logs, its progress and errors go to stderr. An argument \
      that begins with a dash stands behind --.

      With --calls each line of FILE (or of stdin, for -) is one call, answered by one line:
        {"store":"cart","action":"addItem","args":["85123A",6]}
        {"store":"cart","get":"itemCount","id":7}
        {"ok":true,"result":null}
        {"ok":true,"id":7,"result":6}
        {"ok":false,"error":{"code":"script","message":"…","script":"…","line":12}}

      With --watch scripts are reloaded when their files change, all that changed together: state, \
      calls under way and subscriptions survive, and if anything is wrong the scripts go on as they \
      were. The stores stay live until the command is interrupted. SIGHUP reloads too, also without \
      --watch. SCRIPT itself is not run again when it changes, which is said.

      EXAMPLES
        moonstore run Scripts/shop
        moonstore run Scripts/shop trading.lua day.csv --json
        moonstore run Scripts/shop --calls calls.jsonl
        moonstore run Scripts/shop --calls - --watch
        moonstore run client fetch.lua --allow-http api.example.com
      """
  )

  @Argument(help: "The folder of the project.")
  var project: String

  @Argument(help: "The script to run: a path from here, or else from the project.")
  var script: String?

  @Argument(help: "What the script gets as its arguments; it may read files that are named here.")
  var arguments: [String] = []

  @Option(help: ArgumentHelp("Make the calls of a file, or of stdin for -.", valueName: "file"))
  var calls: String?

  @OptionGroup var http: HTTPSettings

  @Flag(help: "Reload scripts when their files change, and stay until interrupted.")
  var watch = false

  @Option(
    help: ArgumentHelp(
      "With --watch: look at the files every so many seconds, for drives that tell of no changes.",
      valueName: "seconds"
    )
  )
  var poll: Double?
  @Option(
    help: ArgumentHelp(
      "Let sessions in through a socket: unix:PATH.",
      discussion: """
        See attach. Only this user can connect. The host goes on after the script, until a signal.
        """,
      valueName: "address"
    )
  )
  var listen: String?

  @Option(
    name: .customLong("listen-rights"),
    help: ArgumentHelp(
      "What sessions may do at most: read, call, write or all.",
      valueName: "rights"
    ),
    transform: ReplRights.named
  )
  var listenRights: ReplRights = .all

  @Flag(name: .customLong("log-sessions"), help: "Log what sessions run to stderr.")
  var logsSessions = false

  @Flag(help: "Print what the script returned as one line of JSON; no summary of calls.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress and no summary on stderr, only errors and logs.")
  var quiet = false

  func validate() throws {
    if calls != nil, let script {
      throw ValidationError("either a script or --calls, but not both: '\(script)' is too much")
    }
    if let poll {
      guard watch else { throw ValidationError("--poll says how to --watch, which is missing") }
      guard poll > 0 else { throw ValidationError("--poll takes seconds, more than 0") }
    }
    if let listen { _ = try SocketAddress(listen) }
  }

  func run() async throws {
    let printer = DiagnosticPrinter(
      .errors,
      isQuiet: quiet,
      json: json,
      texts: ScriptTexts(project: project)
    )
    let signals = SignalWatch.shared
    signals.onEnd { printer.note($0, evenIfQuiet: true) }
    let status: ExitStatus
    do throws(StoreError) {
      let host = try await StoreHost(scripts: project, configuration: try configuration(printer))
      let reloading = try await ReloadPrinter(host, signals, printer)
      let watching = watch ? try await host.watch(watchOptions) : nil
      let server = try serve(host, signals, printer)
      defer { server?.stop() }
      var ended =
        if let calls {
          try await make(calls, on: host, signals, printer)
        } else {
          try await runScript(on: host, printer)
        }
      if watching != nil || server != nil, ended == .ok || ended == .failed, signals.received == nil
      {
        printer.endProgress()
        if watching != nil { printer.note("watching \(project); interrupt to end") }
        ended = ExitStatus(signal: await signals.wait())
        watching?.stop()
      }
      await host.close()
      await reloading.end()
      status = ended
    } catch {
      printer.error(error)
      try ExitStatus(for: error).check()
      return
    }
    printer.endProgress()
    // An error that no caller got is nevertheless one.
    try (status == .ok && printer.errorCount > 0 ? .failed : status).check()
  }

  private var watchOptions: WatchOptions {
    var options = WatchOptions()
    options.polling = poll
    return options
  }

  private func configuration(
    _ printer: DiagnosticPrinter
  ) throws(StoreError) -> HostConfiguration {
    var configuration = HostConfiguration()
    configuration.grantsFiles = true
    configuration.readableFiles = arguments
    configuration.http = try http.grant()
    configuration.log = { printer.log($0) }
    configuration.report = { printer.error($0) }
    configuration.progress = { printer.progress($0, $1, $2) }
    return configuration
  }

  // MARK: Sessions

  /// Lets sessions in, where that is wanted.
  private func serve(
    _ host: StoreHost,
    _ signals: SignalWatch,
    _ printer: DiagnosticPrinter
  ) throws(StoreError) -> SessionServer? {
    guard let listen, let address = try? SocketAddress(listen) else { return nil }
    var options = SessionServer.Options()
    options.rights = listenRights
    if logsSessions {
      options.onEntry = { printer.note($0.line.escapedForTerminal, evenIfQuiet: true) }
    }
    let server = try SessionServer(host, at: address.path, options)
    printer.note("sessions can attach at unix:\(address.path)")
    signals.onEnd { text in
      server.removeSocket()
      printer.note(text, evenIfQuiet: true)
    }
    return server
  }

  // MARK: A script

  private func runScript(
    on host: StoreHost,
    _ printer: DiagnosticPrinter
  ) async throws(StoreError) -> ExitStatus {
    let location: ScriptLocation
    if let script {
      location = try ScriptLocation(named: script, in: project)
    } else if let main = await host.mainScript {
      location = try ScriptLocation(main: main, of: project)
    } else {
      return write(try await listing(of: host), printer)
    }
    if watch { DriverWatch.begin(location, every: poll ?? 0.5, printer) }
    if let text = try? String(contentsOfFile: location.path, encoding: .utf8) {
      printer.texts.keep(text, of: location.name)
    }
    let result = try await host.run(
      script: location.path,
      name: location.name,
      arguments: arguments.map(Value.string)
    )
    return write(try output(of: result, location.name), printer)
  }

  private func listing(of host: StoreHost) async throws(StoreError) -> [UInt8] {
    let ids = await host.storeIDs
    try check(ids)
    if json {
      return Array(#"{"stores":"#.utf8) + (try encode(.array(ids.map(Value.string))))
        + Array("}\n".utf8)
    }
    let count = ids.count == 1 ? "1 store" : "\(ids.count) stores"
    return Array("\(count) loaded: \(ids.joined(separator: ", "))\n".utf8)
  }

  private func check(_ ids: [String]) throws(StoreError) {
    if ids.isEmpty { throw .noStores(in: project) }
  }

  private func output(of result: ScriptResult, _ name: String) throws(StoreError) -> [UInt8] {
    let newline = UInt8(ascii: "\n")
    if json { return try encode(result.value, of: name) + [newline] }
    if let text = result.text { return Array((text.droppingFinalNewlines + "\n").utf8) }
    if result.value.isNull { return [] }
    if case .bytes(let bytes) = result.value { return bytes + [newline] }
    return try encode(result.value, of: name, pretty: true) + [newline]
  }

  private func encode(
    _ value: Value,
    of script: String? = nil,
    pretty: Bool = false
  ) throws(StoreError) -> [UInt8] {
    do {
      return try value.jsonBytes(JSONOptions(pretty: pretty))
    } catch {
      throw StoreError(.invalidJSON, "what it returned cannot be JSON: \(error)", script: script)
    }
  }

  private func write(_ bytes: [UInt8], _ printer: DiagnosticPrinter) -> ExitStatus {
    do throws(SystemError) {
      printer.endProgress()
      try Descriptor.output.write(bytes)
      return .ok
    } catch {
      return printer.outputFailed(error)
    }
  }

  // MARK: Calls

  private func make(
    _ calls: String,
    on host: StoreHost,
    _ signals: SignalWatch,
    _ printer: DiagnosticPrinter
  ) async throws(StoreError) -> ExitStatus {
    try check(await host.storeIDs)
    let name = calls == "-" ? "stdin" : calls
    let input: Descriptor
    do {
      input = calls == "-" ? .input : try Descriptor.open(calls)
    } catch {
      throw StoreError(.unreadable, "\(name): \(error)")
    }
    let stream = CallStream(host: host, input: input, signals: signals) { count in
      if !Descriptor.output.isTerminal { printer.progress(Double(count), nil, "calls") }
    }
    signals.postpone()
    let begin = ContinuousClock.now
    do throws(CallStream.Failure) {
      let summary = try await stream.run()
      let seconds = (ContinuousClock.now - begin) / .seconds(1)
      if !json { printer.note(summary.text(seconds: seconds)) }
      if let signal = summary.signal { return ExitStatus(signal: signal) }
      return summary.failed == 0 ? .ok : .failed
    } catch {
      switch error {
      case .output(let error): return printer.outputFailed(error)
      case .input(let error):
        throw StoreError(.unreadable, "\(name): \(error)")
      }
    }
  }
}

extension CallStream.Summary {
  /// One line for people.
  func text(seconds: Double) -> String {
    let rounded = (seconds * 1_000).rounded() / 1_000
    let text = "\(calls == 1 ? "1 call" : "\(calls) calls"), \(failed) failed, \(rounded) s"
    return signal == nil ? text : "interrupted: \(text)"
  }
}
