import MoonLua
import MoonstoreCore

/// Work that began before its script was reloaded, and runs on the old code.
extension HostEngine {
  /// The version of a script whose code runs for a store, or for the script itself.
  func unit(for store: String?) -> ScriptUnit? {
    guard let store else { return nil }
    return scripts[system.registry.find(store)?.owner ?? store]
  }

  /// Notes which runs that wait have code of versions on their stacks that were replaced now, called by
  /// another script, a task or a driver.
  func noteReplaced(_ units: some Collection<ScriptUnit>) {
    for parked in parked.values {
      parked.replacedUnits += units.filter { parked.run.uses($0.environment) }
    }
  }

  /// The runs that wait on older code, and whose code that is; the version that a run was started for comes first.
  private var outdated: [(parked: ParkedRun, units: [ScriptUnit])] {
    parked.values.sorted { $0.id < $1.id }.compactMap { parked in
      var units: [ScriptUnit] = []
      if !parked.isDriver, let unit = parked.unit, scripts[unit.name] !== unit { units = [unit] }
      for unit in parked.replacedUnits
      where !units.contains(where: { $0 === unit }) && parked.run.uses(unit.environment) {
        units.append(unit)
      }
      return units.isEmpty ? nil : (parked, units)
    }
  }

  /// How much of it there is, by script and version; each call once.
  func outdatedWork() -> [ReloadReport.Running] {
    let units = Dictionary(grouping: outdated.map { $0.units[0] }) { ObjectIdentifier($0) }
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
    let ending = outdated.compactMap { parked, units in
      units.first { isMeant($0.name) }.map { (parked: parked, unit: $0) }
    }
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
