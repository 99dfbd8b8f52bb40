public import MoonDiagnostics
public import MoonValue
public import MoonstoreCore

/// What a reload did, or why it did nothing.
public struct ReloadReport: Sendable {
  /// What became of one script.
  public struct Script: Sendable {
    /// Its path in the project.
    public let name: String
    /// The version that ran before; nil for a new script.
    public let old: Int?
    /// The version that runs now; nil for a script that is gone.
    public let new: Int?
  }

  /// What became of the state of one store.
  public struct Store: Sendable {
    /// What happened to the store.
    public enum Change: String, Sendable {
      case added, replaced, removed
    }

    /// The store's id.
    public let id: String
    /// What happened to it.
    public let change: Change
    /// Fields that began with a default, as paths below the store.
    public internal(set) var addedFields: [String] = []
    /// Fields that have gone, with their values.
    public internal(set) var removedFields: [String] = []
    /// Fields that still had their old default and took the new one.
    public internal(set) var redefinedFields: [String] = []
    /// The version of the state that `migrate` was given, if it was called.
    public internal(set) var migratedFrom: Int?
  }

  /// Work that had begun before and goes on with the code it began with.
  public struct Running: Sendable {
    /// The script.
    public let script: String
    /// The version whose code it runs.
    public let version: Int
    /// How many actions, handlers and tasks.
    public let count: Int
  }

  /// The scripts that were to change, in order of their names.
  public internal(set) var scripts: [Script] = []
  /// The stores that were touched, in order of their ids.
  public internal(set) var stores: [Store] = []
  /// Work that goes on with older code.
  public internal(set) var running: [Running] = []
  /// Stores that older versions made while they ran: their code is still that version's, until the script
  /// defines them again.
  public internal(set) var inherited: [String] = []
  /// What was wrong; nothing has changed then.
  public internal(set) var failures: [StoreError] = []
  /// The reload that this one takes back, if the host has gone back by itself: the failure that made it.
  public internal(set) var reason: StoreError?
  /// Seconds from the first script compiled to the end.
  public internal(set) var duration = 0.0
  /// Seconds in which the host did nothing else: scripts run, state fitted, everything swapped.
  public internal(set) var pause = 0.0

  /// What was wrong, as people and programs are told of it.
  public var diagnostics: [Diagnostic] { failures.flatMap { $0.diagnostics() } }
  /// Whether nothing has changed because something was wrong.
  public var isRefused: Bool { !failures.isEmpty }
  /// Whether there was nothing to do.
  public var isEmpty: Bool { scripts.isEmpty && failures.isEmpty }
}

extension ReloadReport: CustomStringConvertible {
  /// One line for each script, store and failure.
  public var description: String {
    if isEmpty { return "nothing has changed" }
    var lines: [String] = diagnostics.map(\.description)
    if isRefused {
      let goOn = scripts.compactMap { script in
        script.old.map { "version \($0) of \(script.name) goes on" }
      }
      lines += goOn.isEmpty ? ["nothing was loaded"] : goOn
      return lines.joined(separator: "\n")
    }
    if let reason { lines.append("went back because of: \(reason.summary)") }
    for script in scripts {
      switch (script.old, script.new) {
      case (let old?, let new?): lines.append("\(script.name): version \(old) -> \(new)")
      case (nil, let new?): lines.append("\(script.name): new, version \(new)")
      case (let old?, nil): lines.append("\(script.name): removed, it was version \(old)")
      case (nil, nil): break
      }
    }
    for store in stores { if let line = store.line { lines.append(line) } }
    for work in running {
      lines.append(
        "\(work.count) \(work.count == 1 ? "call" : "calls") still on version \(work.version) of \(work.script)"
      )
    }
    if !inherited.isEmpty {
      lines.append(
        "made while an older version ran, and on its code: \(inherited.joined(separator: ", "))"
      )
    }
    lines.append("\(milliseconds(duration)) ms, \(milliseconds(pause)) ms of it without calls")
    return lines.joined(separator: "\n")
  }

  private func milliseconds(_ seconds: Double) -> Double { (seconds * 100_000).rounded() / 100 }
}

extension ReloadReport.Store {
  fileprivate var line: String? {
    var parts: [String] = []
    if change != .replaced { parts.append(change.rawValue) }
    if let migratedFrom { parts.append("migrated from version \(migratedFrom)") }
    if !addedFields.isEmpty { parts.append("new: \(addedFields.joined(separator: ", "))") }
    if !removedFields.isEmpty { parts.append("gone: \(removedFields.joined(separator: ", "))") }
    if !redefinedFields.isEmpty {
      parts.append("new default: \(redefinedFields.joined(separator: ", "))")
    }
    return parts.isEmpty ? nil : "\(id): \(parts.joined(separator: "; "))"
  }
}

extension ReloadReport {
  /// The report as data, for events and for programs.
  public var record: Value {
    func number(_ value: Int?) -> Value { value.map { .integer(Int64($0)) } ?? .null }
    func texts(_ list: [String]) -> Value { .array(list.map(Value.string)) }
    return [
      "refused": .bool(isRefused),
      "scripts": .array(
        scripts.map {
          ["script": .string($0.name), "old": number($0.old), "new": number($0.new)]
        }
      ),
      "stores": .array(
        stores.map {
          [
            "store": .string($0.id), "change": .string($0.change.rawValue),
            "added": texts($0.addedFields), "removed": texts($0.removedFields),
            "redefined": texts($0.redefinedFields), "migratedFrom": number($0.migratedFrom),
          ]
        }
      ),
      "running": .array(
        running.map {
          [
            "script": .string($0.script), "version": number($0.version), "count": number($0.count),
          ]
        }
      ),
      "inherited": texts(inherited), "errors": texts(failures.map(\.summary)),
      "diagnostics": .array(diagnostics.map(\.record)),
      "reason": reason.map { .string($0.summary) } ?? .null, "seconds": .number(duration),
      "pause": .number(pause),
    ]
  }
}
