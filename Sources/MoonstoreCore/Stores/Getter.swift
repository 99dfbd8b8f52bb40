/// A value that follows from state: evaluated when somebody reads it, kept until something that it has
/// read changes.
package final class Getter: GraphObserver {
  package var name: String
  private let presence: StorePresence
  private let graph: ReactiveGraph
  private let storeID: String
  /// The store that it belongs to; nil once that is no more.
  package var store: LiveStore? { presence.store }
  // Swift's or a script's; it reads through the tree, so the graph learns what it depends on.
  package private(set) var evaluate: () throws -> StateSlot
  private(set) var node = NodeID.none
  private var result = StateSlot.empty
  private var failure: Failure?
  // The reading in which its evaluation found the stack used up: that says nothing about the state, so the value is
  // good for this reading only.
  private var exhaustedIn: Int?
  // How often code had run over a limit when this one last did; it is tried again after that.
  private var overranAfter: Int?

  // Most getters never have one, and it is large.
  private final class Failure {
    let error: StoreError
    init(_ error: StoreError) { self.error = error }
  }

  package init(_ name: String, of store: LiveStore, evaluate: @escaping () throws -> StateSlot) {
    self.name = name
    presence = store.presence
    graph = store.system.graph
    storeID = store.id
    self.evaluate = evaluate
    super.init()
    node = graph.makeComputed(self, keepAlive: true)
  }

  package override var label: String { "\(storeID).\(name)" }

  /// The value, evaluated if need be, and noted as read.
  package func read() throws(StoreError) -> StateSlot {
    guard node != .none else { throw gone }
    if let overranAfter, let system = store?.system, overranAfter != system.recoveries {
      self.overranAfter = nil
      graph.markChanged(system.recoverySource)
    }
    if let exhaustedIn { takeExhausted(exhaustedIn) }
    switch graph.readComputed(node) {
    case .ready:
      if let failure { throw failure.error }
      return result
    case .cycle:
      let path = graph.cyclePath(to: node).joined(separator: " -> ")
      throw StoreError(
        .getterCycle,
        "getters read each other in a circle: \(path)",
        store: storeID,
        member: name
      )
    }
  }

  private var gone: StoreError {
    StoreError(
      .disposed,
      "the getter '\(name)' is no more: its store was disposed or reloaded"
    )
  }

  /// What was found where the stack ended is not kept for the next reader; one that reads it within the same
  /// evaluation has found the end of the stack as well.
  @inline(never)
  private func takeExhausted(_ reading: Int) {
    guard let system = store?.system else { return }
    if system.evaluationDepth > 0, reading == system.readings {
      system.exhaustions += 1
    } else {
      exhaustedIn = nil
      system.graph.invalidate(node)
    }
  }

  /// The value as far as it takes no evaluation and is no error, noted as read.
  func glance() -> Glance {
    guard node != .none, failure == nil, overranAfter == nil, exhaustedIn == nil else {
      return .elsewhere
    }
    guard graph.isSettled(node) else { return .elsewhere }
    graph.track(node)
    return Glance(result)
  }

  package override func recompute(in graph: ReactiveGraph) -> Bool {
    guard let system = store?.system else {
      failure = Failure(gone)
      result = .empty
      return true
    }
    system.getterDepth += 1
    if system.evaluationDepth == 0 { system.readings &+= 1 }
    system.evaluationDepth += 1
    defer {
      system.getterDepth -= 1
      system.evaluationDepth -= 1
    }
    let recoveries = system.recoveries
    let exhaustions = system.exhaustions
    defer { if system.exhaustions != exhaustions { exhaustedIn = system.readings } }
    do {
      let new = try evaluate()
      let changed = failure != nil || !new.isSame(as: result)
      failure = nil
      result = new
      return changed
    } catch {
      // The error is the value until a dependency changes.
      var failure = StoreError(wrapping: error).located(store: storeID, member: name)
      if failure.code == .stackLimit {
        system.exhaustions += 1
        failure.nest(system.evaluationDepth)
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
    graph.invalidate(node)
  }

  /// Ends it: it has no value any more.
  package func dispose() {
    guard node != .none else { return }
    graph.free(node)
    node = .none
  }
}
