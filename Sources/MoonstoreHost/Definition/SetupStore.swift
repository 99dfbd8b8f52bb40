import MoonLua
import MoonValue
import MoonstoreCore

/// What a setup function makes while it runs: refs, computeds and watchers of one store.
final class SetupScope {
  let store: LiveStore
  /// Where the values of refs live until their names are known.
  let draft: StateNode
  var cells: [Cell] = []
  var watchers: [() throws -> Void] = []
  /// What ends the watchers.
  var registrations: [Subscription] = []

  init(store: LiveStore, draft: StateNode) {
    self.store = store
    self.draft = draft
  }
}

extension HostEngine {
  /// `ref`, `computed` and `watch`.
  func addSetupFunctions(_ natives: Natives) throws {
    natives.add("ref", as: .ref, byReference: true) { [unowned self] arguments in
      let scope = try setupScope("ref")
      let slot = try arguments.state(of: scope.store.id, at: ": ref(...)")
      // A ref that the setup function keeps to itself stands at the same depth as a field.
      try system.tree.checkDepth(slot, in: scope.draft)
      system.tree.appendFresh(slot.isEmpty ? .null : slot, to: scope.draft)
      let cell = Cell(.field(scope.draft, position: scope.draft.slots.count - 1))
      scope.cells.append(cell)
      return arguments.answer(LuaObject(kind: ObjectKind.cell, grant: 0, instance: cell))
    }
    natives.add("computed", as: .computed) { [unowned self] arguments in
      let scope = try setupScope("computed")
      let function = try arguments.function()
      let getter = makeGetter("computed", function, of: scope.store, takesSelf: false)
      let cell = Cell(.computed(getter))
      keep(getter, for: scope.store)
      scope.cells.append(cell)
      return arguments.answer(LuaObject(kind: ObjectKind.cell, grant: 0, instance: cell))
    }
    try addWatchFunctions(natives)
  }

  private func setupScope(_ function: String) throws -> SetupScope {
    guard let setup else {
      throw StoreError(
        .invalidDefinition,
        "\(function) is for setup functions: defineStore(id, function() local n = \(function)(...) end)"
      )
    }
    return setup
  }

  /// Makes a store by a setup function: what it returns becomes state, getters and actions by name.
  func makeSetupStore(
    _ definition: StoreDefinition,
    _ setup: LuaReference,
    of script: String,
    _ draft: StoreEntry?
  ) throws -> LiveStore {
    let live = LiveStore(definition, root: StateNode(.map, tree: system.tree), system: system)
    live.owner = script
    claimEntry(for: live, draft: draft)
    live.isSetup = true
    let made = try runSetup(setup, for: live)
    for (name, slot) in made.fields { system.tree.addFresh(.string(name), slot, to: live.root) }
    for (name, cell) in made.computeds {
      guard case .computed(let getter) = cell.content else { continue }
      getter.name = name
      try live.add(getter)
    }
    for (name, function) in made.actions { try add(action: name, function, to: live) }
    let initial = live.root.value
    live.definition.state = { initial }
    try place(made.scope, in: live)
    return live
  }

  /// What a new version of a live store is, as its setup function says it.
  func setupReplacement(
    _ definition: StoreDefinition,
    _ setup: LuaReference,
    for live: LiveStore
  ) throws -> (StoreReplacement, SetupScope) {
    let made = try runSetup(setup, for: live)
    var initial: ValueMap = [:]
    for (name, slot) in made.fields { initial[.string(name)] = slot.value }
    var new = StoreReplacement(definition, initial: .map(initial))
    new.definition.state = { [initial] in .map(initial) }
    new.isSetup = true
    new.getters = made.computeds.compactMap { name, cell in
      guard case .computed(let getter) = cell.content else { return nil }
      return (name, getter.evaluate)
    }
    new.actions = made.actions.map { ($0.name, .script($0.function, takesSelf: false)) }
    return (new, made.scope)
  }

  /// Gives the refs and computeds of a setup function their places in the live store, and begins to watch.
  func place(_ scope: SetupScope, in live: LiveStore) throws {
    let hidden = StateNode(.array, tree: system.tree)
    var nameless: [Cell] = []
    for cell in scope.cells {
      switch (cell.content, cell.name) {
      case (.field, let name?):
        cell.content = .field(live.root, position: live.root.position(of: .string(name)))
      case (.field(let draft, let position), nil):
        system.tree.appendFresh(draft.slots[position], to: hidden)
        nameless.append(cell)
      case (.computed(let own), let name?):
        guard case .getter(let getter) = live.member(named: name), getter !== own else { continue }
        // The getter that the store has had all along has its code now.
        cell.content = .computed(getter)
        own.dispose()
      case (.computed, nil): break
      }
    }
    let home = live.setHidden(hidden)
    for (position, cell) in nameless.enumerated() {
      cell.content = .field(home, position: position)
    }
    live.handlers += scope.registrations
    for begin in scope.watchers { try begin() }
  }

  /// What a setup function has returned, by what it is.
  private struct SetupResult {
    let scope: SetupScope
    var fields: [(name: String, slot: StateSlot)] = []
    var computeds: [(name: String, cell: Cell)] = []
    var actions: [(name: String, function: LuaReference)] = []
  }

  private func runSetup(_ setup: LuaReference, for live: LiveStore) throws -> SetupResult {
    let scope = SetupScope(store: live, draft: StateNode(.array, tree: system.tree))
    let outer = self.setup
    self.setup = scope
    defer { self.setup = outer }
    let returned = try withoutDriving(as: "the setup function of ", of: live.id) {
      try LuaFunction(setup).call().first
    }
    guard case .table(let table) = returned else {
      throw StoreError(
        .invalidDefinition,
        "the setup function of '\(live.id)' must return a table: return { count = count, ... }",
        store: live.id
      )
    }
    var members: [(name: String, value: LuaValue)] = []
    for (key, value) in try table.pairs() {
      guard case .data(.string(let name)) = key else {
        throw StoreError(
          .invalidDefinition,
          "the setup function of '\(live.id)' returned a field without a name",
          store: live.id
        )
      }
      members.append((name, value))
    }
    var result = SetupResult(scope: scope)
    for (name, value) in members.sorted(by: { $0.name < $1.name }) {
      try sort(name, value, into: &result)
    }
    return result
  }

  private func sort(_ name: String, _ value: LuaValue, into result: inout SetupResult) throws {
    switch value {
    case .function(let function): result.actions.append((name, function.reference))
    case .table(let table):
      let slot = try stateSlot(of: table.reference, of: result.scope.store.id, at: ".\(name)")
      result.fields.append((name, slot))
    case .opaque(let opaque):
      guard let cell = opaque.instance(kind: ObjectKind.cell, as: Cell.self) else { fallthrough }
      cell.name = name
      switch cell.content {
      case .field(let draft, let position): result.fields.append((name, draft.slots[position]))
      case .computed: result.computeds.append((name, cell))
      }
    case .nil, .data:
      guard let data = try value.value() else { return }
      result.fields.append((name, system.tree.slot(data)))
    }
  }
}
