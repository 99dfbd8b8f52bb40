import ArgumentParser
import Foundation
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// `moonstore repl`: loads a project, and reads Lua and commands from people or from stdin.
struct ReplSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repl",
    abstract: "Loads a project, and lets you look into its live stores and change them.",
    discussion: """
      Everything that is typed is Lua: stores are there by their ids, expressions print their \
      values, and each entry is one transaction, which an error undoes. Lines that begin with a \
      colon are commands; :help lists them. Tab completes; Ctrl-C cancels what runs; Ctrl-D ends.

      Without a terminal stdin is one chunk of Lua (and lines that are commands): only results go \
      to stdout, and the first error ends it with its exit code.

      EXAMPLES
        moonstore repl Scripts/shop
        moonstore repl Scripts/shop --rights read
        echo ':stores' | moonstore repl Scripts/shop --json
      """
  )

  @Argument(help: "The folder of the project.")
  var project: String

  @OptionGroup var settings: ReplSettings
  @OptionGroup var grants: ProjectSettings

  @Flag(help: "Neither read nor write the file of earlier entries.")
  var noHistory = false

  func run() async throws {
    let printer = DiagnosticPrinter(
      .errors,
      json: settings.json,
      texts: ScriptTexts(project: project)
    )
    SignalWatch.shared.onEnd { printer.note($0, evenIfQuiet: true) }
    let status: ExitStatus
    do throws(StoreError) {
      let host = try await StoreHost(
        scripts: project,
        configuration: try grants.configuration(printer)
      )
      status = try await serve(host, printer)
      await host.close()
    } catch {
      printer.error(error)
      try ExitStatus(for: error).check()
      return
    }
    try status.check()
  }

  private func serve(
    _ host: StoreHost,
    _ printer: DiagnosticPrinter
  ) async throws(StoreError) -> ExitStatus {
    let hearer = EventRelay()
    var options = ReplOptions()
    options.rights = settings.rights.permissions
    options.onEvent = { hearer.hear($0) }
    let session = try await host.openSession(options)
    let isInteractive =
      Descriptor.input.isTerminal && Terminal.output.isInteractive && !settings.json
    guard isInteractive else {
      return await Self.pipe(session, hearer, printer, settings)
    }
    let environment = ProcessInfo.processInfo.environment
    let name = URL(fileURLWithPath: project).resolvingSymlinksInPath().lastPathComponent
    let history = noHistory ? nil : EntryHistory(ofProject: project, environment: environment)
    let title = settings.rights == .all ? name : "\(name) (\(settings.rights.rawValue))"
    let console = ReplConsole(
      session,
      title: title,
      history: history,
      texts: printer.texts,
      .output
    )
    guard let console else {
      return await Self.pipe(session, hearer, printer, settings)
    }
    hearer.relay { console.hear($0) }
    printer.hand { text in
      console.write(text)
      return true
    }
    let count = await host.storeIDs.count
    let greeting = "\(count == 1 ? "1 store" : "\(count) stores"); :help lists the commands\n"
    return await console.run(SignalWatch.shared, greeting: greeting)
  }

  /// Runs what stdin has, without a prompt.
  static func pipe(
    _ session: any ReplPeer,
    _ hearer: EventRelay,
    _ printer: DiagnosticPrinter,
    _ settings: ReplSettings
  ) async -> ExitStatus {
    let runner = ChunkRunner(
      session,
      printer,
      json: settings.json,
      timeout: settings.timeout
    )
    hearer.relay { runner.hear($0) }
    do throws(SystemError) {
      return await runner.run(ChunkRunner.chunks(of: try Descriptor.input.readText()))
    } catch {
      printer.error("stdin: \(error)")
      return .noInput
    }
  }
}

/// Hands events on to whoever shows them, who is made after the session.
final class EventRelay: Sendable {
  private let target = Mutex<(@Sendable (ReplEvent) -> Void)?>(nil)
  private let ending = Mutex<(isOver: Bool, body: (@Sendable () -> Void)?)>((false, nil))

  func relay(to target: @escaping @Sendable (ReplEvent) -> Void) {
    self.target.withLock { $0 = target }
  }

  func hear(_ event: ReplEvent) { target.withLock { $0 }?(event) }

  /// Sets what hears that the session has gone; at once if it has.
  func relayEnd(to body: @escaping @Sendable () -> Void) {
    let isOver = ending.withLock { ending in
      if !ending.isOver { ending.body = body }
      return ending.isOver
    }
    if isOver { body() }
  }

  func end() {
    let body = ending.withLock { ending in
      ending.isOver = true
      return ending.body
    }
    body?()
  }
}

extension Descriptor {
  /// All of it as text; what is no UTF-8 is replaced.
  func readText() throws(SystemError) -> String {
    var bytes: [UInt8] = []
    while let more = try read(upTo: 65_536, unless: nil), !more.isEmpty { bytes += more }
    return String(decoding: bytes, as: UTF8.self)
  }
}
