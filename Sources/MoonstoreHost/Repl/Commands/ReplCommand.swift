import MoonLua
import MoonValue
import MoonstoreCore

/// A command of sessions, such as `:stores`; the colon keeps it apart from Lua.
///
/// `all` is where a command is described: help, completion, the continuation of an entry and the prompt's own commands
/// come from it, and `StoreHost.run` has a case for each `Verb`.
public struct ReplCommand: Sendable, Hashable {
  /// The name with its colon.
  public var name: String { ":" + verb.rawValue }
  /// What follows the name.
  public let arguments: String
  /// What it does.
  public let summary: String
  let verb: Verb
  let takes: Subject

  enum Verb: String, Sendable {
    case help, stores, inspect, doc, source, deps, print, dry, diff, undo, time, watch, trace,
      messages, events, reload
    case load, save, quit
  }

  /// What follows the name, for completion.
  enum Subject: Sendable {
    case nothing
    /// Lua, which can go on in the next line.
    case code
    case store
    case member
    /// What can be looked up: stores, their members, and the script interface.
    case documented
    case message
    case command
    /// A file on the side of the one who shows the session, which runs the command itself.
    case file
  }

  private init(_ verb: Verb, _ arguments: String, _ summary: String, _ takes: Subject = .nothing) {
    self.verb = verb
    self.arguments = arguments
    self.summary = summary
    self.takes = takes
  }

  /// All commands, in the order in which help lists them.
  public static let all = [
    ReplCommand(.help, "[COMMAND]", "lists the commands", .command),
    ReplCommand(.stores, "", "lists the stores"),
    ReplCommand(
      .inspect,
      "STORE",
      "says what a store is made of, and who listens to it",
      .store
    ),
    ReplCommand(
      .doc,
      "[NAME | STORE[:ACTION|.GETTER]]",
      "shows what a function or library of scripts does, or the comment above a store's code",
      .documented
    ),
    ReplCommand(.source, "STORE[:ACTION|.GETTER]", "shows its code", .member),
    ReplCommand(.deps, "[STORE]", "shows who depends on whom, and who sends to whom", .store),
    ReplCommand(
      .print,
      "EXPR [--depth N] [--items N] [--getters]",
      "prints more of a value, and runs getters if asked to",
      .code
    ),
    ReplCommand(.dry, "CODE", "runs code, shows what it would change, and undoes it", .code),
    ReplCommand(.diff, "", "shows what the last entry changed"),
    ReplCommand(.undo, "", "takes back what the last entry changed"),
    ReplCommand(.time, "CODE", "runs code, and says how long it took", .code),
    ReplCommand(
      .watch,
      "EXPR [--for SECONDS] [--limit N]",
      "shows a value whenever it changes, until a key",
      .code
    ),
    ReplCommand(
      .trace,
      "PATTERN [--for SECONDS] [--limit N]",
      "shows calls, messages and changes as they happen: cart:*, cart.items, *",
      .member
    ),
    ReplCommand(.messages, "[TYPE] [N]", "shows the last messages", .message),
    ReplCommand(.events, "[N]", "shows the last events of the registry"),
    ReplCommand(
      .reload,
      "[SCRIPT] [--to N]",
      "replaces the scripts that have changed, or goes back to a version"
    ),
    ReplCommand(.load, "FILE", "runs a file as one entry", .file),
    ReplCommand(
      .save,
      "FILE",
      "writes the entries of this session that went well to a file",
      .file
    ),
    ReplCommand(.quit, "", "ends the session"),
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The command of a name with its colon.
  static func named(_ name: some StringProtocol) -> ReplCommand? { byName[String(name)] }

  /// A line that names a command.
  struct Call {
    let command: ReplCommand
    let rest: String
    var name: String { command.name }

    /// Reads a line; nil for one that is Lua.
    ///
    /// - Throws: `invalidArgument` for a command that there is not.
    init?(parsing line: String) throws(StoreError) {
      guard line.first == ":", let second = line.dropFirst().first, second.isLetter else {
        return nil
      }
      let end = line.firstIndex(where: \.isWhitespace) ?? line.endIndex
      let name = String(line[..<end])
      rest = String(line[end...]).trimmingWhitespace
      guard let command = ReplCommand.named(name) else {
        let names = ReplCommand.all.map(\.name)
        throw StoreError(
          .invalidArgument,
          "there is no command '\(name)'\(Suggestion.text(for: name, among: names)); see :help"
        )
      }
      self.command = command
    }

    func wrong(_ what: String) -> StoreError {
      StoreError(
        .invalidArgument,
        "\(name): \(what); it is  \(name) \(command.arguments)"
      )
    }

    /// The options at the end, which are numbers or flags, and what stands before them.
    ///
    /// - Throws: `invalidArgument` for a value that is no number.
    func options(
      _ numbers: [String],
      flags: [String] = []
    ) throws(StoreError) -> (text: String, numbers: [String: Double], flags: Set<String>) {
      var words = rest.split(separator: " ", omittingEmptySubsequences: true)[...]
      var found: [String: Double] = [:]
      var set: Set<String> = []
      var isCut = false
      while let last = words.last {
        if flags.contains(String(last)) {
          set.insert(String(last))
          words.removeLast()
        } else if let name = words.dropLast().last, numbers.contains(String(name)) {
          guard let number = Double(last), number > 0, number <= 1e6 else {
            throw wrong("\(name) needs a number above 0")
          }
          found[String(name)] = number
          words.removeLast(2)
        } else {
          break
        }
        isCut = true
      }
      return (isCut ? words.joined(separator: " ") : rest, found, set)
    }
  }
}

extension StoreHost {
  /// Runs a command of a session.
  func run(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    switch call.command.verb {
    case .quit: ReplResult(.quit)
    case .help: try help(call, view)
    case .dry: try await dry(call, view, session)
    case .time: try await time(call, view, session)
    case .print: try await print(call, view, session)
    case .watch: try await watch(call, view, session)
    case .trace: try trace(call, view, session)
    case .reload: try await reload(call, view, session)
    case .load, .save:
      throw StoreError(
        .invalidArgument,
        "\(call.name) is run by the prompt that shows the session: files are on its side"
      )
    case .stores: try engine.listStores(view)
    case .inspect: try engine.inspect(call, view, session)
    case .doc: try engine.showDocumentation(call, view)
    case .source: try engine.showCode(call, view)
    case .deps: try engine.showDependencies(call, view)
    case .messages: try engine.listMessages(call, view)
    case .events: try engine.listEvents(call, view)
    case .diff: engine.diff(view, session)
    case .undo: try engine.undo(session, view)
    }
  }

  private func help(
    _ call: ReplCommand.Call,
    _ view: ReplView
  ) throws(StoreError) -> ReplResult {
    var listed = ReplCommand.all
    if !call.rest.isEmpty {
      let name = call.rest.hasPrefix(":") ? call.rest : ":" + call.rest
      listed = listed.filter { $0.name == name }
      if listed.isEmpty {
        throw call.wrong(
          "there is no '\(name)'\(Suggestion.text(for: name, among: ReplCommand.all.map(\.name)))"
        )
      }
    }
    var lines = listed.map { command in
      let call = "\(command.name) \(command.arguments)".trimmingWhitespace
      let gap = String(repeating: " ", count: max(1, 32 - call.count))
      return call.count > 31
        ? "\(call)\n\(String(repeating: " ", count: 32))\(command.summary)"
        : call + gap + command.summary
    }
    if call.rest.isEmpty {
      lines += [
        "",
        "Everything else is Lua. Stores are there by their ids; _ is the last result, _3 that of entry 3.",
        "Each entry is one transaction: an error undoes it.",
      ]
    }
    var result = ReplResult(.ok, text: lines.joined(separator: "\n"))
    if view.wantsData {
      result.values = [
        .array(
          listed.map {
            [
              "name": .string($0.name), "arguments": .string($0.arguments),
              "summary": .string($0.summary),
            ]
          }
        )
      ]
    }
    return result
  }

  private func reload(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    let (script, numbers, _) = try call.options(["--to"])
    guard session.options.rights.contains(where: { $0.text == "*" || $0.text == "admin" }) else {
      throw StoreError(
        .permissionDenied,
        "permission denied: \(session.principal) may not reload scripts"
      )
    }
    let report: ReloadReport
    if let version = numbers["--to"] {
      report = try reload(try engine.script(script, with: call), to: Int(version))
    } else {
      report = try await reload(script.isEmpty ? nil : [script])
    }
    if let first = report.failures.first {
      throw StoreError(
        first.code,
        "\(report)",
        script: first.script,
        line: first.line,
        traceback: first.traceback
      )
    }
    var result = ReplResult(.ok, text: PrintedText.line("\(report)"))
    if view.wantsData { result.values = [report.record] }
    return result
  }

  private func dry(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    if call.rest.isEmpty { throw call.wrong("what is to be run?") }
    let (outcome, changes) = try runDry(call.rest, view, session)
    guard var result = outcome else { return ReplResult(.incomplete) }
    let text = ChangeText(width: view.width).lines(changes)
    let changed = text.isEmpty ? "it would change nothing" : "it would change:\n" + text
    result.text = [result.text, changed].filter { !$0.isEmpty }.joined(separator: "\n")
    if view.wantsData { result.values = [.array(changes.flatMap(\.patches).map(\.record))] }
    return result
  }

  private func runDry(
    _ text: String,
    _ view: ReplView,
    _ session: SessionState
  ) throws(StoreError) -> (ReplResult?, [StoreChange]) {
    switch try session.read(text, isWhole: view.isWhole) {
    case .incomplete: return (nil, [])
    case .nothing: return (ReplResult(.ok), [])
    case .complete(let chunk):
      let entry = EntryRun(session.options.onlyLooks ? .looking : .dry, chunk, session)
      guard case .done(let result) = try engine.begin(entry, view) else { return (nil, []) }
      return (result, entry.changes)
    }
  }

  private func time(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    if call.rest.isEmpty { throw call.wrong("what is to be run?") }
    let memory = engine.machine.memory
    let begin = ContinuousClock.now
    var result = try await run(.live, call.rest, view, session)
    guard result.status == .ok else { return result }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    let grown = engine.machine.memory - memory
    result.notes.append("\(Duration.seconds(seconds).short), Lua's memory \(grown.signedBytes)")
    return result
  }

  private func print(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) async throws(StoreError) -> ReplResult {
    let (text, numbers, flags) = try call.options(["--depth", "--items"], flags: ["--getters"])
    if text.isEmpty { throw call.wrong("what is to be printed?") }
    var bounds = session.options.printing
    bounds.stringBytes = 65_536
    bounds.parts = 20_000
    if let depth = numbers["--depth"] { bounds.depth = Int(depth) }
    if let items = numbers["--items"] { bounds.items = Int(items) }
    session.printing = (bounds, flags.contains("--getters"))
    defer { session.printing = nil }
    return try await run(.live, text, view, session)
  }
}

extension HostEngine {
  /// The script that is meant; the only one that has other versions, where none is named.
  fileprivate func script(
    _ name: String,
    with call: ReplCommand.Call
  ) throws(StoreError) -> String {
    if !name.isEmpty { return name }
    let many = histories.filter { $0.value.versions.count > 1 }.map(\.key).sorted()
    guard let only = many.first, many.count == 1 else {
      throw call.wrong(
        "which script? several or none have other versions: \(many.joined(separator: ", "))"
      )
    }
    return only
  }
}

extension Duration {
  /// Such as `1.25 ms`.
  var short: String {
    let seconds = self / .seconds(1)
    if seconds < 0.001 { return "\((seconds * 1e7).rounded() / 10) µs" }
    if seconds < 1 { return "\((seconds * 1e5).rounded() / 100) ms" }
    return "\((seconds * 1e3).rounded() / 1e3) s"
  }
}

extension Int {
  fileprivate var signedBytes: String { (self < 0 ? "-" : "+") + magnitude.bytesText }
}

extension UInt {
  var bytesText: String {
    self < 10_240 ? "\(self) B" : self < 10 << 20 ? "\(self >> 10) KiB" : "\(self >> 20) MiB"
  }
}
