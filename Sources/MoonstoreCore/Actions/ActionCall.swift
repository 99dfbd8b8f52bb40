public import MoonValue

/// One call of an action, as middleware and hooks see it.
public struct ActionCall: Sendable {
  /// The store's id.
  public let store: String
  /// The action's name.
  public let action: String
  /// The arguments; middleware may change them before the action runs.
  public var arguments: [Value]

  package init(store: String, action: String, arguments: [Value]) {
    self.store = store
    self.action = action
    self.arguments = arguments
  }
}

/// Runs around every action of a host: it can change the arguments, refuse the call by throwing, change the
/// result, and see failures.
///
/// The parts are separate functions, so that the action in between can wait.
public struct ActionMiddleware {
  /// Runs before the action, in order of registration.
  public var before: ((inout ActionCall) throws -> Void)?
  /// Runs after the action with its result, in the opposite order.
  public var after: ((ActionCall, inout Value) throws -> Void)?
  /// Hears that the action failed, in the opposite order.
  public var failed: ((ActionCall, StoreError) -> Void)?

  /// Makes middleware.
  public init(
    before: ((inout ActionCall) throws -> Void)? = nil,
    after: ((ActionCall, inout Value) throws -> Void)? = nil,
    failed: ((ActionCall, StoreError) -> Void)? = nil
  ) {
    self.before = before
    self.after = after
    self.failed = failed
  }
}

@available(*, unavailable)
extension ActionMiddleware: Sendable {}

/// The onion around one call: what runs before the action, and what runs after it.
package struct ActionOnion {
  private let layers: [ActionMiddleware]

  package init(_ store: LiveStore) {
    layers = store.system.actionMiddleware.members + (store.hooks?.members ?? [])
  }

  package var isEmpty: Bool { layers.isEmpty }

  package func before(_ call: inout ActionCall) throws {
    for layer in layers { try layer.before?(&call) }
  }

  package func after(_ call: ActionCall, _ result: inout Value) throws {
    for layer in layers.reversed() { try layer.after?(call, &result) }
  }

  package func failed(_ call: ActionCall, _ error: StoreError) {
    for layer in layers.reversed() { layer.failed?(call, error) }
  }
}
