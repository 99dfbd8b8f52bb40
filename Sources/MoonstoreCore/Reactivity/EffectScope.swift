/// An owner of effects, for disposing them together.
///
/// Takes the effects, scopes and cleanups that are created inside ``run(_:)``, and disposes them,
/// the newest first, when it is disposed. A scope that is created in another scope, an effect or a
/// computed belongs to it; any other scope is disposed when its handle is dropped.
public final class EffectScope {
  private let graph: ReactiveGraph
  private let tag: OwnerTag

  /// Creates an empty scope.
  /// - Parameters:
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  public init(in graph: ReactiveGraph, label: String = "scope") {
    self.graph = graph
    tag = OwnerTag()
    tag.node = graph.makeScope(OwnerCore(label: label, tag: tag))
  }

  deinit {
    if tag.node != .none, graph.isUnowned(tag.node) { graph.free(tag.node) }
  }

  /// Whether it can take no more effects.
  public var isDisposed: Bool { tag.node == .none }

  /// Runs a closure whose effects belong to the scope; its reads are not recorded.
  ///
  /// After `dispose()`, effects belong to whatever owns them outside of the scope.
  /// - Parameter body: What to run.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func run<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outer = isDisposed ? graph.pauseTracking() : graph.enter(tag.node)
    defer { graph.resumeTracking(outer) }
    return try body()
  }

  /// Disposes all that belongs to it, then runs its cleanups; again, it does nothing.
  public func dispose() {
    graph.free(tag.node)
  }
}

@available(*, unavailable)
extension EffectScope: Sendable {}
