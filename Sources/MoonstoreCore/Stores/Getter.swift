/// A value that follows from state: evaluated when somebody reads it, kept until something that it has
/// read changes.
package final class Getter: GraphObserver {
  package var name: String
  // The store owns its getters.
  private unowned(unsafe) let owner: LiveStore
  package var store: LiveStore { unsafe owner }
  // Swift's or a script's; it reads through the tree, so the graph learns what it depends on.
  package private(set) var evaluate: () throws -> StateSlot
  private(set) var node = NodeID.none
  private var result = StateSlot.empty
  private var failure: Failure?
  // How often code had run over a limit when this one last did; it is tried again after that.
  private var overranAfter: Int?

  // Most getters never have one, and it is large.
  private final class Failure {
    let error: StoreError
    init(_ error: StoreError) { self.error = error }
  }

  package init(_ name: String, of store: LiveStore, evaluate: @escaping () throws -> StateSlot) {
    self.name = name
    unsafe owner = store
    self.evaluate = evaluate
    super.init()
    node = store.system.graph.makeComputed(self, keepAlive: true)
  }

  package override var label: String { "\(store.id).\(name)" }

  /// The value, evaluated if need be, and noted as read.
  package func read() throws(StoreError) -> StateSlot {
    guard node != .none else {
      throw StoreError(
        .disposed,
        "the getter '\(name)' is no more: its store was disposed or reloaded"
      )
    }
    let graph = store.system.graph
    if let overranAfter, overranAfter != store.system.recoveries {
      self.overranAfter = nil
      graph.markChanged(store.system.recoverySource)
    }
    switch graph.readComputed(node) {
    case .ready:
      if let failure { throw failure.error }
      return result
    case .cycle:
      let path = graph.cyclePath(to: node).joined(separator: " -> ")
      throw StoreError(
        .getterCycle,
        "getters read each other in a circle: \(path)",
        store: store.id,
        member: name
      )
    }
  }

  /// The value as far as it takes no evaluation and is no error, noted as read.
  func glance() -> Glance {
    guard node != .none, failure == nil, overranAfter == nil else { return .elsewhere }
    let graph = store.system.graph
    guard graph.isSettled(node) else { return .elsewhere }
    graph.track(node)
    return Glance(result)
  }

  package override func recompute(in graph: ReactiveGraph) -> Bool {
    let system = store.system
    system.getterDepth += 1
    defer { system.getterDepth -= 1 }
    let recoveries = system.recoveries
    do {
      let new = try evaluate()
      let changed = failure != nil || !new.isSame(as: result)
      failure = nil
      result = new
      return changed
    } catch {
      // The error is the value until a dependency changes.
      var failure = StoreError(wrapping: error)
      if failure.store == nil {
        failure.store = store.id
        failure.member = name
      }
      if failure.code == .timeLimit || failure.code == .memoryLimit {
        // Whoever had used the time or the memory up, it says nothing about the value.
        overranAfter = recoveries
        system.graph.readSource(system.recoverySource)
      }
      self.failure = Failure(failure)
      result = .empty
      return true
    }
  }

  /// Takes other code: whoever has read the value looks again.
  func replace(with evaluate: @escaping () throws -> StateSlot) {
    self.evaluate = evaluate
    store.system.graph.invalidate(node)
  }

  /// Ends it: it has no value any more.
  package func dispose() {
    guard node != .none else { return }
    store.system.graph.free(node)
    node = .none
  }
}
