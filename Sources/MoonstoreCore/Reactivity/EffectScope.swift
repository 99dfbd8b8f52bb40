/// An owner of effects, for disposing them together.
///
/// Takes the effects, scopes and cleanups that are created inside ``run(_:)``, and disposes them,
/// the newest first, when it is disposed. A scope that is created in another scope, an effect or a
/// computed belongs to it; any other scope is disposed when its handle is dropped.
public final class EffectScope {
  private let graph: ReactiveGraph
  private let core: OwnerCore

  /// Creates an empty scope.
  /// - Parameters:
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  public init(in graph: ReactiveGraph, label: String = "scope") {
    self.graph = graph
    core = OwnerCore(label: label)
    core.node = graph.makeScope(core)
  }

  deinit {
    if core.node != .none, graph.isUnowned(core.node) { graph.free(core.node) }
  }

  /// Whether it can take no more effects.
  public var isDisposed: Bool { core.node == .none }

  /// Runs a closure whose effects belong to the scope; its reads are not recorded.
  ///
  /// After `dispose()`, effects belong to whatever owns them outside of the scope.
  /// - Parameter body: What to run.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func run<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outer = isDisposed ? graph.pauseTracking() : graph.enter(core.node)
    defer { graph.resumeTracking(outer) }
    return try body()
  }

  /// Disposes all that belongs to it, then runs its cleanups; again, it does nothing.
  public func dispose() {
    graph.free(core.node)
  }
}

@available(*, unavailable)
extension EffectScope: Sendable {}
