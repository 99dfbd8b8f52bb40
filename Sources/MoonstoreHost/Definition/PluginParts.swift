import MoonLua
import MoonValue
import MoonstoreCore

/// What the plugins of a host add to one store.
///
/// A plugin is a function(context) that is called once for each store, with its `id`, `name` and
/// `metadata`; it returns nothing, or a table with `state`, `getters` and `actions`.
struct PluginParts {
  private var state: [(name: String, value: Value)] = []
  private var getters: [(name: String, function: LuaReference)] = []
  private var actions: [(name: String, function: LuaReference)] = []

  mutating func read(_ plugin: LuaReference, for store: LiveStore, engine: HostEngine) throws {
    let context = try engine.vm.makeTable([
      "id": .string(store.id), "name": .string(store.definition.name),
      "metadata": store.definition.metadata,
    ])
    let result = try engine.withoutDriving { try LuaFunction(plugin).call(.table(context)).first }
    switch result ?? .nil {
    case .nil: return
    case .table(let table):
      for (key, value) in try table.pairs() {
        guard case .data(.string(let part)) = key, case .table(let members) = value else {
          throw wrong(store)
        }
        try read(part, members, store)
      }
    default: throw wrong(store)
    }
  }

  private func wrong(_ store: LiveStore) -> StoreError {
    StoreError(
      .invalidDefinition,
      "a plugin must return nothing, or a table with 'state', 'getters' and 'actions'",
      store: store.id
    )
  }

  private mutating func read(_ part: String, _ members: LuaTable, _ store: LiveStore) throws {
    for (key, value) in try members.pairs() {
      guard case .data(.string(let name)) = key else { throw wrong(store) }
      switch (part, value) {
      case ("state", _): state.append((name, try value.value() ?? .null))
      case ("getters", .function(let function)): getters.append((name, function.reference))
      case ("actions", .function(let function)): actions.append((name, function.reference))
      default: throw wrong(store)
      }
    }
  }

  func apply(to store: LiveStore, engine: HostEngine) throws {
    let tree = engine.system.tree
    for (name, value) in state.sorted(by: { $0.name < $1.name }) {
      guard store.root.position(of: .string(name)) < 0 else {
        throw StoreError(
          .invalidDefinition,
          "a plugin adds the field '\(name)', which '\(store.id)' already has",
          store: store.id
        )
      }
      tree.addFresh(.string(name), tree.slot(value), to: store.root)
    }
    if !state.isEmpty {
      let own = store.definition.state
      let added = state
      store.definition.state = {
        guard case .map(var pairs) = try own() else { return .map([:]) }
        for (name, value) in added { pairs[.string(name)] = value }
        return .map(pairs)
      }
    }
    for (name, function) in getters.sorted(by: { $0.name < $1.name }) {
      try engine.add(getter: name, function, to: store, takesSelf: true)
    }
    for (name, function) in actions.sorted(by: { $0.name < $1.name }) {
      try engine.add(action: name, function, to: store, takesSelf: true)
    }
  }
}
