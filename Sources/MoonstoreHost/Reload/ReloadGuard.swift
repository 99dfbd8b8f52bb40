import MoonstoreCore

/// Looks after the first turns of a new version: what fails in them and had not failed before makes the host
/// go back.
final class ReloadGuard {
  /// The versions that ran before, by script.
  let old: NameTable<ScriptUnit>
  /// The versions that are looked after.
  private let new: NameTable<ScriptUnit>
  private(set) var turns: Int
  /// The failure for which the host is to go back.
  private(set) var reason: StoreError?

  init(_ old: NameTable<ScriptUnit>, _ new: [ScriptUnit], turns: Int) {
    self.old = old
    self.new = NameTable(new.map { (key: $0.name, value: $0) })
    self.turns = turns
  }

  /// A call has ended that ran code of a script.
  func note(turnOf script: String) { if new[script] != nil { turns -= 1 } }

  /// Something of a script has failed.
  func note(_ error: StoreError, _ place: String, of script: String) {
    guard reason == nil, new[script] != nil, let old = old[script] else { return }
    // It failed before as well, so going back would help nobody.
    if old.failed.contains(place) { return }
    reason = error
  }

  var isOver: Bool { turns <= 0 }
}

extension HostEngine {
  /// Notes how a call has ended, for whoever looks after it.
  func noteEnd(of store: LiveStore, _ member: String, _ failure: StoreError?) {
    guard failure != nil || guarding != nil, let script = store.owner else { return }
    if let failure { note(failure, "\(store.id):\(member)", of: script) }
    guarding?.note(turnOf: script)
    if !system.isInTurn { actOnGuard() }
  }

  /// Notes what nobody waits for: failures of handlers, getters and watchers.
  func noteReport(_ error: StoreError) {
    guard let store = error.store, let script = unit(for: store)?.name else { return }
    note(error, "\(store):\(error.member ?? "")", of: script)
  }

  private func note(_ error: StoreError, _ place: String, of script: String) {
    guarding?.note(error, place, of: script)
    guard let unit = scripts[script], unit.failed.count < 1_000 else { return }
    unit.failed.insert(place)
  }

  /// Goes back if there is a reason; ends the guard when its turns are over.
  func actOnGuard() {
    guard let guarding else { return }
    guard let reason = guarding.reason else {
      if guarding.isOver { self.guarding = nil }
      return
    }
    self.guarding = nil
    var batch = ReloadBatch()
    batch.reason = reason
    for (name, old) in guarding.old.sorted(by: { $0.key < $1.key }) {
      guard let kind = Project.Kind(path: name) else { continue }
      batch.changed.append(Project.Source(path: name, text: old.text, kind: kind))
      for (path, text) in old.modules where batch.modules[path] == nil {
        batch.modules[path] = text
      }
      batch.returns[name] = histories[name]?.versions.first { $0.number == old.version }
    }
    do {
      reloadListeners.tell(try reload(batch, ReloadOptions()))
    } catch {
      system.report(error)
    }
  }
}
