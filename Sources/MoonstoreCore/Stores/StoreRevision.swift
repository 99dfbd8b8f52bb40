package import MoonValue

/// What a live store is changed to: code that is new or takes the place of other code, fields that it gets
/// in addition, and what is said about it.
///
/// `configure`, plugins and reloads make revisions; `LiveStore.apply` makes all of one, or nothing.
package struct StoreRevision {
  /// Puts the state back in a way of its own; it gets what does so in the plain way.
  package typealias Reset = (_ plain: () throws -> Void) throws -> Void

  /// What the state begins with besides what it has: maps merge, everything else is replaced.
  package var state: ValueMap = [:]
  package var getters: [(name: String, evaluate: () throws -> StateSlot)] = []
  package var actions: [(name: String, code: LiveStore.Action.Code)] = []
  package var reset: Reset?
  package var name: String?
  package var metadata: Value?
  package var dependencies: [String]?
  package var permissions: [Permission]?
  /// What it is made from now, for whoever has made it.
  package var origin: AnyObject?
  /// Whether it may only add: a name that the store has already is an error then.
  package var addsOnly = false

  package init() {}

  fileprivate enum Kind: String {
    case field = "a field of the state"
    case getter = "a getter"
    case action = "an action"
  }

  /// The names with what they stand for, in order.
  fileprivate var names: [(name: String, kind: Kind)] {
    state.keys.sorted().compactMap { key in
      if case .string(let name) = key { (name, .field) } else { nil }
    } + getters.map { ($0.name, .getter) } + actions.map { ($0.name, .action) }
  }
}

extension LiveStore {
  /// Makes all of a revision, or nothing of it: a part of the turn under way, or a turn of its own.
  ///
  /// Fields that are new get their values, others keep theirs; who holds an action reaches its new code;
  /// getters are evaluated anew.
  package func apply(
    _ revision: StoreRevision,
    as addition: StoreAddition? = nil
  ) throws(StoreError) {
    try system.forbidInGetter("change what '\(id)' is made of")
    try check(revision)
    let rights = try revision.permissions.map { (list) throws(StoreError) in
      try PermissionSet(list, of: id)
    }
    try system.turn {
      let before = (definition, permissions, origin)
      system.tree.note(
        UndoStep { [self] in
          (definition, permissions, origin) = before
          system.registry.noteChange()
        }
      )
      defer { system.registry.noteChange() }
      if let origin = revision.origin { self.origin = origin }
      if let name = revision.name { definition.name = name }
      if let metadata = revision.metadata { definition.metadata = metadata }
      if let dependencies = revision.dependencies {
        try system.registry.setDependencies(dependencies, of: id)
      }
      if let rights {
        definition.permissions = revision.permissions
        permissions = rights
      }
      if addition != nil || !revision.state.isEmpty || revision.reset != nil {
        let addition = addition ?? beginConfiguration()
        addition.reset = revision.reset
        addition.state.merge(revision.state) { $0.merged(with: $1) }
        addition.members.formUnion(revision.getters.map(\.name) + revision.actions.map(\.name))
        try addMissing(revision.state, to: root)
      }
      for (name, evaluate) in revision.getters { try put(getter: name, evaluate) }
      for (name, code) in revision.actions { try put(action: name, code) }
    }
  }

  // MARK: Checking

  /// Throws when a revision cannot be made.
  ///
  /// The error's `member` is the name that is in the way, if one is.
  private func check(_ revision: StoreRevision) throws(StoreError) {
    guard !isDisposed else {
      throw StoreError(.disposed, "the store '\(id)' was disposed", store: id)
    }
    var known: [String: StoreRevision.Kind] = [:]
    for (name, kind) in revision.names {
      if let other = known.updateValue(kind, forKey: name) {
        throw clash(name, "is given twice, as \(other.rawValue) and as \(kind.rawValue)")
      }
      guard let own = self.kind(of: name) else {
        if kind != .field { _ = try system.tree.symbols.intern(member: name, of: owner) }
        continue
      }
      if own == .field, kind == .field, retiredFields.contains(.string(name)) { continue }
      if revision.addsOnly { throw clash(name, "is there already, as \(own.rawValue)") }
      if own != kind { throw clash(name, "is \(own.rawValue), and cannot become \(kind.rawValue)") }
    }
    if let dependencies = revision.dependencies {
      try system.registry.check(dependencies: dependencies, of: id)
    }
  }

  private func clash(_ name: String, _ what: String) -> StoreError {
    StoreError(
      .invalidDefinition,
      "'\(name)' \(what) in the store '\(id)': a name is a field of the state, a getter or an action",
      store: id,
      member: name
    )
  }

  private func kind(of name: String) -> StoreRevision.Kind? {
    switch member(named: name) {
    case .getter: .getter
    case .action: .action
    case nil: hasField(name) ? .field : nil
    }
  }

  // MARK: State

  private func addMissing(_ pairs: ValueMap, to node: StateNode) throws(StoreError) {
    for key in pairs.keys.sorted() {
      guard let value = pairs[key] else { continue }
      let position = node.position(of: key)
      if position < 0 || node.slots[position].isEmpty {
        try system.tree.assign(key, system.tree.slot(value), in: node)
      } else if let inner = value.mapValue, let child = node.slots[position].node,
        child.kind != .array
      {
        try addMissing(inner, to: child)
      }
    }
  }

  // MARK: Code

  func put(getter name: String, _ evaluate: @escaping () throws -> StateSlot) throws(StoreError) {
    if case .getter(let getter) = member(named: name) {
      return replace(getter, with: evaluate)
    }
    let retired = retired.removeValue(forKey: name)
    let getter = retired ?? Getter(name, of: self, evaluate: evaluate)
    do throws(StoreError) {
      try add(getter)
    } catch {
      if retired == nil { getter.dispose() }
      throw error
    }
    system.tree.namesChanged(in: root)
    system.tree.note(
      UndoStep { [self] in
        remove(.getter(getter), named: name)
        system.tree.namesChanged(in: root)
        guard retired == nil else { return }
        system.graph.withdraw(getter.node)
        getter.dispose()
      }
    )
    if retired != nil { replace(getter, with: evaluate) }
  }

  private func replace(_ getter: Getter, with evaluate: @escaping () throws -> StateSlot) {
    let old = getter.evaluate
    getter.replace(with: evaluate)
    system.tree.note(UndoStep { getter.replace(with: old) })
  }

  func put(action name: String, _ code: Action.Code) throws(StoreError) {
    if case .action(let index) = member(named: name) {
      return try setCode(code, ofAction: index)
    }
    // Whoever still holds one that was removed finds it again.
    if let index = actions.firstIndex(where: { $0.name == name && $0.isRemoved }) {
      try add(.action(index), named: name)
      system.tree.note(UndoStep { [self] in dropMember(named: name) })
      system.tree.namesChanged(in: root)
      return try setCode(code, ofAction: index)
    }
    let engine = system.scriptEngine
    let index = actions.count
    try add(Action(name: name, code: code))
    system.tree.note(
      UndoStep { [self] in
        let action = actions[index]
        remove(.action(index), named: name)
        engine?.forget(action: action, of: self)
        system.tree.namesChanged(in: root)
      }
    )
    try engine?.update(action: index, of: self)
    system.tree.namesChanged(in: root)
  }

  func setCode(_ code: Action.Code, ofAction index: Int) throws(StoreError) {
    let engine = system.scriptEngine
    let old = actions[index].code
    actions[index].code = code
    system.tree.note(
      UndoStep { [self] in
        actions[index].code = old
        do throws(StoreError) {
          try engine?.update(action: index, of: self)
        } catch {
          system.report(error)
        }
      }
    )
    try engine?.update(action: index, of: self)
  }
}

extension Value {
  /// A map with another one over it: maps merge, everything else is replaced.
  package func merged(with other: Value) -> Value {
    guard case .map(var pairs) = self, let others = other.mapValue else { return other }
    pairs.merge(others) { $0.merged(with: $1) }
    return .map(pairs)
  }
}
