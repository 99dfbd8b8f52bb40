import MoonLua
import MoonValue
import MoonstoreCore

/// Scripts that are to be replaced together.
struct ReloadBatch {
  /// Those that change or are new, in the order in which they are loaded.
  var changed: [Project.Source] = []
  /// Those that are gone.
  var removed: [String] = []
  /// The text of `moonstore.lua`, if the settings change; nil inside means that it is gone.
  var settings: String??
  /// The texts that `require` finds.
  var modules = NameTable<String>()
  /// The version that a script goes back to.
  var returns = NameTable<ScriptVersion>()
  /// The failure that makes the host go back.
  var reason: StoreError?
  /// Whether it is the same version once more, since its code was ended in the middle.
  var isRestart = false

  var isEmpty: Bool { changed.isEmpty && removed.isEmpty && settings == nil }
  var names: [String] { changed.map(\.path) + removed }
}

extension HostEngine {
  /// Replaces scripts by other versions of themselves, all of them or, when anything is wrong, none.
  ///
  /// The scripts are compiled first. The rest is one turn, so that whatever fails in it is undone with all
  /// that went before: what the old versions own ends, the new ones run in fresh globals, their stores take
  /// over state and identity, and what is no longer defined goes.
  func reload(_ batch: ReloadBatch, _ options: ReloadOptions) throws(StoreError) -> ReloadReport {
    guard isBetweenTurns else {
      throw StoreError(
        .busy,
        "scripts are reloaded between turns, and a turn or a getter is under way"
      )
    }
    let clock = ContinuousClock()
    let start = clock.now
    var reload = Reload(batch)
    reload.report.scripts = batch.names.sorted().map { name in
      ReloadReport.Script(
        name: name,
        old: scripts[name]?.version,
        new: batch.removed.contains(name) ? nil : number(of: name, in: batch)
      )
    }
    reload.report.reason = batch.reason
    moduleTexts = batch.modules
    noteEnded()
    let wereEnded = ended.intersection(batch.names)
    isReloading = true
    isRestarting = batch.isRestart
    let seed = system.randomState
    let scope = beginBudget(budgets.loading, anew: true)
    defer {
      endBudget(scope)
      moduleTexts = nil
      isReloading = false
      isRestarting = false
      replaceable = []
    }
    var isFinal = false
    do throws(StoreError) {
      try compile(batch, into: &reload)
      let swap = clock.now
      try system.turn(TurnOrigin(.reload)) {
        try replace(&reload)
        system.noteUndo({}, finish: { isFinal = true })
      }
      reload.report.pause = (clock.now - swap).seconds
    } catch  where isFinal {
      // Watchers that went on without end, say, once everything was swapped.
      system.report(error)
    } catch {
      system.randomState = seed
      if reload.report.failures.isEmpty { reload.report.failures = [error] }
      reload.report.stores = []
      reload.report.inherited = []
      reload.report.duration = (clock.now - start).seconds
      noteEnded()
      // What a script that was not loaded has left behind, such as a function in another one, has no rights.
      for (unit, _, _) in reload.new where scripts[unit.name] == nil {
        system.access.revoke(Principal(.script, unit.name))
      }
      // What was ended was nearly always the new code, which is gone.
      if error.member != "onUnload" { ended.subtract(batch.names) }
      if !batch.isRestart { announce("script:refused", reload.report) }
      return reload.report
    }
    ended.subtract(wereEnded)
    finish(&reload, options)
    reload.report.duration = (clock.now - start).seconds
    announce(batch.isRestart ? "script:restarted" : "script:reloaded", reload.report)
    tidy()
    return reload.report
  }

  private func number(of script: String, in batch: ReloadBatch) -> Int {
    batch.returns[script]?.number ?? histories[script]?.next ?? 1
  }

  private func announce(_ type: String, _ report: ReloadReport) {
    system.registry.announce(type, source: "host", payload: report.record)
  }

  // MARK: Compiling

  /// Compiles everything before anything is touched, to tell of all that is no Lua at once.
  private func compile(_ batch: ReloadBatch, into reload: inout Reload) throws(StoreError) {
    for source in batch.changed {
      do {
        let unit = try makeUnit(source.path, version: batch.returns[source.path]?.number)
        reload.new.append((unit, try compile(source.text, unit), source.kind))
      } catch {
        reload.report.failures.append(StoreError(wrapping: error))
      }
    }
    if let first = reload.report.failures.first { throw first }
  }

  // MARK: Replacing

  private func replace(_ reload: inout Reload) throws {
    system.ranks.beginReplacing()
    defer { system.ranks.endReplacing() }
    if let text = reload.batch.settings { try replaceSettings(by: text, in: &reload) }
    let plugins = system.pluginCount
    for name in reload.batch.names { if let unit = scripts[name] { unload(unit, in: &reload) } }
    for (unit, _, _) in reload.new {
      adopt(unit)
      inherit(unit, from: reload.old[unit.name])
      if reload.batch.isRestart, let old = reload.old[unit.name] { unit.takeRecord(of: old) }
    }
    try collecting {
      for (unit, function, kind) in reload.new { try run(function, of: unit, kind) }
      try checkIDs(reload)
    } then: {
      changes = [:]
      try makeStores()
    }
    try replacePlugins(of: NameSet(reload.batch.names), hadPlugins: plugins > 0)
    try removeStores(reload)
    try passOn(reload)
    reload.note(changes, inherited: reload.new.flatMap { $0.unit.inherited })
    changes = [:]
  }

  private func replaceSettings(by text: String?, in reload: inout Reload) throws {
    let before = (settings, main, messageMiddleware, scripts["moonstore.lua"])
    system.noteUndo { [unowned self] in
      (settings, main, messageMiddleware, scripts["moonstore.lua"]) = before
    }
    try readSettings(text)
    if text == nil { scripts["moonstore.lua"] = nil }
    // Their globals were made with the settings as they were.
    for (unit, _, _) in reload.new {
      try unit.environment.set("settings", to: .table(try vm.makeTable(settings)))
    }
  }

  /// What a version of a script has registered ends; its stores stay for now.
  private func unload(_ unit: ScriptUnit, in reload: inout Reload) {
    reload.old[unit.name] = unit
    for (_, subscription) in unit.owned.sorted(by: { $0.key < $1.key }) { subscription.cancel() }
    endTasks(of: unit.name) { $0.belongsToVersion }
    replaceable.formUnion(unit.defined)
    scripts[unit.name] = nil
    system.noteUndo { [unowned self] in scripts[unit.name] = unit }
  }

  /// Stores that the old version made while it ran are the new version's.
  private func inherit(_ unit: ScriptUnit, from old: ScriptUnit?) {
    guard let old else { return }
    unit.inherited = old.stores.subtracting(old.defined).union(old.inherited)
      .filter { system.registry.find($0)?.isOwned(by: unit.name) == true }
    unit.stores.formUnion(unit.inherited)
  }

  /// A script that gives one of its stores another id would lose the state.
  private func checkIDs(_ reload: Reload) throws {
    let now = Set(definitions.map(\.reader.id))
    for (unit, _, _) in reload.new {
      guard let old = reload.old[unit.name] else { continue }
      let gone = old.defined.subtracting(now).filter { system.registry.find($0) != nil }.sorted()
      let come = unit.defined.subtracting(old.defined).filter { !replaceable.contains($0) }.sorted()
      guard let gone = gone.first, let come = come.first else { continue }
      throw StoreError(
        .invalidDefinition,
        "this script defined the store '\(gone)' and now defines '\(come)' in its place: a store keeps its id "
          + "while it lives, since its state belongs to the id. Keep the id, or remove the one store first "
          + "and add the other afterwards",
        store: gone,
        script: unit.name,
        line: definitions.first { $0.reader.id == come }?.line
      )
    }
  }

  /// Plugins of these scripts add anew to the stores that have not become new versions already.
  private func replacePlugins(of names: NameSet, hadPlugins: Bool) throws {
    let new = system.globalPlugins { names.contains($0.owner) }
    guard hadPlugins || !new.isEmpty else { return }
    for id in system.registry.ids where changes[id] == nil {
      guard let live = system.registry.find(id) else { continue }
      let old = live.additions.contains {
        $0.plugin.map { names.contains($0.owner) && $0.isGlobal } ?? false
      }
      guard old || !new.isEmpty else { continue }
      let difference = try live.replace(
        additionsOf: { $0.isGlobal && names.contains($0.owner) },
        by: new
      )
      if !difference.isEmpty { changes[id] = (.replaced, difference) }
    }
  }

  /// Stores that their script no longer defines go, those that need others first.
  private func removeStores(_ reload: Reload) throws {
    var leaving = replaceable.filter { system.registry.find($0) != nil }
    for name in reload.batch.removed {
      leaving.formUnion(
        (reload.old[name]?.stores ?? []).filter {
          system.registry.find($0)?.isOwned(by: name) == true
        }
      )
    }
    while !leaving.isEmpty {
      let free = leaving.sorted().first { id in
        !system.registry.dependents(of: id).contains { leaving.contains($0) }
      }
      guard let next = free ?? leaving.min() else { return }
      leaving.remove(next)
      let owner = system.registry.find(next)?.owner
      do {
        try system.registry.unregister(next)
      } catch {
        var error = error
        error.script = owner
        error.message += ", and \(owner ?? "its script") no longer defines it"
        throw error
      }
      changes[next] = (.removed, StateReconciliation.Difference())
    }
  }

  /// Old versions hand on what is no state.
  private func passOn(_ reload: Reload) throws {
    for name in reload.batch.removed {
      guard let old = reload.old[name] else { continue }
      // It acts once more in its own name.
      scripts[name] = old
      defer { scripts[name] = nil }
      try callHook("onUnload", of: old, try vm.makeTable())
    }
    for (unit, _, _) in reload.new {
      let carry = try vm.makeTable()
      // What one that was ended in its middle would hand on is what cannot be trusted.
      if let old = reload.old[unit.name], !reload.batch.isRestart {
        try callHook("onUnload", of: old, carry)
      }
      try callHook("onLoad", of: unit, carry)
    }
  }

  // MARK: Finishing

  private func finish(_ reload: inout Reload, _ options: ReloadOptions) {
    for (unit, _, _) in reload.new {
      note(versionOf: unit.name)
      if reload.batch.isRestart { continue }
      let returned = reload.batch.returns[unit.name] != nil
      histories[unit.name]?.passedOver = returned ? reload.old[unit.name]?.text : nil
    }
    for name in reload.batch.removed {
      histories[name]?.noteRemoval()
      system.access.revoke(Principal(.script, name))
    }
    for old in reload.old.values { forget(old) }
    noteReplaced(reload.old.values)
    let names = NameSet(reload.batch.names)
    switch options.running {
    case .finish: break
    case .cancel: cancelOutdated { names.contains($0) }
    case .drain(let seconds):
      _ = startTimer(seconds) { [unowned self] in cancelOutdated { names.contains($0) } }
    }
    reload.report.running = outdatedWork()
    if reload.batch.isRestart { return }
    guarding = nil
    if options.guardedTurns > 0, reload.batch.reason == nil {
      guarding = ReloadGuard(reload.old, reload.new.map(\.unit), turns: options.guardedTurns)
    }
  }

  /// Lets go of what an old version had registered.
  private func forget(_ unit: ScriptUnit) {
    for subscription in unit.owned.values { subscription.cancel() }
  }
}

extension HostEngine {
  /// Whether nothing is half-done: a driver may be between two of its calls.
  var isBetweenTurns: Bool {
    !system.isInTurn && system.getterDepth == 0 && system.graph.runningPath.isEmpty
  }

  /// The store of an id, unless its script is about to say anew what it is.
  func standing(_ id: String) -> LiveStore? {
    guard let live = system.registry.find(id) else { return nil }
    return isLoading && isReplaced(live) ? nil : live
  }

  /// Whether a definition of this store makes a new version of it, rather than being one too many.
  func isReplaced(_ live: LiveStore) -> Bool {
    if replaceable.contains(live.id) { return true }
    guard let owner = live.owner else { return false }
    return scripts[owner]?.inherited.contains(live.id) ?? false
  }

  /// A store becomes the version of itself that a script has defined.
  func replace(_ live: LiveStore, by definition: CollectedDefinition) throws {
    let id = live.id
    replaceable.remove(id)
    if let unit = scripts[definition.script] {
      unit.stores.insert(id)
      if unit.inherited.remove(id) != nil { system.noteUndo { unit.inherited.insert(id) } }
    }
    do {
      changes[id] = (.replaced, try take(definition, for: live))
    } catch {
      throw StoreError(wrapping: error).located(store: id, member: nil)
    }
  }
}

/// A reload while it is made.
private struct Reload {
  let batch: ReloadBatch
  var report = ReloadReport()
  var old = NameTable<ScriptUnit>()
  var new: [(unit: ScriptUnit, function: LuaFunction, kind: Project.Kind)] = []

  init(_ batch: ReloadBatch) { self.batch = batch }

  mutating func note(_ changes: HostEngine.StoreChanges, inherited: [String]) {
    report.inherited = inherited.sorted()
    report.stores = changes.sorted { $0.key < $1.key }.map { id, change in
      var store = ReloadReport.Store(id: id, change: change.kind)
      store.addedFields = change.difference.added
      store.removedFields = change.difference.removed
      store.redefinedFields = change.difference.redefined
      store.migratedFrom = change.difference.migratedFrom
      return store
    }
  }
}

extension HostEngine {
  /// What a reload has done to stores so far.
  typealias StoreChanges = [String: (
    kind: ReloadReport.Store.Change, difference: StateReconciliation.Difference
  )]
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
