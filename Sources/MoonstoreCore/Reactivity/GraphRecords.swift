/// The name of a node in a ``ReactiveGraph``; 0 names none.
///
/// An id is valid from the call that made the node until `free`; afterwards the graph may give
/// it to another node.
public struct NodeID: Hashable, Sendable {
  /// The id that names no node.
  public static let none = NodeID(rawValue: 0)

  /// The slot of the node.
  public let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }
}

/// What a node is and what is known about its freshness.
@usableFromInline
struct NodeMarks: OptionSet, BitwiseCopyable, Sendable {
  @usableFromInline let rawValue: UInt32

  @inlinable
  init(rawValue: UInt32) { self.rawValue = rawValue }

  // What it is. A node with neither of the first two and no owner mark is a source.
  static let computed = NodeMarks(rawValue: 1 << 0)
  static let effect = NodeMarks(rawValue: 1 << 1)
  /// An effect or scope: its ownership record is named in the node.
  static let owner = NodeMarks(rawValue: 1 << 2)
  /// A source that is asked at check time whether it really changed.
  static let verified = NodeMarks(rawValue: 1 << 3)
  /// A computed that keeps its subscriptions while nobody observes it.
  static let keptAlive = NodeMarks(rawValue: 1 << 4)

  /// Something upstream was written; whether a direct dependency changed is not known yet.
  @inlinable static var suspect: NodeMarks { NodeMarks(rawValue: 1 << 5) }
  /// A direct dependency changed.
  @inlinable static var stale: NodeMarks { NodeMarks(rawValue: 1 << 6) }
  /// Its observer's code is on the stack.
  @inlinable static var running: NodeMarks { NodeMarks(rawValue: 1 << 7) }
  /// Marked by a write of its own run: subscribers may be clean although it is not, so the next
  /// mark has to travel on.
  static let restless = NodeMarks(rawValue: 1 << 8)
  /// A check has descended into it, which finds loops of links.
  static let visited = NodeMarks(rawValue: 1 << 9)

  /// An effect whose observer was told that it is due.
  static let announced = NodeMarks(rawValue: 1 << 10)
  /// An effect that stands in the graph's own queue.
  static let queued = NodeMarks(rawValue: 1 << 11)
  /// Freed; the slot waits until its run or its place in the queue is over.
  static let freed = NodeMarks(rawValue: 1 << 12)

  /// A computed that nobody can name any more; it lives as long as it has subscribers.
  static let abandoned = NodeMarks(rawValue: 1 << 13)

  /// It owns effects or scopes.
  static let owning = NodeMarks(rawValue: 1 << 14)
  /// It belongs to an effect, computed or scope.
  static let owned = NodeMarks(rawValue: 1 << 15)

  /// An effect whose observer decides where it waits for its run.
  static let schedulesItself = NodeMarks(rawValue: 1 << 16)

  /// A source of which ``SourceValues`` keeps what its readers last saw, by the number `seen`.
  static let compared = NodeMarks(rawValue: 1 << 17)

  static let outdated: NodeMarks = [.suspect, .stale]
  static let keptWhenFreed: NodeMarks = [.running, .queued, .owner, .owning]
  @inlinable static var unsettled: NodeMarks { [.suspect, .stale, .running] }
  static let settledByRun: NodeMarks = [.suspect, .stale, .restless, .visited]
}

/// One source, computed, effect or scope: half a cache line.
///
/// Effects and scopes have no subscribers; they use the two fields for their place in the queue
/// and for their place among owners. Sources have no dependencies, and use one of those fields as well.
@usableFromInline
struct NodeRecord: BitwiseCopyable {
  /// Counts runs; a link with the same number was read in the newest one.
  ///
  /// It stands first because the slab overwrites the first bytes of free slots, and `freed` has to
  /// stay readable in them.
  @usableFromInline var epoch: UInt32 = 0
  @usableFromInline var marks: NodeMarks
  @usableFromInline var dependencies: UInt32 = 0
  /// The last link that the newest run has confirmed: the cursor while running.
  @usableFromInline var lastDependency: UInt32 = 0
  var subscribers: UInt32 = 0
  var lastSubscriber: UInt32 = 0
  var observer: StoredReference<GraphObserver>

  var nextInQueue: UInt32 {
    get { subscribers }
    set { subscribers = newValue }
  }

  var ownership: UInt32 {
    get { lastSubscriber }
    set { lastSubscriber = newValue }
  }

  /// Of a source that is marked as compared: which value its readers last saw.
  var seen: UInt32 {
    get { lastDependency }
    set { lastDependency = newValue }
  }

  static var blank: NodeRecord { NodeRecord(marks: [], observer: .none) }
}

/// Where an effect or scope stands among owners, and how often it ran.
struct OwnershipRecord: BitwiseCopyable {
  /// How often the effect ran in the flush `flushSerial`.
  var runsInFlush: UInt32 = 0
  var flushSerial: UInt32 = 0
  var owner: UInt32 = 0
  /// The newest of the effects and scopes that it owns.
  var newestChild: UInt32 = 0
  var olderSibling: UInt32 = 0
  var newerSibling: UInt32 = 0
}

/// "`subscriber` has read `dependency`": an element of two lists, that of the dependencies of one
/// node in the order of reading, and that of the subscribers of the other.
@usableFromInline
struct LinkRecord: BitwiseCopyable, Sendable {
  /// The run of the subscriber that last confirmed it.
  @usableFromInline var epoch: UInt32 = 0
  @usableFromInline var dependency: UInt32 = 0
  var subscriber: UInt32 = 0
  var previousDependency: UInt32 = 0
  @usableFromInline var nextDependency: UInt32 = 0
  var previousSubscriber: UInt32 = 0
  var nextSubscriber: UInt32 = 0
  /// Makes the size a power of two, so that finding a record by id takes a shift.
  private let filler: UInt32 = 0
}

/// Who observes and who owns, at one moment.
///
/// One word, because a run saves, sets and restores both, and a processor stalls when it reads as
/// a whole what was written in halves.
@usableFromInline
struct RunContext: BitwiseCopyable, Sendable {
  @usableFromInline var bits: UInt64 = 0

  /// A run of a node, which observes and owns.
  init(running node: UInt32 = 0) {
    bits = UInt64(node) | UInt64(node) << 32
  }

  /// The observer that reads are recorded for; 0 if none runs or it runs untracked.
  @usableFromInline var observing: UInt32 {
    @inlinable
    get { UInt32(truncatingIfNeeded: bits) }
    set { bits = UInt64(owning) << 32 | UInt64(newValue) }
  }

  /// What owns the effects and scopes that are created now; 0 if nothing does.
  var owning: UInt32 {
    get { UInt32(truncatingIfNeeded: bits >> 32) }
    set { bits = UInt64(observing) | UInt64(newValue) << 32 }
  }
}

@available(*, unavailable)
extension NodeRecord: Sendable {}
