/// One world of stores: registry, bus, reactive state and turns.
///
/// It knows no Lua.
///
/// Takes calls from drivers (Swift, or the script engine of a host), runs each as a turn, and gives what
/// the turn changed to watchers, subscribers and observers when it commits. It belongs to one isolation
/// domain and has no locks.
///
/// ```swift
/// let system = StoreSystem()
/// let counter = try system.define(
///   StoreDefinition(
///     "counter",
///     state: ["count": 0],
///     actions: [
///       "increment": { store, _ in
///         try store.set("count", .integer(store.get("count").integerValue! + 1))
///         return .null
///       }
///     ]
///   )
/// )
/// try counter.call("increment")
/// ```
public final class StoreSystem {
  /// The graph that the state of all stores is read through.
  public let graph: ReactiveGraph
  package let tree: StateTree
  /// The stores by id.
  public var registry: StoreRegistry { ownRegistry }
  /// The messages.
  public var bus: MessageBus { ownBus }
  /// The rights that handles carry.
  package var access: AccessTable { ownAccess }
  // Every turn uses what stands here many times. A property that other modules see is checked for overlapping
  // access at each use, which costs more than the use; one that only this module sees is proved to need none.
  private lazy var ownRegistry = StoreRegistry(system: self)
  private lazy var ownBus = MessageBus(system: self)
  private lazy var ownAccess = AccessTable(system: self)
  private var ownLimits = Limits()
  private var getters = 0
  // Not checked for overlapping access either: each part is changed in one step that calls nobody.
  @exclusivity(unchecked) private var work = TurnWork()

  /// Asks a condition that is a script's function.
  package var evaluateCondition: ((Int, Permission.Request) throws -> Bool)?
  /// Bounds.
  public var limits: Limits {
    get { ownLimits }
    set { ownLimits = newValue }
  }
  /// Where time comes from.
  public var clock: any HostClock = SystemClock()
  /// Hears of each error that no caller gets: of handlers, watchers and subscribers.
  public var onReport: ((StoreError) -> Void)?
  /// Runs around every action; see `use`.
  package var actionMiddleware: [ActionMiddleware] = []
  /// Hears that middleware or hooks were added or removed, for a script engine that keeps flags.
  package var onHooksChanged: (() -> Void)?

  /// Who stands where among handlers, middleware and plugins.
  package var ranks = Ranks()
  /// Adds to every store; see `use(plugin:)`.
  var plugins: [InstalledPlugin] = []

  /// Runs what is written in scripts; nil in a world of Swift alone.
  // The engine owns this world, and clears the reference before it goes.
  package unowned(unsafe) var scriptEngine: (any ScriptEngine)?
  /// Hears of each store that was registered, before its subscriptions stand.
  package var onStoreRegistered: ((LiveStore) -> Void)?
  /// Hears that one of those leaves, that it comes back since that is undone, and that it is gone for good.
  package var onStoreLeft: ((LiveStore) -> Void)?
  package var onStoreReturned: ((LiveStore) -> Void)?
  package var onStoreGone: ((LiveStore) -> Void)?
  var globalHooks: [ActionHook] = []

  /// Work that became possible within the turn, such as going on with an answer.
  package var ready: [() -> Void] {
    get { unsafe work.ready }
    _modify { yield unsafe &work.ready }
  }
  /// Work that begins when the turn is final; see `afterTurn`.
  var followUps: FollowUpQueue {
    get { unsafe work.followUps }
    _modify { yield unsafe &work.followUps }
  }

  var turnDepth = 0
  /// Evaluations of getters on the stack: they may not write, send or wait.
  package var getterDepth: Int {
    get { getters }
    set { getters = newValue }
  }
  /// Whether a write is a part of the turn under way, and no getter makes it.
  package var takesWrites: Bool { turnDepth > 0 && getters == 0 }
  /// The script that is being loaded, which counts as one of those evaluations: it may read and register.
  package var loading: String?
  var stretches: [TurnChanges.Stretch] {
    get { unsafe work.stretches }
    _modify { yield unsafe &work.stretches }
  }
  var pending: [(LiveStore, StoreChange)] {
    get { unsafe work.pending }
    _modify { yield unsafe &work.pending }
  }
  /// How many events of the registry are still to be told.
  var pendingEvents = 0
  var subscriptionCount = 0
  private var idCounts: [String: Int] = [:]
  var isSettling = false
  /// Whether a driver groups its calls; the calls are the turns just inside.
  var isGroup = false
  /// Why the turn under way must end as a whole: code in it ran over a limit, so that what failed is not one
  /// handler alone.
  package var overrun: StoreError? {
    get { unsafe work.overrun }
    set { unsafe work.overrun = newValue }
  }
  /// Whether messages or events may wait, or count against the limits of the turn; most turns have none.
  var usesBus: Bool {
    get { unsafe work.usesBus }
    set { unsafe work.usesBus = newValue }
  }
  // Without a copy of the error, which is large.
  var hasOverrun: Bool { unsafe work.overrun != nil }
  /// Gives what has to be done after such a turn a budget of its own.
  package var onRecovery: (() -> Void)?
  /// How often code ran over a limit, and what getters that did depend on.
  package var recoveries = 0
  private(set) lazy var recoverySource = graph.makeSource()
  /// Hears of all that becomes final, for whoever shows or takes back what was done meanwhile.
  package var onCommit: (([StoreChange]) -> Void)?
  /// Who runs now and may only look; see `forbidInGetter`.
  package var onlooker: Principal?
  // The handler or getter that is being run, for reports.
  var looping: [String] = []

  let presence = WorldPresence()

  /// Makes an empty world.
  public init() {
    graph = ReactiveGraph()
    tree = StateTree(graph: graph)
    presence.begin(self)
    graph.holdsEffects = true
    graph.onEffectFailure = { [unowned self] failure in
      var error = StoreError(wrapping: failure.error)
      if error.member == nil { error.member = failure.label }
      report(error)
    }
  }

  deinit { presence.end() }

  /// Gives an error that nobody waits for to `onReport`.
  package func report(_ error: StoreError) { onReport?(error) }

  /// The next id with this prefix: `order-1`, `order-2`.
  package func nextID(_ prefix: String) -> String {
    idCounts[prefix, default: 0] += 1
    return "\(prefix)-\(idCounts[prefix, default: 0])"
  }

  /// Throws if a getter is being evaluated or somebody runs who may only look, or a script is being loaded,
  /// which says what there is and does nothing with it.
  ///
  /// - Parameters:
  ///   - what: What is to be done.
  ///   - isRegistration: Whether scripts do it while they are loaded.
  /// - Throws: `getterSideEffect`, `permissionDenied`, or `invalidDefinition` for a script.
  package func forbidInGetter(
    _ what: @autoclosure () -> String,
    isRegistration: Bool = false
  ) throws(StoreError) {
    guard getterDepth > 0 else { return }
    if let loading, getterDepth == 1 {
      if isRegistration { return }
      throw StoreError(
        .invalidDefinition,
        "a script that is being loaded cannot \(what()): it says what there is; do this in onLoad, in an "
          + "action or in a script that is run",
        script: loading
      )
    }
    let running = graph.runningPath.last
    if let onlooker, running == nil { throw access.refusal(of: onlooker, what()) }
    let label = running?.label ?? "a getter"
    throw StoreError(
      .getterSideEffect,
      "the getter '\(label)' cannot \(what()): getters only read; use an action"
    )
  }
}

/// What a turn leaves to be done at its end.
private struct TurnWork {
  var ready: [() -> Void] = []
  var followUps = FollowUpQueue()
  var stretches: [TurnChanges.Stretch] = []
  var pending: [(LiveStore, StoreChange)] = []
  var overrun: StoreError?
  var usesBus = false
}

@available(*, unavailable)
extension StoreSystem: Sendable {}
