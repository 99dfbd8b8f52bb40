/// The code of a computed, an effect or a verified source, which the graph calls.
///
/// The graph holds a strong reference to it from `makeComputed`, `makeEffect` or `makeSource` until
/// the node is freed, and takes no other: running it costs no reference counting. It gets its
/// calls from the graph, on the graph's isolation domain, and gives back what it found.
open class GraphObserver {
  /// Creates an observer that does nothing.
  public init() {}

  /// What reports call it.
  open var label: String { "" }

  /// Evaluates a computed, or compares a verified source with what observers last saw.
  ///
  /// What it reads through the graph becomes its dependencies. Errors are values here: it stores
  /// them and hands them to its readers.
  /// - Parameter graph: The graph that asks.
  /// - Returns: Whether readers would see a difference.
  open func recompute(in graph: ReactiveGraph) -> Bool { true }

  /// Runs the body of an effect; what it reads through the graph becomes its dependencies.
  /// - Parameter graph: The graph that runs it.
  /// - Throws: Anything; the graph reports it and goes on with other effects.
  open func run(in graph: ReactiveGraph) throws {}

  /// Hears, once until it runs, that an effect is due, if it was made to schedule itself.
  ///
  /// An override notes the effect and calls `runEffect` later; it must not change the graph. By
  /// default the effect joins the graph's queue.
  /// - Parameters:
  ///   - node: The effect.
  ///   - graph: Its graph.
  open func scheduled(_ node: NodeID, in graph: ReactiveGraph) {
    graph.enqueue(node)
  }

  /// Cleans up after an effect or scope that was disposed, when all that it owned is gone.
  /// - Parameter graph: The graph that disposes it, not tracking.
  open func disposed(in graph: ReactiveGraph) {}

  /// Drops what it holds, as the last call from the graph.
  ///
  /// Long chains of observers that hold each other are taken apart one by one here, where plain
  /// deinitialization would recurse.
  open func released() {}
}

@available(*, unavailable)
extension GraphObserver: Sendable {}

/// An observer of a computed or a signal, made of one closure.
///
/// The closure is made where the type of the value is known; a generic subclass would be called
/// through its table of methods and so never be compiled for that type.
@usableFromInline
final class ClosureObserver: GraphObserver {
  private let name: String
  private let evaluate: () -> Bool

  @usableFromInline
  init(label: String, evaluate: @escaping () -> Bool) {
    name = label
    self.evaluate = evaluate
  }

  @usableFromInline override var label: String { name }

  @usableFromInline
  override func recompute(in graph: ReactiveGraph) -> Bool { evaluate() }
}
