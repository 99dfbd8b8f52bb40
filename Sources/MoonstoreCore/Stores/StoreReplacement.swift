package import MoonValue

/// A new version of a live store: everything that its definition says, anew.
package struct StoreReplacement {
  /// The record: name, dependencies, permissions, version, and the function that makes the state.
  package var definition: StoreDefinition
  package var getters: [(name: String, evaluate: () throws -> StateSlot)] = []
  package var actions: [(name: String, code: LiveStore.Action.Code)] = []
  /// What the state begins with, a map.
  package var initial: Value
  /// Makes the state from that of another version; it gets a copy of the old state and its version.
  package var migrate: ((_ old: Value, _ version: Int) throws -> Value)?
  /// Which script it belongs to.
  package var owner: String?
  package var line: Int?
  package var isSetup = false
  /// Whether it is the same code once more, so that the state stays as it is, whatever its defaults come to now.
  package var isRestart = false
  /// What it is made from, for whoever has made it.
  package var origin: AnyObject?

  package init(_ definition: StoreDefinition, initial: Value) {
    self.definition = definition
    self.initial = initial
  }
}

extension LiveStore {
  /// Becomes a new version, and keeps its state, its identity and all who hold or hear of it.
  ///
  /// What the old version handled and what plugins had added ends; the plugins add to the new version.
  /// Undone with the turn.
  ///
  /// - Parameters:
  ///   - new: The new version.
  ///   - plugins: The plugins of the store itself, besides those of the host.
  ///   - register: Adds what the new version handles and answers to `handlers`; the state is fitted, and
  ///     plugins come afterwards.
  /// - Returns: What became of the state.
  /// - Throws: What makes the new version impossible.
  package func replace(
    with new: StoreReplacement,
    plugins: [InstalledPlugin],
    register: () throws -> Void
  ) throws(StoreError) -> StateReconciliation.Difference {
    try system.turn {
      let old = new.isRestart ? nil : knownInitialState()
      noteReplacement()
      for handler in handlers.reversed() { handler.cancel() }
      handlers = []
      let withdrawn = withdraw { _ in true }
      for name in memberNames { try retire(name) }
      let version = definition.version
      try take(new)
      let interim = withdrawn.reduce(new.initial) { $0.merged(with: .map($1.state)) }
      var difference =
        if new.isRestart {
          try fit(Fitting(old: nil, new: missing(from: new)))
        } else {
          try fit(
            Fitting(
              old: old,
              new: interim,
              versions: (version, new.definition.version),
              migrate: new.migrate
            )
          )
        }
      for name in new.getters.map(\.name) + new.actions.map(\.name) { try checkIsFree(name) }
      for getter in new.getters { try put(getter: getter.name, getter.evaluate) }
      for action in new.actions { try put(action: action.name, action.code) }
      try register()
      try system.install(plugins, on: self)
      if !new.isRestart {
        difference.add(try fit(Fitting(old: interim, new: addedTo(new.initial))))
      }
      finishReplacement()
      return difference
    }
  }

  /// Takes back what some plugins have added, and lets others add in their place; undone with the turn.
  package func replace(
    additionsOf isReplaced: (InstalledPlugin) -> Bool,
    by plugins: [InstalledPlugin]
  ) throws(StoreError) -> StateReconciliation.Difference {
    try system.turn {
      let base = try definition.state()
      let old = addedTo(base)
      noteReplacement()
      let withdrawn = withdraw(isReplaced)
      for name in withdrawn.flatMap({ $0.members.sorted() }) { try retire(name) }
      try system.install(only: plugins, on: self)
      // The plugins of the host come before the store's own, each in its place.
      additions = additions.enumerated()
        .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }.map(\.element)
      let difference = try fit(Fitting(old: old, new: addedTo(base)))
      finishReplacement()
      return difference
    }
  }

  // MARK: Taking out

  private func noteReplacement() {
    system.noteNewVersion(of: self)
    let before = (definition, permissions, origin, owner, line, isSetup, additions, handlers)
    system.tree.note(
      UndoStep { [self] in
        (definition, permissions, origin, owner, line, isSetup, additions, handlers) = before
        retired = [:]
        retiredFields = []
        system.registry.noteChange()
      }
    )
  }

  private func withdraw(_ isWithdrawn: (InstalledPlugin) -> Bool) -> [StoreAddition] {
    let withdrawn = additions.filter { $0.plugin.map(isWithdrawn) ?? true }
    for addition in withdrawn.reversed() { addition.leave() }
    additions.removeAll { addition in withdrawn.contains { $0 === addition } }
    retiredFields = Set(withdrawn.flatMap(\.state.keys))
    return withdrawn
  }

  /// A getter or an action is no more, unless it is put back before the replacement is finished.
  private func retire(_ name: String) throws(StoreError) {
    guard let member = member(named: name) else { return }
    let place = dropMember(named: name)
    system.tree.note(
      UndoStep { [self] in
        retired[name] = nil
        restore(member, named: name, at: place)
        system.tree.namesChanged(in: root)
      }
    )
    switch member {
    case .getter(let getter): retired[name] = getter
    case .action(let index): try setCode(.removed, ofAction: index)
    }
  }

  /// Throws when a name is a field that neither version knows.
  private func checkIsFree(_ name: String) throws(StoreError) {
    guard hasField(name) else { return }
    throw StoreError(
      .invalidDefinition,
      "'\(name)' is a field of the live state of '\(id)', which was added while it ran, and the new "
        + "version makes it a getter or an action: remove the field first, or choose another name",
      store: id,
      member: name
    )
  }

  private func finishReplacement() {
    let gone = retired
    retired = [:]
    retiredFields = []
    for getter in gone.values { system.graph.withdraw(getter.node) }
    if !gone.isEmpty {
      system.tree.note(
        UndoStep {
        } finish: {
          for getter in gone.values { getter.dispose() }
        }
      )
    }
    system.tree.namesChanged(in: root)
  }

  // MARK: Taking over

  private func take(_ new: StoreReplacement) throws(StoreError) {
    let dependencies = definition.dependencies
    definition = new.definition
    definition.dependencies = dependencies
    if dependencies != new.definition.dependencies {
      try system.registry.setDependencies(new.definition.dependencies, of: id)
    }
    permissions =
      try new.definition.permissions.map { (list) throws(StoreError) in
        try PermissionSet(list, of: id)
      } ?? .standard
    system.registry.noteChange()
    owner = new.owner
    line = new.line
    isSetup = new.isSetup
    origin = new.origin
  }

  // MARK: State

  private struct Fitting {
    /// Nil if it cannot be known.
    let old: Value?
    let new: Value
    var versions = (old: 1, new: 1)
    var migrate: ((Value, Int) throws -> Value)?
  }

  /// What the state began with; nil if that can no longer be told.
  private func knownInitialState() -> Value? {
    system.getterDepth += 1
    defer { system.getterDepth -= 1 }
    return try? initialState()
  }

  private func addedTo(_ base: Value) -> Value {
    additions.reduce(base) { $0.merged(with: .map($1.state)) }
  }

  /// The fields that a setup function needs for its refs; those of other stores may have been removed.
  private func missing(from new: StoreReplacement) -> Value {
    guard new.isSetup, let initial = new.initial.mapValue else { return .map([:]) }
    return .map(
      initial.filter { key, _ in
        let position = root.position(of: key)
        return position < 0 || root.slots[position].isEmpty
      }
    )
  }

  private func fit(_ fitting: Fitting) throws(StoreError) -> StateReconciliation.Difference {
    var fit = StateReconciliation(tree: system.tree)
    fit.compare(root, old: fitting.old, new: fitting.new)
    let (old, new) = fitting.versions
    guard old != new || !fit.conflicts.isEmpty else {
      try fit.write()
      return fit.difference
    }
    guard let migrate = fitting.migrate else {
      throw noMigration(fit.conflicts, from: old, to: new)
    }
    let data = try migrated(by: migrate, from: old, to: fitting)
    try fit.put(data, into: root)
    var rest = StateReconciliation(tree: system.tree)
    rest.compare(root, old: nil, new: fitting.new)
    if let conflict = rest.conflicts.first {
      throw StoreError(
        .invalidDefinition,
        "migrate of '\(id)' returned a state whose '\(conflict.path)' is a \(conflict.old), where the new "
          + "version begins with a \(conflict.new)",
        store: id,
        member: "migrate"
      )
    }
    try rest.write()
    var difference = rest.difference
    difference.migratedFrom = old
    return difference
  }

  private func migrated(
    by migrate: (Value, Int) throws -> Value,
    from version: Int,
    to fitting: Fitting
  ) throws(StoreError) -> ValueMap {
    let result: Value
    do {
      // It makes one value from another, and does nothing else.
      system.getterDepth += 1
      defer { system.getterDepth -= 1 }
      result = try migrate(root.value, version)
    } catch {
      var failure = StoreError(wrapping: error)
      failure.store = failure.store ?? id
      failure.member = failure.member ?? "migrate"
      throw failure
    }
    guard var data = result.mapValue, !data.isEmpty || fitting.new.mapValue?.isEmpty == true else {
      throw StoreError(
        .invalidDefinition,
        "migrate of '\(id)' must return the new state, a table with named fields",
        store: id,
        member: "migrate"
      )
    }
    // What only the old version has goes, even if the function has handed it on.
    let kept = fitting.new.mapValue ?? [:]
    for key in (fitting.old?.mapValue ?? [:]).keys where kept[key] == nil { data[key] = nil }
    return data
  }

  private func noMigration(
    _ conflicts: [StateReconciliation.Conflict],
    from old: Int,
    to new: Int
  ) -> StoreError {
    let reason =
      if let conflict = conflicts.first, old == new {
        "'\(id).\(conflict.path)' is a \(conflict.old), and the new version makes it a \(conflict.new)"
      } else {
        "the state of '\(id)' is of version \(old), and the new definition is of version \(new)"
      }
    return StoreError(
      .cannotMigrate,
      "\(reason): give it a  migrate = function(old, fromVersion) ... return new end",
      store: id
    )
  }
}

extension StoreAddition {
  fileprivate var rank: Int { plugin?.rank ?? .max }
}

extension StateReconciliation.Difference {
  mutating func add(_ other: StateReconciliation.Difference) {
    added += other.added
    removed += other.removed
    redefined += other.redefined
    migratedFrom = migratedFrom ?? other.migratedFrom
  }
}
