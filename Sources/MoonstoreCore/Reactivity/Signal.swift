/// A value that can be read and written, and whose readers follow its changes.
///
/// Takes values from whoever writes, gives them to readers, and tells the graph about both. A
/// write of an equal value changes nothing. In a batch, a value that is written back before
/// anybody looked makes no effect run. Dropping the last reference frees it.
public final class Signal<Value> {
  @usableFromInline let graph: ReactiveGraph
  @usableFromInline let node: NodeID
  @usableFromInline let current: ValueBox<Value>
  /// What observers last saw, if the value was written since and can be compared.
  @usableFromInline let seen: ValueBox<Value?>
  @usableFromInline let areEqual: ((Value, Value) -> Bool)?

  /// Creates a signal with its own idea of equality.
  /// - Parameters:
  ///   - value: The first value.
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  ///   - areEqual: Whether a new value counts as the old one; nil if every write is a change. It
  ///     must read no signals.
  @inlinable
  public init(
    _ value: Value,
    in graph: ReactiveGraph,
    label: String = "signal",
    areEqual: ((Value, Value) -> Bool)?
  ) {
    let current = ValueBox(value)
    let seen = ValueBox<Value?>(nil)
    self.graph = graph
    self.current = current
    self.seen = seen
    self.areEqual = areEqual
    node = graph.makeSource(
      ClosureObserver(label: label) {
        guard let before = seen.value, let areEqual else { return true }
        seen.value = nil
        return !areEqual(before, current.value)
      }
    )
  }

  deinit {
    graph.free(node)
  }

  /// The value; reading it in an observer records a dependency.
  @inlinable public var value: Value {
    get {
      graph.readSource(node)
      return current.value
    }
    set { write(newValue) }
  }

  /// The value, without recording a dependency.
  @inlinable public var untrackedValue: Value { current.value }

  @inlinable
  func write(_ newValue: Value) {
    if let areEqual {
      let old = current.value
      if areEqual(old, newValue) { return }
      if !graph.hasSubscribers(node) {
        seen.value = nil
      } else if !graph.awaitsVerification(node) {
        seen.value = old
      }
    }
    current.value = newValue
    graph.noteUnlogged()
    graph.markChanged(node)
  }

  /// Changes the value in place, which counts as a change whatever comes out.
  ///
  /// Nothing is compared, so this is the way to append to a large array.
  /// - Parameter change: Changes the value; it must not read or write this signal.
  /// - Returns: What `change` returns.
  /// - Throws: What `change` throws; what it had done to the value until then remains.
  public func mutate<Result, Failure: Error>(
    _ change: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer {
      graph.noteUnlogged()
      graph.markChanged(node)
    }
    // Without a value to compare with, verification says "changed".
    seen.value = nil
    return try current.mutate(change)
  }
}

@available(*, unavailable)
extension Signal: Sendable {}

extension Signal where Value: Equatable {
  /// Creates a signal that compares values with `==`.
  /// - Parameters:
  ///   - value: The first value.
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  @inlinable
  @inline(__always)
  public convenience init(_ value: Value, in graph: ReactiveGraph, label: String = "signal") {
    self.init(value, in: graph, label: label, areEqual: { $0 == $1 })
  }
}

extension Signal where Value: FloatingPoint {
  /// Creates a signal that compares values with `==`, except that NaN equals NaN.
  ///
  /// This holds for floating point values themselves, not for those inside of other types.
  /// - Parameters:
  ///   - value: The first value.
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  @inlinable
  @inline(__always)
  public convenience init(_ value: Value, in graph: ReactiveGraph, label: String = "signal") {
    self.init(
      value,
      in: graph,
      label: label,
      areEqual: { $0 == $1 || ($0.isNaN && $1.isNaN) }
    )
  }
}
