/// A registration, as the one who made it holds it: it says whether it stands, and ends it.
///
/// It is a part of the turn that makes it and of the turn that ends it, and stands in their logs. A turn that
/// fails takes back for good what it has registered, and puts back in its place what it has ended, so that the
/// same subscription can end it again.
public class Subscription {
  private enum State: UInt8 {
    case active
    /// Ended by a turn that may still fail.
    case ended
    /// Over for good.
    case gone
  }

  private final var state = State.active
  private final let presence: WorldPresence?
  /// Hears that it has ended, come back, or is over for good.
  package final var observer: (any SubscriptionObserver)?
  /// What the observer knows it by.
  package final var number = 0

  /// A registration in a store system, or one that belongs to no turn.
  fileprivate init(in system: StoreSystem?) { presence = system?.presence }

  /// The store system, while it is there.
  fileprivate final var system: StoreSystem? { presence?.system }

  /// Whether it stands.
  public final var isActive: Bool { state == .active }
  /// Whether no turn that fails can put it back any more.
  package final var isGone: Bool { state == .gone }

  /// Ends it; again is harmless.
  ///
  /// A turn that fails puts back what was ended in it.
  public final func cancel() {
    guard state == .active else { return }
    guard let system, system.isInTurn, !system.tree.isUndoing else { return finish() }
    state = .ended
    leave()
    system.noteRegistration()
    system.tree.note(self)
    observer?.subscriptionChanged(self)
  }

  /// Ends it for good, whatever becomes of the turn.
  package final func finish() {
    guard state != .gone else { return }
    let wasActive = state == .active
    state = .gone
    // Without its store system there is nothing to end.
    if presence == nil || system != nil {
      if wasActive {
        leave()
        system?.noteRegistration()
      }
      forget()
    }
    release()
    observer?.subscriptionChanged(self)
    observer = nil
  }

  // What each kind of registration overrides; only this class calls them.

  /// Stops hearing.
  func leave() {}
  /// Hears again.
  func comeBack() {}
  /// It cannot come back: the list that keeps it can forget it.
  func forget() {}
  /// Lets go of what would hear.
  func release() {}
}

@available(*, unavailable)
extension Subscription: Sendable {}

/// Keeps subscriptions for others, who end them by a number.
package protocol SubscriptionObserver: AnyObject {
  /// A subscription has ended, come back, or is over for good.
  func subscriptionChanged(_ subscription: Subscription)
}

/// It stands in the log of its turn as registered, and once more as ended. What came last is undone first.
extension Subscription: UndoableEvent {
  package final func undo() {
    switch state {
    case .active: finish()
    case .ended:
      state = .active
      comeBack()
      system?.noteRegistration()
      observer?.subscriptionChanged(self)
    case .gone: break
    }
  }

  package final var endsSomething: Bool { state == .ended }

  package final func commit() {
    if state == .ended { finish() }
  }
}

/// A registration that is told what to do by functions, for what stands in no list.
package final class CustomSubscription: Subscription {
  private var onLeave: (() -> Void)?
  private var onReturn: (() -> Void)?
  private var onEnd: (() -> Void)?

  fileprivate init(
    in system: StoreSystem?,
    leave: (() -> Void)?,
    comeBack: (() -> Void)?,
    end: (() -> Void)?
  ) {
    onLeave = leave
    onReturn = comeBack
    onEnd = end
    super.init(in: system)
  }

  /// One that belongs to no turn: it ends as soon as it is cancelled.
  package convenience init(_ end: @escaping () -> Void) {
    self.init(in: nil, leave: nil, comeBack: nil, end: end)
  }

  override func leave() { onLeave?() }
  override func comeBack() { onReturn?() }
  override func forget() { onEnd?() }

  override func release() {
    onLeave = nil
    onReturn = nil
    onEnd = nil
  }
}

/// A member of a list of registrations, and what ends it.
package final class Registration<Member>: Subscription {
  /// What hears; nil once it is over for good.
  package private(set) var member: Member?
  /// Its place among the others of its list.
  package let rank: Int
  private let line: Ranks.Line
  private let home: ListPresence<Member>
  private var list: Registrations<Member>? { home.list }
  /// Whether the list still has a place for it, active or not.
  var isListed = false

  init(_ member: Member, rank: Int, line: Ranks.Line, list: Registrations<Member>) {
    self.member = member
    self.rank = rank
    self.line = line
    home = list.presence
    super.init(in: list.system)
  }

  override func leave() {
    system?.ranks.giveUp(rank, in: line)
    list?.left(self)
  }

  override func comeBack() {
    system?.ranks.takeBack(rank)
    list?.returned(self)
  }

  override func forget() { list?.forgot(self) }

  override func release() { member = nil }
}

/// Whether a list of registrations is still there, for its registrations, which can outlive it.
///
/// A weak reference would do, and make every count of references to the list a slow one.
final class ListPresence<Member> {
  // The list takes it back before it goes.
  private unowned(unsafe) var owner: Registrations<Member>?
  var list: Registrations<Member>? { unsafe owner }

  init() {}
  func begin(_ list: Registrations<Member>) { unsafe owner = list }
  func end() { unsafe owner = nil }
}

/// Whether a store system is still there, for those who can outlive it.
///
/// A weak reference would do, and make every count of references to the system a slow one.
final class WorldPresence {
  // The system takes it back before it goes.
  private unowned(unsafe) var world: StoreSystem?
  var system: StoreSystem? { unsafe world }

  init() {}
  func begin(_ system: StoreSystem) { unsafe world = system }
  func end() { unsafe world = nil }

  /// The system, for one of its objects, which is of no use without it.
  @inline(__always)
  func system(of user: StaticString) -> StoreSystem {
    if let world = unsafe world { return world }
    WorldPresence.fail(user)
  }

  @inline(never)
  private static func fail(_ user: StaticString) -> Never {
    fatalError(
      "this \(user) was used after its StoreSystem had gone; keep the StoreSystem, or the StoreHost, for as long "
        + "as its \(user) is used"
    )
  }
}

extension StoreSystem {
  /// A registration that stands in no list.
  ///
  /// - Parameters:
  ///   - leave: It stops hearing; the turn may still fail.
  ///   - comeBack: The turn has failed: it hears again.
  ///   - end: It is over for good.
  /// - Returns: What ends it.
  package func registration(
    leave: (() -> Void)? = nil,
    comeBack: (() -> Void)? = nil,
    end: (() -> Void)? = nil
  ) -> Subscription {
    let subscription = CustomSubscription(in: self, leave: leave, comeBack: comeBack, end: end)
    noteRegistration()
    if isInTurn { tree.note(subscription) }
    return subscription
  }
}
