import ArgumentParser
import Foundation
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote

/// `moonstore eval`: runs code against the stores of a project, or of a host that runs, and prints its results.
struct EvalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Runs code against the stores of a project, and prints its results.",
    discussion: """
      The code is that of -e, of a file, or of stdin for -. It is one transaction, as an entry of \
      repl is; the commands of repl can stand for code. Only results go to stdout.

      EXAMPLES
        moonstore eval Scripts/shop -e 'products.count'
        moonstore eval Scripts/shop -e ':inspect cart' --json
        moonstore eval Scripts/shop fill.lua
        moonstore eval --attach unix:/run/shop.sock -e 'cart.itemCount'
      """
  )

  @Argument(
    help:
      "The folder of the project; none with --attach. Then a file with the code, or - for stdin."
  )
  var places: [String] = []

  @Option(
    help: ArgumentHelp(
      "Run it in a host that runs, and listens there: unix:PATH.",
      valueName: "address"
    )
  )
  var attach: String?

  @Option(
    name: .customShort("e"),
    help: ArgumentHelp("Code to run; repeatable, each a transaction of its own.", valueName: "code")
  )
  var code: [String] = []

  @OptionGroup var settings: ReplSettings
  @OptionGroup var grants: ProjectSettings

  private var project: String? { attach == nil ? places.first : nil }
  private var file: String? {
    let rest = attach == nil ? places.dropFirst() : places[...]
    return rest.first
  }

  func validate() throws {
    if let attach { _ = try SocketAddress(attach) }
    if attach == nil, project == nil {
      throw ValidationError("which project, or --attach to which host?")
    }
    if places.count > (attach == nil ? 2 : 1) {
      throw ValidationError("'\(places.last ?? "")' is too much")
    }
    if code.isEmpty == (file == nil) {
      throw ValidationError("give the code as one of: -e CODE, a file, or - for stdin")
    }
  }

  func run() async throws {
    let printer = DiagnosticPrinter(
      .errors,
      json: settings.json,
      texts: ScriptTexts(project: project)
    )
    SignalWatch.shared.onEnd { printer.note($0, evenIfQuiet: true) }
    let status: ExitStatus
    do throws(StoreError) {
      let chunks = try self.chunks()
      if let attach, let address = try? SocketAddress(attach) {
        status = try await run(chunks, attachedTo: address.path, printer)
      } else {
        status = try await runHere(chunks, printer)
      }
    } catch {
      printer.error(error)
      status = attach == nil ? ExitStatus(for: error) : ExitStatus(ofEntry: error)
    }
    try status.check()
  }

  private func runHere(
    _ chunks: [String],
    _ printer: DiagnosticPrinter
  ) async throws(StoreError) -> ExitStatus {
    let host = try await StoreHost(
      scripts: project,
      configuration: try grants.configuration(printer)
    )
    let hearer = EventRelay()
    var options = ReplOptions()
    options.name = "eval"
    options.rights = settings.rights.permissions
    options.onEvent = { hearer.hear($0) }
    let session = try await host.openSession(options)
    let runner = ChunkRunner(session, printer, json: settings.json, timeout: settings.timeout)
    hearer.relay { runner.hear($0) }
    let status = await runner.run(chunks)
    await host.close()
    return status
  }

  private func run(
    _ chunks: [String],
    attachedTo path: String,
    _ printer: DiagnosticPrinter
  ) async throws(StoreError) -> ExitStatus {
    let hearer = EventRelay()
    let session = try await RemoteSession(
      path,
      name: RemoteSession.localName,
      rights: settings.rights,
      onEvent: { hearer.hear($0) },
      onEnd: { hearer.end() }
    )
    let runner = ChunkRunner(session, printer, json: settings.json, timeout: settings.timeout)
    hearer.relay { runner.hear($0) }
    hearer.relayEnd { runner.leave() }
    return await runner.run(chunks)
  }

  private func chunks() throws(StoreError) -> [String] {
    guard let file else { return code }
    if file != "-" { return ChunkRunner.chunks(of: try ReplFiles([]).load(file)) }
    do throws(SystemError) {
      return ChunkRunner.chunks(of: try Descriptor.input.readText())
    } catch {
      throw StoreError(.unreadable, "stdin: \(error)")
    }
  }
}
