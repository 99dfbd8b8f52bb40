import MoonLua
import MoonLuaSyntax
import MoonValue
import MoonstoreCore

/// What a `moonstore.lua` says, checked: from the table that it returns to the engine.
///
/// A project can set limits below those of its host, never above, and name the capabilities that it cannot do
/// without. What is unknown or cannot be is refused with the line.
struct ProjectSettings {
  static let file = "moonstore.lua"

  private(set) var main: String?
  /// The scripts that may use `bus.use` although they stand outside of `middleware/`.
  private(set) var messageMiddleware: [String] = []
  private(set) var settings: ValueMap = [:]
  private(set) var limits: ScriptLimits

  private let text: String

  init(_ table: Value, text: String, host: HostConfiguration) throws(StoreError) {
    self.text = text
    limits = host.scriptLimits
    for (key, value) in table.mapValue ?? [:] {
      switch key {
      case "main":
        guard let name = value.stringValue else {
          throw wrong("main", "must be the name of a script")
        }
        main = name
      case "settings":
        guard value == [] || value.mapValue != nil else {
          throw wrong("settings", "must be a table with names")
        }
        settings = value.mapValue ?? [:]
      case "limits": try read(limits: value)
      // What the checker is told, which reads it in the text.
      case "check":
        guard value == [] || value.mapValue != nil else {
          throw wrong("check", "must be a table with names")
        }
      case "capabilities": try read(capabilities: value, host)
      case "messageMiddleware":
        guard let names = value.arrayValue, names.allSatisfy({ $0.stringValue != nil }) else {
          throw wrong(
            "messageMiddleware",
            "must be a list of scripts, such as { \"stores/log.lua\" }"
          )
        }
        messageMiddleware = names.compactMap(\.stringValue)
      default:
        let known = [
          "main", "settings", "limits", "capabilities", "messageMiddleware", "check",
        ]
        throw wrong(
          key.name,
          "is no setting of a project\(Suggestion.text(for: key.name, among: known))"
        )
      }
    }
    do {
      _ = try ScriptBudgets(limits)
    } catch {
      throw StoreError(.invalidDefinition, "limits: \(error.message)", script: Self.file)
    }
  }

  // MARK: Limits

  private static let times: [String: any WritableKeyPath<ScriptLimits, Double?> & Sendable] = [
    "turn": \.turn, "getter": \.getter, "loading": \.loading, "driver": \.driver,
  ]

  private static let counts: [String: any WritableKeyPath<ScriptLimits, Int?> & Sendable] = [
    "memory": \.memory, "overruns": \.overruns, "output": \.output,
    "outputLines": \.outputLines,
  ]

  private mutating func read(limits value: Value) throws(StoreError) {
    guard value == [] || value.mapValue != nil else {
      throw wrong("limits", "must be a table with names")
    }
    for (key, value) in value.mapValue ?? [:] {
      let name = key.name
      guard let number = value.doubleValue ?? value.integerValue.map(Double.init), number > 0,
        number.isFinite
      else { throw wrong(name, "is \(value); a limit is a number above 0") }
      if let path = Self.times[name] {
        try check(number, limits[keyPath: path], name)
        limits[keyPath: path] = number
      } else if let path = Self.counts[name] {
        guard let whole = value.integerValue, whole <= 1 << 60 else {
          throw wrong(name, "is \(value); it must be a whole number")
        }
        try check(number, limits[keyPath: path].map(Double.init), name)
        limits[keyPath: path] = Int(whole)
      } else {
        let known = Self.times.keys.sorted() + Self.counts.keys.sorted()
        throw wrong(name, "is no limit\(Suggestion.text(for: name, among: known))")
      }
    }
  }

  private func check(_ number: Double, _ bound: Double?, _ name: String) throws(StoreError) {
    guard let bound, number > bound else { return }
    throw wrong(name, "is \(number), and this host allows \(bound) at most")
  }

  // MARK: Capabilities

  private func read(capabilities value: Value, _ host: HostConfiguration) throws(StoreError) {
    guard let names = value.arrayValue else {
      throw wrong("capabilities", "must be a list of names, such as { \"files\", \"http\" }")
    }
    for value in names {
      let granted: Bool
      switch value.stringValue {
      case "files": granted = host.grantsFiles
      case "http": granted = host.http != nil
      case "clock", "random", "log": granted = true
      case let name:
        let name = name ?? "\(value)"
        let known = ["files", "http", "clock", "random", "log"]
        throw wrong(name, "is no capability\(Suggestion.text(for: name, among: known))")
      }
      guard granted else {
        throw wrong(
          value.stringValue ?? "",
          "is a capability that this project needs, and the host does not grant"
        )
      }
    }
  }

  // MARK: Errors

  private func wrong(_ name: String, _ what: String) -> StoreError {
    StoreError(.invalidDefinition, "'\(name)' \(what)", script: Self.file, line: line(of: name))
  }

  /// Where a name or a text first stands in the settings.
  private func line(of word: String) -> Int? {
    let tree = SyntaxTree(parsing: text)
    let place = tree.nodes.first { node in
      switch node.kind {
      case .namedField: node.nameToken.map(tree.text(ofToken:)) == word
      case .stringLiteral: node.stringContent.map { String(decoding: $0, as: UTF8.self) } == word
      default: false
      }
    }
    return place.map { tree.source.line(at: $0.range.lowerBound) }
  }
}

extension Value.Key {
  fileprivate var name: String {
    switch self {
    case .string(let name): name
    default: "\(self)"
    }
  }
}
