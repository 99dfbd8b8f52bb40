/// What an observer wants to know of each turn; what no observer asks for is not gathered.
public struct TurnDetails: OptionSet, Sendable, Hashable {
  /// The bits.
  public let rawValue: UInt8
  /// Makes a set of its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// What changed in the state of stores.
  public static let changes = TurnDetails(rawValue: 1)
  /// The messages that were sent.
  public static let messages = TurnDetails(rawValue: 2)
  /// What happened to stores, and what scripts told the registry.
  public static let events = TurnDetails(rawValue: 4)
  /// Time, random numbers, ids and whatever else code learns from the outside.
  public static let inputs = TurnDetails(rawValue: 8)
  /// The state of stores that came or became another version.
  public static let stores = TurnDetails(rawValue: 16)
  /// The arguments of calls, and answers that have come.
  public static let arguments = TurnDetails(rawValue: 32)
  /// All of it: what a journal needs.
  public static let all = TurnDetails(rawValue: 63)
}

/// Hears of turns: before a commit, which it may refuse, after it, and of the end of a turn.
///
/// Registered with `StoreSystem.observe` or `StoreHost.observe`. Several observers hear in the order in which they came.
/// They run inside the turn that they hear of, so they are quick, read no state under tracking, and write none; what is
/// to follow from a turn is begun when `turnDidEnd` has returned. Everything has a default that does nothing.
public protocol TurnObserver: AnyObject {
  /// What the observer wants to know; asked once, when it is registered.
  var details: TurnDetails { get }
  /// Something is about to become final; watchers and subscribers have heard of it.
  ///
  /// - Parameters:
  ///   - commit: What it is, with the number that it will have.
  ///   - turn: The turn so far.
  /// - Throws: Why it must not: the turn is undone up to its last commit, and its caller gets the error.
  func willCommit(_ commit: CommitRecord, of turn: TurnRecord) throws(StoreError)
  /// Something has become final.
  func didCommit(_ commit: CommitRecord, of turn: TurnRecord)
  /// The turn has ended, well or not.
  func turnDidEnd(_ turn: TurnRecord)
  /// An error that no caller gets: of a handler, a watcher or a subscriber, whose own part was undone.
  func didReport(_ error: StoreError)
}

extension TurnObserver {
  /// Nothing more than when turns end.
  public var details: TurnDetails { [] }
  /// Refuses nothing.
  public func willCommit(_ commit: CommitRecord, of turn: TurnRecord) throws(StoreError) {}
  /// Does nothing.
  public func didCommit(_ commit: CommitRecord, of turn: TurnRecord) {}
  /// Does nothing.
  public func turnDidEnd(_ turn: TurnRecord) {}
  /// Does nothing.
  public func didReport(_ error: StoreError) {}
}

extension StoreSystem {
  /// Lets an observer hear of all turns from now on, behind those that are there.
  ///
  /// - Returns: What ends it. The system keeps the observer until then.
  public func observe(_ observer: any TurnObserver) -> Subscription { observers.add(observer) }

  /// Hears of each error that no caller gets.
  ///
  /// - Returns: What ends it.
  public func observeReports(_ body: @escaping (StoreError) -> Void) -> Subscription {
    observers.add(ReportObserver(body), isOnlyForReports: true)
  }

  /// Gives an error that no caller gets to the observers.
  package func report(_ error: StoreError) { observers.report(error) }
}

private final class ReportObserver: TurnObserver {
  private let body: (StoreError) -> Void
  init(_ body: @escaping (StoreError) -> Void) { self.body = body }
  func didReport(_ error: StoreError) { body(error) }
}
