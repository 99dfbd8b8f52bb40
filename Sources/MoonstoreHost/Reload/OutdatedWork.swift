import MoonstoreCore

/// Work that began before its script was reloaded, and runs on the old code.
extension HostEngine {
  /// The version of a script whose code runs for a store, or for the script itself.
  func unit(for store: String?) -> ScriptUnit? {
    guard let store else { return nil }
    return scripts[system.registry.find(store)?.owner ?? store]
  }

  private var outdated: [(parked: ParkedRun, unit: ScriptUnit)] {
    parked.values.sorted { $0.id < $1.id }.compactMap { parked in
      guard !parked.isDriver, let unit = parked.unit, scripts[unit.name] !== unit else {
        return nil
      }
      return (parked, unit)
    }
  }

  /// How much of it there is, by script and version.
  func outdatedWork() -> [ReloadReport.Running] {
    let units = Dictionary(grouping: outdated.map(\.unit)) { ObjectIdentifier($0) }
    return units.values.compactMap { units in
      units.first.map {
        ReloadReport.Running(script: $0.name, version: $0.version, count: units.count)
      }
    }
    .sorted { ($0.script, $0.version) < ($1.script, $1.version) }
  }

  /// Ends it where it waits.
  ///
  /// - Returns: How much there was.
  @discardableResult
  func cancelOutdated(_ isMeant: (String) -> Bool) -> Int {
    let ending = outdated.filter { isMeant($0.unit.name) }
    for (parked, unit) in ending {
      if let task = parked.task {
        cancel(task)
        continue
      }
      cancel(parked)
      parked.finish(
        .failure(
          StoreError(
            .cancelled,
            "this call ran on version \(unit.version) of \(unit.name), which was reloaded",
            store: parked.store,
            member: parked.member,
            script: unit.name
          )
        )
      )
    }
    return ending.count
  }
}
