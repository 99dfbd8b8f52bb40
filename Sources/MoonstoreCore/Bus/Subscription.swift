/// Ends something that was registered, once.
public final class Subscription {
  private var onCancel: (() -> Void)?

  package init(_ onCancel: @escaping () -> Void) { self.onCancel = onCancel }

  /// Whether it still stands.
  public var isActive: Bool { onCancel != nil }

  /// Ends it; again is harmless.
  public func cancel() {
    let cancel = onCancel
    onCancel = nil
    cancel?()
  }
}

@available(*, unavailable)
extension Subscription: Sendable {}

/// Someone on the bus: a handler, a responder or middleware, with the store or script that it belongs to.
package final class BusMember {
  /// What a handler or responder says when it returns.
  package enum Outcome {
    case done(StateSlot)
    /// It waits for the outside, and will call `finish` on the request.
    case waiting
  }

  package typealias Body = (Message) throws -> Outcome

  package let owner: String
  package let body: Body
  package private(set) var isActive = true

  init(owner: String, body: @escaping Body) {
    self.owner = owner
    self.body = body
  }

  func end() { isActive = false }
}
