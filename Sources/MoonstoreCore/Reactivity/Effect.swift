/// Code that runs now, and again after each change of what it has read.
///
/// Takes its first run at once; the graph then gives it a run for each change, at the end of the
/// batch in which it happened. Writes in its body are batched. What it throws goes to the graph's
/// `onEffectFailure`, and it stays subscribed to what it had read.
///
/// An effect that is created in the run of another effect, of a computed or of an ``EffectScope``
/// belongs to it and lives until that runs again or is disposed, with or without this handle. Any
/// other effect stops when its handle is dropped.
public final class Effect {
  private let graph: ReactiveGraph
  private let core: EffectCore

  /// Creates an effect and runs it.
  /// - Parameters:
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  ///   - body: What to run; it registers cleanups with ``ReactiveGraph/onCleanup(_:)``.
  @discardableResult
  public init(
    in graph: ReactiveGraph,
    label: String = "effect",
    _ body: @escaping () throws -> Void
  ) {
    self.graph = graph
    let core = EffectCore(label: label, body: body)
    self.core = core
    graph.makeEffect(core) { core.node = $0 }
  }

  deinit {
    if core.node != .none, graph.isUnowned(core.node) { graph.free(core.node) }
  }

  /// Whether it will never run again.
  public var isDisposed: Bool { core.node == .none }

  /// Stops it: disposes what it owns, then runs its cleanups; again, it does nothing.
  public func dispose() {
    graph.free(core.node)
  }
}

@available(*, unavailable)
extension Effect: Sendable {}

extension ReactiveGraph {
  /// Registers what to undo before the running effect runs again, or when it or the entered scope
  /// is disposed.
  ///
  /// Cleanups run untracked, in the order of registration, after those of owned effects. An effect
  /// that was disposed by its own run does them at once.
  /// - Parameter cleanup: What to run, once.
  /// - Returns: Whether an effect or scope took it; false outside of both.
  @discardableResult
  public func onCleanup(_ cleanup: @escaping () -> Void) -> Bool {
    var wasTaken = false
    withOwner { owner in
      guard let owner = owner as? OwnerCore else { return }
      wasTaken = true
      owner.add(cleanup, in: self)
    }
    return wasTaken
  }
}

/// What the graph knows of an effect or scope: its node and its cleanups.
class OwnerCore: GraphObserver {
  var node = NodeID.none
  private var cleanups: [() -> Void] = []
  private var isOver = false
  private let name: String

  init(label: String) {
    name = label
  }

  final override var label: String { name }

  final func add(_ cleanup: @escaping () -> Void, in graph: ReactiveGraph) {
    if isOver {
      graph.untracked(cleanup)
    } else {
      cleanups.append(cleanup)
    }
  }

  final func cleanUp(in graph: ReactiveGraph) {
    guard !cleanups.isEmpty else { return }
    let due = cleanups
    cleanups = []
    graph.untracked {
      for cleanup in due { cleanup() }
    }
  }

  final override func disposed(in graph: ReactiveGraph) {
    node = .none
    isOver = true
    cleanUp(in: graph)
  }
}

/// What the graph runs for an effect: its cleanups, then its body.
final class EffectCore: OwnerCore {
  private var body: (() throws -> Void)?

  init(label: String, body: @escaping () throws -> Void) {
    self.body = body
    super.init(label: label)
  }

  override func run(in graph: ReactiveGraph) throws {
    cleanUp(in: graph)
    // A cleanup may have disposed the effect.
    guard node != .none else { return }
    try body?()
  }

  override func released() {
    body = nil
  }
}
