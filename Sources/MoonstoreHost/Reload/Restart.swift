import MoonLua
import MoonstoreCore

/// Loads scripts anew that were ended in the middle of their work.
///
/// State lives in Swift, and a turn that is ended is undone. What is not undone are the globals, upvalues and tables of
/// the scripts themselves: a cache may be half filled. So each script that had something on a stack when that was
/// ended for its time or memory is loaded anew from the text of its current version, as a reload would do that, with
/// these differences: the version keeps its number, state stays as it is to the last field, the old code is not asked
/// to hand anything on (no `onUnload`), and a guard that looks after a reload goes on. The other scripts and what
/// waits in them are not touched, which a new Lua state for all would do.
///
/// It happens between turns, before the script's code is called the next time, once for each time that it was ended;
/// what ends the loading itself is no reason for another one. A script in quarantine is left alone. If it cannot be
/// loaded anew, the code that there is goes on, and the host reports that.
///
/// Each script has its own copy of the modules that it requires, so that a module on a stack speaks for the script
/// there that requires it. Scripts that drivers run, and sessions, have no version to load: nothing is done for them.
extension HostEngine {
  /// Loads those anew that were ended, if nothing is under way.
  func restartEnded() {
    // What an entry changes is told to its session, and it can be cancelled: this is no part of it.
    guard hasEnded, entry == nil, !isReloading, isBetweenTurns else { return }
    hasEnded = false
    noteEnded()
    var waiting = unitsEnded()
    var done = NameSet()
    while !waiting.isEmpty {
      let unit = waiting.removeFirst()
      guard done.insert(unit.name) else { continue }
      restart(unit)
      // Its loading can have ended others, and may have ended itself.
      noteEnded()
      waiting += unitsEnded()
    }
    hasEnded = false
  }

  /// Takes over whose code was on a stack when that was ended.
  func noteEnded() { ended.formUnion(machine.takeEndedScripts()) }

  /// The scripts that they belong to, in the order in which a project is loaded.
  private func unitsEnded() -> [ScriptUnit] {
    let names = ended
    ended = NameSet()
    var units = names.compactMap { scripts[$0] }
    for module in names where scripts[module] == nil {
      if units.contains(where: { $0.modules[module] != nil }) { continue }
      // All functions on the stack were the module's: nobody knows whose copy it was.
      units += scripts.values.filter { $0.modules[module] != nil }
    }
    return Project.Kind.allCases.flatMap { kind in
      units.filter { Project.Kind(path: $0.name) == kind && !$0.isQuarantined }
        .sorted { $0.name < $1.name }
    }
  }

  private func restart(_ unit: ScriptUnit) {
    guard scripts[unit.name] === unit, let kind = Project.Kind(path: unit.name),
      let version = histories[unit.name]?.versions.first(where: { $0.number == unit.version })
    else { return }
    var batch = ReloadBatch()
    batch.isRestart = true
    batch.changed = [Project.Source(path: unit.name, text: unit.text, kind: kind)]
    batch.modules = unit.modules
    batch.returns[unit.name] = version
    // What the old code keeps may be what has filled the memory, and goes when the new code is there.
    machine.allowMemory(beyondLimit: (scriptLimits.memory ?? 0) / 10)
    defer { machine.allowMemory(beyondLimit: 0) }
    do {
      let report = try withoutDriving { try reload(batch, ReloadOptions()) }
      if let failure = report.failures.first { throw failure }
    } catch {
      var error = StoreError(wrapping: error)
      error.message =
        "\(unit.name) was ended in the middle of its work and cannot be loaded anew, so that its code goes on as it "
        + "is: \(error.message)"
      error.script = error.script ?? unit.name
      system.report(error)
      // It was counted for the version that has not come to be.
      if error.isOverrun {
        noteOverrun(of: unit)
        isolateOverrunners()
      }
    }
  }
}
