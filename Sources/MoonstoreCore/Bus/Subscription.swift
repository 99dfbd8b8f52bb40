/// Ends something that was registered, once.
public final class Subscription {
  // Ends it, and gives what puts it back where it was; nil once it has ended.
  private var end: (() -> (() -> Void)?)?
  private let presence: WorldPresence?

  package init(_ onCancel: @escaping () -> Void) {
    presence = nil
    end = {
      onCancel()
      return nil
    }
  }

  fileprivate init(in system: StoreSystem, _ end: @escaping () -> () -> Void) {
    let presence = system.presence
    self.presence = presence
    // Without its world there is nothing to end.
    self.end = { presence.system == nil ? nil : end() }
  }

  /// Whether it still stands.
  public var isActive: Bool { end != nil }

  /// Ends it; again is harmless.
  ///
  /// A turn that fails puts back what was ended in it.
  public func cancel() {
    guard let end else { return }
    self.end = nil
    guard let restore = end(), let system = presence?.system, system.isInTurn else { return }
    system.tree.note(
      UndoStep { [self] in
        restore()
        self.end = end
      }
    )
  }

  /// Ends it for good, whatever becomes of the turn.
  func finish() {
    guard let end else { return }
    self.end = nil
    _ = end()
  }
}

/// Whether a world is still there, for those who outlive it.
///
/// A weak reference would do, and make every count of references to the world a slow one.
final class WorldPresence {
  // The world takes it back before it goes.
  private unowned(unsafe) var world: StoreSystem?
  var system: StoreSystem? { unsafe world }

  init() {}
  func begin(_ system: StoreSystem) { unsafe world = system }
  func end() { unsafe world = nil }
}

extension StoreSystem {
  /// Something that stands from now on; it goes with the turn that it was registered in, if that fails.
  ///
  /// `end` ends it, and gives what puts it back.
  package func registration(_ end: @escaping () -> () -> Void) -> Subscription {
    let subscription = Subscription(in: self, end)
    if isInTurn { tree.note(Registered(subscription)) }
    return subscription
  }
}

/// Something was registered: without the turn it is not there.
package final class Registered: UndoableEvent {
  private let subscription: Subscription
  package init(_ subscription: Subscription) { self.subscription = subscription }
  package func undo() { subscription.cancel() }
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
  /// Its place among the others of its type.
  var rank = 0
  package private(set) var isActive = true

  init(owner: String, body: @escaping Body) {
    self.owner = owner
    self.body = body
  }

  func end() { isActive = false }
  func revive() { isActive = true }
}
