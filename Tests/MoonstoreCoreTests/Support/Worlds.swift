import MoonValue
import MoonstoreCore

/// What a piece of work failed with; nil when it did not.
func failure(_ body: () throws -> Void) -> StoreError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoreError ?? StoreError(.thrown, "\(error)", underlying: error)
  }
}

extension StoreSystem {
  /// A store with a number, its double, and actions that count, fail, and fail after counting.
  @discardableResult
  func defineCounter(_ id: String = "counter") throws -> Store {
    try define(
      StoreDefinition(
        id,
        state: ["count": 0],
        getters: ["double": { store in .integer(try store.integer("count") * 2) }],
        actions: [
          "increment": { store, arguments in
            let step = arguments.first?.integerValue ?? 1
            try store.set("count", .integer(try store.integer("count") + step))
            return try store.get("count")
          },
          "fail": { _, _ in throw Refusal(reason: "no") },
          "countAndFail": { store, _ in
            try store.call("increment")
            throw Refusal(reason: "no")
          },
        ]
      )
    )
  }

  /// A store with nothing but state.
  @discardableResult
  func define(_ id: String, state: Value) throws -> Store {
    try define(StoreDefinition(id, state: state))
  }
}

extension Store {
  func integer(_ name: String) throws -> Int64 { try get(name, as: Int64.self) }

  /// The keys of the state, or of the map in a field of it, in their order.
  func keys(of field: String? = nil) throws -> [Value.Key] {
    guard let node = try field.map(part) ?? live.root else { return [] }
    return node.slots.indices.filter { !node.slots[$0].isEmpty }.map(node.key(at:))
  }

  /// The part in a field.
  func part(_ field: String) throws -> StateNode? { try live.slot(named: field).node }

  /// Removes a field, as assigning nil does.
  func remove(_ key: Value.Key, from field: String? = nil) throws {
    guard let node = try field.map(part) ?? live.root else { return }
    try live.system.turn { try live.system.tree.assign(key, .empty, in: node) }
  }
}
