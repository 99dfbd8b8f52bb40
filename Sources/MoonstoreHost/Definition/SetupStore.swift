import MoonLua
import MoonValue
import MoonstoreCore

/// What a setup function makes while it runs: refs, computeds and watchers of one store.
final class SetupScope {
  let store: LiveStore
  /// Where the values of refs live until their names are known.
  let draft: StateNode
  var cells: [Cell] = []
  var watchers: [() -> Void] = []

  init(store: LiveStore, draft: StateNode) {
    self.store = store
    self.draft = draft
  }
}

extension HostEngine {
  /// `ref`, `computed` and `watch`.
  func addSetupFunctions(_ natives: Natives) throws {
    try natives.add("ref", as: "ref", byReference: true) { [unowned self] arguments in
      let scope = try setupScope("ref")
      let slot = try arguments.state(of: scope.store.id, at: ": ref(...)")
      system.tree.appendFresh(slot.isEmpty ? .null : slot, to: scope.draft)
      let cell = Cell(.field(scope.draft, position: scope.draft.slots.count - 1))
      scope.cells.append(cell)
      return arguments.answer(LuaObject(kind: ObjectKind.cell, grant: 0, instance: cell))
    }
    try natives.add("computed", as: "computed") { [unowned self] arguments in
      let scope = try setupScope("computed")
      let function = try arguments.function("the function")
      let getter = makeGetter("computed", function, of: scope.store, takesSelf: false)
      scope.store.attachments.append { getter.dispose() }
      let cell = Cell(.computed(getter))
      scope.cells.append(cell)
      return arguments.answer(LuaObject(kind: ObjectKind.cell, grant: 0, instance: cell))
    }
    try natives.add("watch", as: "watch") { [unowned self] arguments in
      let script = try arguments.string("the script")
      let source = try watchSource(&arguments)
      let callback = try arguments.function("the callback")
      let options = try arguments.value()
      let watcher = Watcher(
        engine: self,
        store: setup?.store,
        source: source,
        callback: callback,
        once: options["once"]?.boolValue ?? false
      )
      let immediate = options["immediate"]?.boolValue ?? false
      if let setup {
        // The refs have their places in the state only when the setup function has returned.
        setup.watchers.append { watcher.begin(immediate: immediate) }
      } else {
        watcher.begin(immediate: immediate)
      }
      // One that was ended in a turn that fails watches on.
      let subscription = system.registration {
        watcher.end()
        return { watcher.begin(immediate: false) }
      }
      setup?.store.attachments.append { subscription.cancel() }
      let number = keep(subscription, for: script)
      arguments.call.dropArguments()
      let disposer = try machine.makeNative(byReference: false) { [unowned self] call in
        call.dropArguments()
        machine.append(cancel(number))
        return .results(1)
      }
      watcher.disposer = disposer
      machine.append(pinning: disposer)
      return .results(1)
    }
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

  private func watchSource(_ arguments: inout Arguments) throws -> () throws -> StateSlot {
    if let object = arguments.object(ObjectKind.cell) {
      let cell = object.instance(as: Cell.self)
      return { [unowned self] in
        switch cell.content {
        case .field(let node, let position): system.tree.read(node, at: position)
        case .computed(let getter): try getter.read()
        }
      }
    }
    let function = try arguments.function("the source (a ref, a computed or a function)")
    return { [unowned self] in
      let base = try limited(budgets.getter) { try machine.callGetter(function, handle: nil) }
      defer { machine.truncateTokens(to: base) }
      var token = try machine.token(at: base)
      return try StateConversion(system: system).slot(&token, for: .result)
    }
  }

  /// Makes a store by a setup function: what it returns becomes state, getters and actions by name.
  func makeSetupStore(_ definition: StoreDefinition, _ setup: LuaReference) throws -> LiveStore {
    let tree = system.tree
    let live = LiveStore(definition, root: StateNode(.map, tree: tree), system: system)
    live.isSetup = true
    let scope = SetupScope(store: live, draft: StateNode(.array, tree: tree))
    let outer = self.setup
    self.setup = scope
    defer { self.setup = outer }
    let returned = try withoutDriving { try LuaFunction(setup).call().first }
    guard case .table(let result) = returned else {
      throw StoreError(
        .invalidDefinition,
        "the setup function of '\(live.id)' must return a table: return { count = count, ... }",
        store: live.id
      )
    }
    var members: [(name: String, value: LuaValue)] = []
    for (key, value) in try result.pairs() {
      guard case .data(.string(let name)) = key else {
        throw StoreError(
          .invalidDefinition,
          "the setup function of '\(live.id)' returned a field without a name",
          store: live.id
        )
      }
      members.append((name, value))
    }
    for (name, value) in members.sorted(by: { $0.name < $1.name }) {
      try add(setupMember: name, value, to: live)
    }
    keepHidden(scope)
    let initial = live.root.value
    live.definition.state = { initial }
    for begin in scope.watchers { begin() }
    return live
  }

  private func add(setupMember name: String, _ value: LuaValue, to live: LiveStore) throws {
    let tree = system.tree
    switch value {
    case .function(let function): try add(action: name, function.reference, to: live)
    case .table(let table):
      let slot = try stateSlot(of: table.reference, of: live.id, at: ".\(name)")
      tree.addFresh(.string(name), slot, to: live.root)
    case .opaque(let opaque):
      guard let cell = opaque.instance(kind: ObjectKind.cell, as: Cell.self) else { fallthrough }
      cell.name = name
      switch cell.content {
      case .field(let draft, let position):
        tree.addFresh(.string(name), draft.slots[position], to: live.root)
        cell.content = .field(live.root, position: live.root.position(of: .string(name)))
      case .computed(let getter):
        getter.name = name
        try live.add(getter)
      }
    case .nil, .data:
      guard let data = try value.value() else { return }
      tree.addFresh(.string(name), tree.slot(data), to: live.root)
    }
  }

  /// Refs that were not returned are state without a name: they live in the tree like all state.
  private func keepHidden(_ scope: SetupScope) {
    let tree = system.tree
    let hidden = StateNode(.array, tree: tree)
    for cell in scope.cells where cell.name == nil {
      guard case .field(let draft, let position) = cell.content else { continue }
      tree.appendFresh(draft.slots[position], to: hidden)
      cell.content = .field(hidden, position: hidden.slots.count - 1)
    }
    if !hidden.slots.isEmpty { scope.store.hiddenRoots.append(hidden) }
  }
}

/// Calls a script when what it watches has another value after a turn.
final class Watcher {
  private unowned let engine: HostEngine
  private let store: LiveStore?
  private let source: () throws -> StateSlot
  private let callback: LuaReference
  private let once: Bool
  private var last = StateSlot.empty
  private var effect: Effect?
  // Keeps the function that ends it as long as it lives.
  var disposer: LuaReference?

  init(
    engine: HostEngine,
    store: LiveStore?,
    source: @escaping () throws -> StateSlot,
    callback: LuaReference,
    once: Bool
  ) {
    self.engine = engine
    self.store = store
    self.source = source
    self.callback = callback
    self.once = once
  }

  func begin(immediate: Bool) {
    var isFirst = true
    let graph = engine.system.graph
    effect = Effect(in: graph, label: "watch") { [weak self] in
      guard let self else { return }
      let value = try source()
      let changed = !value.isSame(as: last)
      let old = last
      last = value
      defer { isFirst = false }
      guard isFirst ? immediate : changed else { return }
      graph.untracked { self.call(value, old) }
    }
  }

  private func call(_ value: StateSlot, _ old: StateSlot) {
    let owner = store?.id ?? "watch"
    if once { end() }
    engine.system.isolated("a watcher", owner: owner) {
      let state = try engine.start(callback, store: owner, member: "a watcher") {
        engine.machine.append(value)
        engine.machine.append(old)
      }
      if case .done(let run) = state { run.release() }
    }
  }

  func end() {
    effect?.dispose()
    effect = nil
  }
}
