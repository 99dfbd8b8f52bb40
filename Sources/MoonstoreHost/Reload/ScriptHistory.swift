import MoonstoreCore

/// One version of a script that a host has run.
public struct ScriptVersion: Sendable {
  /// Counts the versions of the script, from 1.
  public let number: Int
  /// When it was loaded, in seconds on the host's clock.
  public let loadedAt: Double
  /// Its text.
  public let text: String
  /// The texts of the modules that it required, by path.
  public let modules: [String: String]
  /// Whether it is the one that runs.
  public internal(set) var isLive = false
}

/// The last versions of a script.
struct ScriptHistory {
  /// How many are kept.
  static let limit = 20

  private(set) var versions: [ScriptVersion] = []
  /// The number of the next version.
  private(set) var next = 1
  /// The version that runs; nil when the script was removed.
  private(set) var live: Int?
  /// What stood in the script's file when somebody went back to an older version: until the file says
  /// something else, that version stays.
  var passedOver: String?

  /// A version runs from now on.
  mutating func note(_ version: ScriptVersion) {
    live = version.number
    if !versions.contains(where: { $0.number == version.number }) { versions.append(version) }
    next = max(next, version.number + 1)
    // The one that runs is never dropped.
    while versions.count > ScriptHistory.limit,
      let oldest = versions.firstIndex(where: { $0.number != live })
    {
      versions.remove(at: oldest)
    }
    for place in versions.indices { versions[place].isLive = versions[place].number == live }
  }

  /// The script is gone.
  mutating func noteRemoval() {
    live = nil
    for place in versions.indices { versions[place].isLive = false }
  }
}

extension HostEngine {
  /// Notes the version of a script that has just been loaded.
  func note(versionOf script: String) {
    guard let unit = scripts[script] else { return }
    var history = histories[script] ?? ScriptHistory()
    history.note(
      ScriptVersion(
        number: unit.version,
        loadedAt: system.clock.now,
        text: unit.text,
        modules: Dictionary(unit.modules.map { ($0.key, $0.value) }) { first, _ in first }
      )
    )
    histories[script] = history
  }
}
