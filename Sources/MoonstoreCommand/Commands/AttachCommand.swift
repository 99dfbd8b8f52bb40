import ArgumentParser
import Foundation
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote

/// `moonstore attach`: the prompt of `repl`, on the stores of a host that runs.
struct AttachCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach",
    abstract: "Opens a prompt on the live stores of a host that runs.",
    discussion: """
      The host listens where it was started with, for example, moonstore run shop --listen \
      unix:/run/shop.sock. Everything is as in repl; leaving changes nothing for the host, and takes \
      with it what the session has registered.

      EXAMPLES
        moonstore attach unix:/run/shop.sock
        moonstore attach unix:/run/shop.sock --rights read
        echo 'cart.itemCount' | moonstore attach unix:/run/shop.sock
      """
  )

  @Argument(help: "Where the host listens: unix:PATH.")
  var address: String

  @OptionGroup var settings: ReplSettings

  @Flag(help: "Neither read nor write the file of earlier entries.")
  var noHistory = false

  func validate() throws { _ = try SocketAddress(address) }

  func run() async throws {
    let printer = DiagnosticPrinter(.errors, json: settings.json)
    SignalWatch.shared.onEnd { printer.note($0, evenIfQuiet: true) }
    var status: ExitStatus
    do throws(StoreError) {
      status = try await serve(printer)
    } catch {
      printer.error(error)
      status = ExitStatus(ofEntry: error)
    }
    try status.check()
  }

  private func serve(_ printer: DiagnosticPrinter) async throws(StoreError) -> ExitStatus {
    guard let path = try? SocketAddress(address).path else { return .usage }
    let relay = EventRelay()
    let session = try await RemoteSession(
      path,
      name: RemoteSession.localName,
      rights: settings.rights,
      onEvent: { relay.hear($0) },
      onEnd: { relay.end() }
    )
    let isInteractive =
      Descriptor.input.isTerminal && Terminal.output.isInteractive && !settings.json
    guard isInteractive, let console = console(session, printer.texts) else {
      return await ReplSubcommand.pipe(session, relay, printer, settings)
    }
    relay.relay { console.hear($0) }
    relay.relayEnd { console.leave("the host has gone") }
    printer.hand { text in
      console.write(text)
      return true
    }
    let count = session.storeCount
    let greeting =
      "attached to \(path): \(count == 1 ? "1 store" : "\(count) stores"); :help lists the commands\n"
    return await console.run(
      SignalWatch.shared,
      greeting: greeting.escapedForTerminal.replacing("\n  ", with: "\n")
    )
  }

  private func console(_ session: RemoteSession, _ texts: ScriptTexts) -> ReplConsole? {
    let project = session.project ?? "host"
    let name = URL(fileURLWithPath: project).lastPathComponent.prefix(40)
    let history =
      noHistory
      ? nil : EntryHistory(ofProject: project, environment: ProcessInfo.processInfo.environment)
    let rights = session.rights == .all ? "" : " (\(session.rights.rawValue))"
    return ReplConsole(
      session,
      title: "\(String(name).escapedForTerminal)@host\(rights)",
      history: history,
      texts: texts,
      .output
    )
  }
}

extension RemoteSession {
  /// Who asks, for the host's errors and logs.
  static var localName: String {
    let user = ProcessInfo.processInfo.environment["USER"] ?? "\(getuid())"
    return "\(user)-\(getpid())"
  }
}
