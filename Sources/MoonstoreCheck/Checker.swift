public import MoonDiagnostics
import MoonLuaSyntax

/// Checks the scripts of a project by their texts, without running them.
///
/// Takes texts, settings and perhaps what a host knows; gives findings, and says what it could not decide.
public struct Checker: Sendable {
  /// The text of a script.
  public struct Source: Sendable {
    /// Its path in the project.
    public var path: String
    /// Its bytes.
    public var bytes: [UInt8]

    /// Makes a source.
    public init(path: String, bytes: [UInt8]) {
      self.path = path
      self.bytes = bytes
    }

    /// Makes a source of a text.
    public init(path: String, text: String) { self.init(path: path, bytes: Array(text.utf8)) }
  }

  private let settings: CheckSettings
  private let registry: KnownRegistry?

  /// Makes a checker.
  ///
  /// - Parameters:
  ///   - settings: What the project says to the checker.
  ///   - registry: What a host knows of stores whose names are computed.
  public init(settings: CheckSettings = CheckSettings(), registry: KnownRegistry? = nil) {
    self.settings = settings
    self.registry = registry
  }

  /// Checks scripts.
  ///
  /// - Parameters:
  ///   - sources: All scripts of the project, so that names are known across them.
  ///   - isReported: Which of them are reported on.
  /// - Returns: The findings in order of files and lines.
  public func check(
    _ sources: [Source],
    reporting isReported: (_ path: String) -> Bool = { _ in true }
  ) -> CheckReport {
    let scripts = sources.compactMap { source -> AnalyzedScript? in
      let script = CheckedScript(path: source.path, text: ContiguousArray(source.bytes))
      // What is no concern of the project leaves nothing open in it.
      if settings.excludes(source.path), !script.tree.problems.isEmpty { return nil }
      return AnalyzedScript(script)
    }
    let project = ProjectFacts(scripts, registry)
    let effects = FunctionEffects(scripts, project.stores)
    var circles: [String: [Diagnostic]] = [:]
    let byPath = Dictionary(scripts.map { ($0.script.path, $0) }) { first, _ in first }
    CircleRules(project: project, scripts: byPath).check { code, message, place in
      circles[place.file, default: []]
        .append(Diagnostic(CheckCode.severity(of: code), code, message, at: place))
    }
    var report = CheckReport()
    for analyzed in scripts where isReported(analyzed.script.path) {
      if settings.excludes(analyzed.script.path) { continue }
      report.fileCount += 1
      var found = findings(in: analyzed, project, effects)
      found += circles[analyzed.script.path] ?? []
      var allowances = Allowances(analyzed.script)
      if analyzed.script.tree.problems.isEmpty { found = allowances.apply(to: found) }
      report.diagnostics += found.filter { diagnostic in
        !settings.ignore.contains { diagnostic.code.hasPrefix($0) }
      }
    }
    report.diagnostics.sort()
    report.undecided = undecided(project).filter { isReported($0.place?.file ?? "") }.sorted()
    return report
  }

  private func findings(
    in analyzed: AnalyzedScript,
    _ project: ProjectFacts,
    _ effects: FunctionEffects
  ) -> [Diagnostic] {
    let script = analyzed.script
    // What could not be read says nothing of what it means.
    guard script.tree.problems.isEmpty else {
      return Diagnostic.syntax(of: script.tree, file: script.path)
    }
    var findings = Findings(script)
    let known = Set(settings.globals).union(Allowances(script).globals)
    VariableRules(script: script, known: known).check(&findings)
    FlowRules(script: script).check(&findings)
    var liveness = LivenessRules(script)
    liveness.check(&findings)
    if script.role != .settings {
      findings.add(analyzed.definitions.findings.list)
      StoreRules(analyzed: analyzed, project: project, outside: settings.messages).check(&findings)
      TurnRules(analyzed: analyzed, project: project, effects: effects).check(&findings)
      StateRules(analyzed: analyzed, project: project, settings: settings).check(&findings)
    }
    var seen: Set<Diagnostic> = []
    return findings.list.filter { seen.insert($0).inserted }
  }

  /// What is computed, so that names could not be checked.
  private func undecided(_ project: ProjectFacts) -> [Diagnostic] {
    func notes(_ places: [Diagnostic.Place], _ message: String) -> [Diagnostic] {
      places.map { Diagnostic(.note, "undecided", message, at: $0) }
    }
    return
      (registry == nil
      ? notes(
        project.computedStores,
        "the id of the store that is defined here is computed, so names of stores were not checked"
      ) : [])
      + notes(
        project.computedSendings,
        "the type of this message is computed, so handlers without a sender were not looked for"
      )
      + notes(
        project.computedHandlers,
        "what is heard here is computed, so messages without a handler were not looked for"
      )
  }
}

/// What the checker has found.
public struct CheckReport: Sendable {
  /// The findings, in order of files and lines.
  public var diagnostics: [Diagnostic] = []
  /// What could not be decided, since it is computed.
  public var undecided: [Diagnostic] = []
  /// How many scripts were checked.
  public var fileCount = 0

  /// Nothing was found.
  public init() {}

  /// How many findings there are of a severity.
  public func count(_ severity: Diagnostic.Severity) -> Int {
    diagnostics.count { $0.severity == severity }
  }

  /// One line for people: what was found in how many scripts, and what was not decided.
  public var summary: String {
    func number(_ count: Int, _ word: String) -> String {
      "\(count) \(word)\(count == 1 ? "" : "s")"
    }
    var text =
      diagnostics.isEmpty
      ? "nothing found"
      : "\(number(count(.error), "error")), \(number(count(.warning), "warning"))"
    text += " in \(number(fileCount, "script"))"
    if !undecided.isEmpty {
      text += "; \(number(undecided.count, "name")) "
      text +=
        undecided.count == 1
        ? "is computed and was not checked" : "are computed and were not checked"
    }
    return text
  }
}
