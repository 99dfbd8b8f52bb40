import MoonLua
import MoonValue
import MoonstoreCore

/// Keeps away from scripts that run over their limits again and again.
///
/// Each overrun costs all scripts of the host the time of a turn. It counts for the script whose call has used
/// the greater part of that time: not for one whose cheap action was called in a loop. A script that has had
/// `scriptLimits.overruns` of them within `scriptLimits.overrunSeconds` is not run any more until it is reloaded:
/// its stores keep their state, which can be read; its actions, getters and responders are errors, its handlers
/// are passed over, its tasks and effects end. Scripts without stores, such as middleware, are reported and run
/// on, since calls must not pass them by.
extension HostEngine {
  /// Counts an overrun for the script in which it happened.
  func noteOverrun(_ error: LuaError) {
    // Its caller has cancelled it.
    if machine.isUnwanted { return }
    let (level, action) = machine.blame
    let blamed =
      level.flatMap { unit(blamedFor: error, from: $0) } ?? owner(ofAction: action)
      ?? unitOfBudget
    if let blamed { noteOverrun(of: blamed) }
  }

  /// Counts an overrun of a turn that has used its time up in what the host did for it: whose call began it.
  func noteOverdue() {
    if let unit = unitOfBudget { noteOverrun(of: unit) }
  }

  func owner(ofAction number: Int32) -> ScriptUnit? {
    action(number)?.store.owner.flatMap { scripts[$0] }
  }

  func noteOverrun(of unit: ScriptUnit) {
    guard let limit = scriptLimits.overruns, !unit.isQuarantined else { return }
    let now = ContinuousClock.now
    unit.overruns.removeAll { now - $0 > .seconds(scriptLimits.overrunSeconds) }
    unit.overruns.append(now)
    if unit.overruns.count >= limit { overrunners.append(unit) }
  }

  /// The script whose call has used the time: the innermost one from a level on.
  ///
  /// What is above that level was called by it again and again, or only just now. A module belongs to the script that
  /// has called it, which is further down.
  private func unit(blamedFor error: LuaError, from level: Int) -> ScriptUnit? {
    if level == 0, let unit = error.script.flatMap({ scripts[$0] }) { return unit }
    for line in error.traceback.split(separator: "\n").dropFirst(level) {
      let place = line.drop { $0 == "\t" || $0 == " " }.prefix { $0 != ":" }
      if let unit = scripts[String(place)] { return unit }
    }
    return nil
  }

  /// Puts scripts that have had too many into quarantine.
  ///
  /// - Parameter isFinal: Whether nothing that has been done could still be undone, though a turn is under way:
  ///   between two pieces of work that follow from it.
  func isolateOverrunners(isFinal: Bool = false) {
    guard !overrunners.isEmpty, isFinal || !system.isInTurn else { return }
    let units = overrunners
    overrunners = []
    for unit in units where !unit.isQuarantined && scripts[unit.name] === unit { isolate(unit) }
  }

  private func isolate(_ unit: ScriptUnit) {
    let count = unit.overruns.count
    unit.overruns = []
    let stores = system.registry.ids.compactMap { system.registry.find($0) }
      .filter { $0.isOwned(by: unit.name) }
    let what =
      "\(unit.name) ran over its limits \(count) times within \(scriptLimits.overrunSeconds) s"
    guard !stores.isEmpty else {
      return configuration.report(
        StoreError(.quarantined, "\(what); it has no stores, and runs on", script: unit.name)
      )
    }
    unit.isQuarantined = true
    knowsQuarantine = true
    endTasks(of: unit.name) { _ in true }
    for store in stores {
      for index in store.actions.indices { try? update(action: index, of: store) }
    }
    configuration.report(
      StoreError(
        .quarantined,
        "\(what); it is not run any more until it is reloaded",
        script: unit.name
      )
    )
    system.registry.announce(
      "script:quarantined",
      source: "host",
      payload: ["script": .string(unit.name), "overruns": .integer(Int64(count))]
    )
  }

  func isQuarantined(_ store: LiveStore) -> Bool {
    knowsQuarantine && store.owner.flatMap { scripts[$0] }?.isQuarantined == true
  }

  /// Whether code that acts as this store or script is not run.
  func isQuarantined(_ owner: String) -> Bool {
    guard knowsQuarantine else { return false }
    if let unit = scripts[owner] { return unit.isQuarantined }
    return system.registry.find(owner).map(isQuarantined) ?? false
  }

  func refusal(_ store: LiveStore, _ member: String) -> StoreError {
    StoreError(
      .quarantined,
      "\(store.owner ?? store.id) has run over its limits again and again, and is not run until it is reloaded",
      store: store.id,
      member: member,
      script: store.owner
    )
  }
}
