/// A value that is derived from signals and other computeds.
///
/// Takes its value from a closure when somebody reads it, keeps it until something that the
/// closure has read changes, and gives it to readers. What the closure throws is kept in the same
/// way and thrown to each reader.
///
/// When its last observer goes it unsubscribes, so that writes no longer reach it, and the next
/// read evaluates it again; with `keepAlive` it stays subscribed. Reads outside of any observer
/// are cached too. After the last reference is dropped it lives on as long as it is observed, so a
/// computed may be made and read inside of another run.
public final class Computed<Value> {
  @usableFromInline let graph: ReactiveGraph
  @usableFromInline let node: NodeID
  /// The last value; nil if there is none yet, or an error in its place.
  @usableFromInline let outcome: ValueBox<Value?>

  /// Creates a computed with its own idea of equality.
  /// - Parameters:
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  ///   - keepAlive: Whether it stays subscribed after its last observer is gone.
  ///   - areEqual: Whether a new value counts as the old one, which is then kept; nil if every
  ///     evaluation is a change. It must read no signals.
  ///   - compute: Derives the value.
  @inlinable
  @inline(__always)
  public convenience init(
    in graph: ReactiveGraph,
    label: String = "computed",
    keepAlive: Bool = false,
    areEqual: ((Value, Value) -> Bool)?,
    _ compute: @escaping () throws -> Value
  ) {
    let outcome = ValueBox<Value?>(nil)
    self.init(in: graph, label: label, keepAlive: keepAlive, outcome: outcome) {
      if let areEqual {
        Self.evaluate(compute, into: outcome, areEqual: areEqual)
      } else {
        Self.evaluate(compute, into: outcome, areEqual: { _, _ in false })
      }
    }
  }

  @usableFromInline
  init(
    in graph: ReactiveGraph,
    label: String,
    keepAlive: Bool,
    outcome: ValueBox<Value?>,
    evaluate: @escaping () -> Bool
  ) {
    self.graph = graph
    self.outcome = outcome
    node = graph.makeComputed(
      ClosureObserver(label: label, evaluate: evaluate),
      keepAlive: keepAlive
    )
  }

  @inlinable
  @inline(__always)
  static func evaluate(
    _ compute: () throws -> Value,
    into outcome: ValueBox<Value?>,
    areEqual: (Value, Value) -> Bool
  ) -> Bool {
    do {
      let new = try compute()
      if let old = outcome.value {
        if areEqual(old, new) { return false }
      } else {
        outcome.failure = nil
      }
      outcome.value = new
    } catch {
      outcome.value = nil
      outcome.failure = error
    }
    return true
  }

  deinit {
    graph.abandon(node)
  }

  /// The value, brought up to date; reading it in an observer records a dependency.
  ///
  /// Throws what the closure threw, or ``CycleError`` if the closure asks for its own value.
  @inlinable public var value: Value {
    get throws {
      if graph.readComputed(node) == .cycle { throw CycleError(path: graph.cyclePath(to: node)) }
      if let value = outcome.value { return value }
      throw outcome.failure ?? CycleError(path: [])
    }
  }
}

@available(*, unavailable)
extension Computed: Sendable {}

extension Computed where Value: Equatable {
  /// Creates a computed that compares values with `==`.
  /// - Parameters:
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  ///   - keepAlive: Whether it stays subscribed after its last observer is gone.
  ///   - compute: Derives the value.
  @inlinable
  @inline(__always)
  public convenience init(
    in graph: ReactiveGraph,
    label: String = "computed",
    keepAlive: Bool = false,
    _ compute: @escaping () throws -> Value
  ) {
    let outcome = ValueBox<Value?>(nil)
    self.init(in: graph, label: label, keepAlive: keepAlive, outcome: outcome) {
      Self.evaluate(compute, into: outcome, areEqual: { $0 == $1 })
    }
  }
}

extension Computed where Value: FloatingPoint {
  /// Creates a computed that compares values with `==`, except that NaN equals NaN.
  ///
  /// This holds for floating point values themselves, not for those inside of other types.
  /// - Parameters:
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  ///   - keepAlive: Whether it stays subscribed after its last observer is gone.
  ///   - compute: Derives the value.
  @inlinable
  @inline(__always)
  public convenience init(
    in graph: ReactiveGraph,
    label: String = "computed",
    keepAlive: Bool = false,
    _ compute: @escaping () throws -> Value
  ) {
    let outcome = ValueBox<Value?>(nil)
    self.init(in: graph, label: label, keepAlive: keepAlive, outcome: outcome) {
      Self.evaluate(compute, into: outcome, areEqual: { $0 == $1 || ($0.isNaN && $1.isNaN) })
    }
  }
}

/// A computed asked for its own value.
public struct CycleError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The labels on the way round; the first and the last are the same.
  public let path: [String]

  /// The way round in one line.
  public var description: String { "cycle: \(path.joined(separator: " -> "))" }

  @usableFromInline
  package init(path: [String]) {
    self.path = path
  }
}
