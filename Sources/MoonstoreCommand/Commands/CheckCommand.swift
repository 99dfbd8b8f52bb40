import ArgumentParser
import Foundation
import MoonDiagnostics
import MoonValue
import MoonstoreCheck
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote

/// `moonstore check`: finds mistakes in scripts by their texts.
///
/// Takes the command line; gives findings to stdout, and what it could not read to stderr.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Finds mistakes in the scripts of a project, without running them.",
    discussion: """
      Finds what is no Lua, with all mistakes of a file; variables that are unused, undefined or \
      hidden, and code that is never reached; and what only the stores can tell: stores, fields, \
      actions and messages that there are not, arguments, dependencies, getters that write, send or \
      wait, and more. --codes lists all of it.

      A comment allows a finding:  -- moonstore: allow(M401) reason  behind the code, or on a line of \
      its own above it. moonstore.lua has settings in its table 'check': ignore, globals, messages \
      and exclude.

      The exit code is 0 where nothing was found, 1 where something was, and 2 where a file or \
      folder cannot be read. What is computed cannot be decided; the last line says how many names \
      that were, --verbose lists them, and --load or --against ask a host.

      EXAMPLES
        moonstore check
        moonstore check Scripts/shop
        moonstore check Scripts/shop stores/cart.lua --format plain
        moonstore check Scripts/shop --fix
        moonstore check --stdin-filename stores/cart.lua < stores/cart.lua
      """
  )

  @Argument(
    help: ArgumentHelp(
      "The folder of the project, that one stands in where none is named; then the scripts to report on.",
      valueName: "project and files"
    )
  )
  var places: [String] = []

  @Option(
    help: ArgumentHelp(
      "How findings are written: pretty, plain, json, sarif, github or junit.",
      discussion: "pretty on a terminal, else plain.",
      valueName: "format"
    ),
    transform: { text in
      guard let format = CheckFormat(rawValue: text) else {
        let names = CheckFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(text)' is no format; there are \(names)")
      }
      return format
    }
  )
  var format: CheckFormat?

  @Flag(help: "Mend what can be mended without thinking, and report the rest.")
  var fix = false

  @Option(
    name: .customLong("stdin-filename"),
    help: ArgumentHelp(
      "Read the text of this script from stdin, and report on it alone.",
      valueName: "path"
    )
  )
  var stdinFilename: String?

  @Flag(
    help: "Load the project in a host that grants nothing, and ask it for names that are computed."
  )
  var load = false

  @Option(
    help: ArgumentHelp("Ask a host that runs for those names: unix:PATH.", valueName: "address")
  )
  var against: String?

  @Flag(name: .shortAndLong, help: "List what could not be decided.")
  var verbose = false

  @Flag(help: "List the codes and what they find, and check nothing.")
  var codes = false

  func validate() throws {
    if let against { _ = try SocketAddress(against) }
    if load, against != nil { throw ValidationError("either --load or --against, but not both") }
    if fix, stdinFilename != nil {
      throw ValidationError("--fix changes files, and --stdin-filename reads none")
    }
  }

  func run() async throws {
    let printer = DiagnosticPrinter(.errors, json: format == .json)
    do {
      if codes { return try Descriptor.output.write(list.utf8) }
      var project = try CheckProject(root: root)
      let files = try self.files(&project)
      let registry = try await registry()
      let isReported = { (path: String) in files.isEmpty || files.contains(path) }
      var report = Checker(settings: project.settings, registry: registry)
        .check(project.sources, reporting: isReported)
      if fix, try mend(report, &project, printer) {
        report = Checker(settings: project.settings, registry: registry)
          .check(project.sources, reporting: isReported)
      }
      let terminal = Terminal.output
      let text = (format ?? (terminal.isInteractive ? .pretty : .plain)).text(
        of: report,
        hasColor: terminal.hasColor,
        showsUndecided: verbose,
        root: root == "." ? "" : root + "/"
      )
      try Descriptor.output.write(text.utf8)
      if format == .plain || format == nil, !terminal.isInteractive { printer.note(report.summary) }
      if !report.diagnostics.isEmpty { throw ExitCode(1) }
    } catch let failure as CheckProject.Failure {
      printer.error(failure.description)
      throw ExitCode(2)
    } catch let error as StoreError {
      printer.error(error)
      throw ExitCode(2)
    } catch let error as SystemError {
      try printer.outputFailed(error).check()
    }
  }

  // MARK: Places

  private var isFileFirst: Bool {
    places.first.map { $0.hasSuffix(".lua") && !FileManager.default.isFolder($0) } ?? false
  }

  private var root: String {
    if let first = places.first, !isFileFirst { return first }
    let file = stdinFilename ?? places.first
    return file.flatMap(CheckProject.root(around:)) ?? "."
  }

  /// The paths in the project that are reported on; none for all.
  private func files(_ project: inout CheckProject) throws -> Set<String> {
    var paths: Set<String> = []
    if let name = stdinFilename {
      let path = project.path(of: name) ?? name
      var bytes: [UInt8] = []
      while let more = try Descriptor.input.read(upTo: 65_536, unless: nil), !more.isEmpty {
        bytes += more
      }
      project.put(Checker.Source(path: path, bytes: bytes))
      return [path]
    }
    for name in isFileFirst ? places[...] : places.dropFirst() {
      let known = project.sources.first { $0.path == name }?.path
      if let path = project.path(of: name), project.sources.contains(where: { $0.path == path }) {
        paths.insert(path)
      } else if let known {
        paths.insert(known)
      } else {
        // A script outside of the project, which uses its stores.
        let bytes = try CheckProject.read(name, name)
        project.put(Checker.Source(path: name, bytes: bytes))
        paths.insert(name)
      }
    }
    return paths
  }

  // MARK: Mending

  /// Changes files; tells whether any was.
  private func mend(
    _ report: CheckReport,
    _ project: inout CheckProject,
    _ printer: DiagnosticPrinter
  ) throws -> Bool {
    var total = 0
    for (path, found) in Dictionary(grouping: report.diagnostics, by: { $0.place?.file ?? "" }) {
      guard let source = project.sources.first(where: { $0.path == path }) else { continue }
      let (bytes, count) = Fixes.apply(found, to: source.bytes)
      guard count > 0 else { continue }
      let inside = root + "/" + path
      let file = FileManager.default.fileExists(atPath: inside) ? inside : path
      do {
        try Data(bytes).write(to: URL(filePath: file), options: .atomic)
      } catch {
        throw CheckProject.Failure("\(path): it cannot be written")
      }
      project.put(Checker.Source(path: path, bytes: bytes))
      total += count
    }
    if total > 0 { printer.note(total == 1 ? "1 change made" : "\(total) changes made") }
    return total > 0
  }

  // MARK: Hosts

  /// What a host knows of the stores, where one is asked.
  private func registry() async throws(StoreError) -> KnownRegistry? {
    if load {
      var configuration = HostConfiguration()
      configuration.grantsFiles = true
      let host = try await StoreHost(scripts: root, configuration: configuration)
      let description = try await host.describe()
      await host.close()
      return KnownRegistry(Value(encoding: description))
    }
    guard let against, let address = try? SocketAddress(against) else { return nil }
    let session = try await RemoteSession(
      address.path,
      name: RemoteSession.localName,
      rights: .read,
      onEvent: { _ in },
      onEnd: {}
    )
    var view = ReplView()
    view.isWhole = true
    view.wantsData = true
    let result = await session.submit("registry.describe()", view)
    await session.close()
    if let error = result.error { throw error }
    return KnownRegistry(result.values.first ?? .null)
  }

  private var list: String {
    CheckCode.all.map { "\($0.code)  \($0.severity.rawValue)  \($0.summary)\n" }.joined()
  }
}

extension KnownRegistry {
  /// Reads the description of a host.
  fileprivate init(_ description: Value) {
    func names(_ value: Value?) -> [String] {
      if let list = value?.arrayValue {
        return list.compactMap { $0.stringValue ?? $0["name"]?.stringValue }
      }
      return (value?.mapValue ?? [:]).keys.compactMap { key in
        if case .string(let name) = key { name } else { nil }
      }
    }
    self.init(
      stores: (description["stores"]?.arrayValue ?? []).compactMap { store in
        store["id"]?.stringValue.map { id in
          Store(
            id: id,
            fields: names(store["state"]),
            getters: names(store["getters"]),
            actions: names(store["actions"])
          )
        }
      }
    )
    for message in description["messages"]?["types"]?.arrayValue ?? description["messages"]?
      .arrayValue
      ?? []
    {
      guard let type = message["type"]?.stringValue else { continue }
      if !(message["handlers"]?.arrayValue ?? []).isEmpty
        || !(message["effects"]?.arrayValue ?? []).isEmpty
      {
        handled.append(type)
      }
      if !(message["responders"]?.arrayValue ?? []).isEmpty { answered.append(type) }
    }
  }
}

extension FileManager {
  fileprivate func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    // The flag is written during the call only.
    return unsafe fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
