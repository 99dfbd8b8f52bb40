import ArgumentParser
import MoonValue
import MoonstoreCore
import MoonstoreHost

/// `moonstore inspect`: loads a project, and says what is in it and how it belongs together.
///
/// Takes the command line, gives text, JSON or a graph to stdout and everything else to stderr.
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Loads a project, and says what is in it and how it belongs together.",
    discussion: """
      Lists the stores with their state, getters, actions, dependencies and permissions, who sends \
      and who handles which messages, and middleware, plugins and effects in order. The scripts of \
      the project are loaded, with nothing granted; no main script, action or getter runs.

      Who handles messages is known from the loaded project; who sends them is read in the text of \
      its scripts, so that types which are computed cannot be told.

      With --dot it writes a graph for Graphviz: dependencies are solid, messages dashed.

      EXAMPLES
        moonstore inspect Scripts/shop
        moonstore inspect Scripts/shop --json
        moonstore inspect Scripts/shop --dot | dot -Tsvg > shop.svg
      """
  )

  @Argument(help: "The folder of the project.")
  var project: String

  @Flag(help: "Print everything as one line of JSON.")
  var json = false

  @Flag(help: "Print a graph for Graphviz.")
  var dot = false

  func validate() throws {
    if json, dot { throw ValidationError("either --json or --dot, but not both") }
  }

  func run() async throws {
    let printer = DiagnosticPrinter(.errors, json: json, texts: ScriptTexts(project: project))
    let bytes: [UInt8]
    do throws(StoreError) {
      bytes = try await describe(printer)
    } catch {
      printer.error(error)
      try ExitStatus(for: error).check()
      return
    }
    do {
      try Descriptor.output.write(bytes)
    } catch {
      try printer.outputFailed(error).check()
    }
    // An error that no caller got is nevertheless one.
    try (printer.errorCount > 0 ? ExitStatus.failed : .ok).check()
  }

  private func describe(_ printer: DiagnosticPrinter) async throws(StoreError) -> [UInt8] {
    var configuration = HostConfiguration()
    configuration.log = { printer.log($0) }
    configuration.report = { printer.error($0) }
    let host = try await StoreHost(scripts: project, configuration: configuration)
    let description = try await host.describe()
    await host.close()
    guard !description.stores.isEmpty else { throw .noStores(in: project) }
    return try output(of: description)
  }

  // MARK: Output

  private func output(of description: HostDescription) throws(StoreError) -> [UInt8] {
    if dot { return Array(DescriptionGraph.text(of: description).utf8) }
    guard json else { return Array(DescriptionText.text(of: description, project: project).utf8) }
    do {
      return try ValueEncoder().encode(description).jsonBytes(JSONOptions(pretty: false)) + [
        UInt8(ascii: "\n")
      ]
    } catch {
      throw StoreError(.invalidJSON, "this project cannot be told as JSON: \(error)")
    }
  }
}
