/// Bounds that keep a host from running away.
///
/// Each has an error that names it.
public struct Limits: Sendable {
  /// How many messages may lead to one another within a turn.
  public var messageDepth = 100
  /// How many messages one turn may deliver.
  public var deliveriesPerTurn = 1_000_000
  /// How often watchers and subscribers may write again before a turn counts as a loop.
  public var settleRounds = 100
  /// How many effects and tasks may lead to one another before they count as a loop.
  public var effectDepth = 1_000
  /// How many delivered messages the bus remembers.
  public var messageHistory = 1_000
  /// How many seconds a delivered message is remembered; nil for as long as there is room.
  ///
  /// Messages that nobody has handled stay.
  public var messageAge: Double? = 60
  /// How many registry events are remembered; one more, and the older half goes.
  public var eventHistory = 1_000

  /// The bounds as they are by default.
  public init() {}
}
