/// The reactive graph of one host: who has read what, and who must look again after a write.
///
/// Takes reads (`track`) and writes (`markChanged`) from the state tree and from ``Signal``, gives
/// calls to ``GraphObserver`` where something may have changed. It knows no values.
///
/// A write only marks: direct readers are stale, all that follow are suspect. Nothing is computed
/// before somebody asks (`refresh`) or an effect is due (`flush`); then a suspect node brings its
/// own dependencies up to date first and runs only if one of them really changed. So everything
/// runs at most once for a change, in the order of dependencies, and sees no mixture of old and
/// new. All walks are loops over links in contiguous storage, so depth costs no stack.
///
/// A graph is used on one isolation domain at a time and has no locks.
public final class ReactiveGraph {
  @usableFromInline let nodes = Slab<NodeRecord>(capacity: 16, blank: .blank)
  @usableFromInline let links = Slab<LinkRecord>(capacity: 16, blank: LinkRecord())
  let ownerships = Slab<OwnershipRecord>(capacity: 2, blank: OwnershipRecord())
  /// The ownership records of computeds that own effects, which few do.
  var ownershipsOfComputeds: [UInt32: UInt32] = [:]

  @usableFromInline let context = PlainCell(RunContext())
  /// The nodes whose code is on the stack, outermost first.
  let runs = IDStack(capacity: 8)

  /// Places to come back to, for walks that must not recurse.
  let trail = IDStack(capacity: 16)
  /// Computeds that have just lost their last subscriber.
  let orphans = IDStack(capacity: 4)
  var isAdopting = false

  /// How many checks are on the stack.
  ///
  /// Each holds links over calls to foreign code, so slots that become free meanwhile are kept back until the outermost one has ended.
  var checkDepth = 0
  let keptLinks = IDStack(capacity: 4)
  let keptNodes = IDStack(capacity: 4)
  /// Observers of freed nodes, waiting to be let go.
  var graveyard: [GraphObserver] = []
  var isBurying = false

  var queueHead: UInt32 = 0
  var queueTail: UInt32 = 0
  var batchDepth = 0
  var isFlushing = false
  var flushSerial: UInt32 = 0
  var loops = LoopWatch()
  var isWatchingLoops = false
  var runLimit = 100
  var isHolding = false
  var failures: [EffectFailure] = []
  // Not checked for overlapping access, as every turn uses it: what is done to it calls nobody but the tree, which
  // tells how long its log is.
  @exclusivity(unchecked) private var ownUndoNotes = UndoNotes()
  var undoNotes: UndoNotes {
    get { unsafe ownUndoNotes }
    _modify { yield unsafe &ownUndoNotes }
  }

  /// Keeps old values of sources for `markWritten`.
  private(set) var values: (any SourceValues)? {
    get { unsafe ownValues }
    set { unsafe ownValues = newValue }
  }
  // The owner of the values takes this back before it goes; a weak reference would cost it at each count.
  private unowned(unsafe) var ownValues: (any SourceValues)?

  /// Says who keeps what readers of sources last saw; nil when that one goes.
  package func keepValues(in values: (any SourceValues)?) { self.values = values }

  /// While true, neither the end of a batch nor a single write runs effects; `flush` does.
  package var holdsEffects: Bool {
    get { isHolding }
    set { isHolding = newValue }
  }

  /// How often one effect may run in one flush before it counts as a loop; at least once.
  public var effectRunLimit: Int {
    get { runLimit }
    set { runLimit = max(newValue, 1) }
  }

  /// Hears of each effect that failed, in the order of failing.
  ///
  /// While it is nil, failures wait in ``takeFailures()``.
  public var onEffectFailure: ((EffectFailure) -> Void)?

  /// Hears of each error that an effect threw, with its observer, before `onEffectFailure`.
  package var onEffectError: ((any Error, GraphObserver) -> Void)?

  /// Hears of each effect that a flush runs, before it runs.
  package var onRun: ((GraphObserver) -> Void)?

  /// Creates an empty graph.
  public init() {}

  deinit {
    // Nodes that nobody freed still hold their observers.
    var id: UInt32 = 1
    while id < nodes.end {
      if !nodes[id].observer.isNone, let observer = nodes[id].observer.take() {
        nodes[id].observer = .none
        graveyard.append(observer)
      }
      id += 1
    }
    while let observer = graveyard.popLast() { observer.released() }
  }

  /// How many nodes live in the graph.
  package var nodeCount: Int { nodes.count }

  /// How many "has read" links live in the graph.
  package var linkCount: Int { links.count }
}

/// Keeps what readers of sources last saw, from the first write after that until the graph asks.
package protocol SourceValues: AnyObject {
  /// Gives a kept value back, and tells whether the source has another one now.
  func takeDifference(_ seen: UInt32) -> Bool
  /// Gives a kept value back that is not asked for any more.
  func drop(_ seen: UInt32)
}

@available(*, unavailable)
extension ReactiveGraph: Sendable {}
