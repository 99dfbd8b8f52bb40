/// Bounds that keep a host from running away.
///
/// Each has an error that names it.
public struct Limits: Sendable {
  /// How often watchers, effects, subscribers, messages and registry events may lead to one another before
  /// they count as a loop.
  ///
  /// A turn with such a loop fails, and is undone with all that it has written; the error names the members of
  /// the loop. A chain that ends within the limit is none, however long it is.
  public var loopLength = 1_000
  /// How many requests may wait for each other's answers within one call, each made by the responder to the one before.
  ///
  /// Each of them takes up stack until it has its answer, which messages that are only sent do not. One more counts as
  /// a loop.
  public var nestedRequests = 100
  /// How many messages one turn may deliver.
  public var deliveriesPerTurn = 1_000_000
  /// How many levels deep the state of a store may be nested, the state itself included; at most 256.
  ///
  /// What crosses to a script as a table is 64 levels deep at most.
  public var stateDepth = 64
  /// How many effects and tasks may wait to begin; to spawn one more is an error.
  public var followUps = 10_000
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
