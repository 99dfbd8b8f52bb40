package import MoonValue

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
  public var registry: StoreRegistry { unsafe ownRegistry.unsafelyUnwrapped }
  /// The messages.
  public var bus: MessageBus { unsafe ownBus.unsafelyUnwrapped }
  /// The rights that handles carry.
  package var access: AccessTable { unsafe ownAccess.unsafelyUnwrapped }
  // Every turn uses what stands here many times. A property that other modules see is checked for overlapping
  // access at each use, which costs more than the use; one that only this module sees is proved to need none.
  // Unwrapped without a check: `init` makes them, and nothing takes them away.
  private var ownRegistry: StoreRegistry?
  private var ownBus: MessageBus?
  private var ownAccess: AccessTable?
  /// Whether so many grants are issued that those which nothing carries are to be looked for.
  package internal(set) var hasManyGrants: Bool {
    get { manyGrants }
    set { manyGrants = newValue }
  }
  private var manyGrants = false
  private var ownLimits = Limits()
  private var getters = 0
  // Not checked for overlapping access either: each part is changed in one step that calls nobody.
  @exclusivity(unchecked) private var work = TurnWork()

  /// Bounds.
  public var limits: Limits {
    get { ownLimits }
    set {
      ownLimits = newValue
      graph.effectRunLimit = newValue.loopLength
      tree.maximumDepth = min(max(1, newValue.stateDepth), StateTree.greatestDepth)
    }
  }
  /// Where time comes from.
  public var clock: any HostClock = SystemClock()
  /// Runs around every action; see `use`.
  package private(set) lazy var actionMiddleware: Registrations<ActionMiddleware> =
    Registrations(in: self) { [unowned self] _ in
      // A script engine only needs to know whether there is some.
      guard actionMiddleware.count <= 1 else { return }
      scriptEngine?.surroundingsChanged(of: nil)
    }
  /// Execution order of handlers, middleware and plugins.
  package var ranks = Ranks()
  /// Adds to every store; see `use(plugin:)`.
  private(set) lazy var plugins = Registrations<InstalledPlugin>(in: self)

  /// Runs what is written in scripts; nil in a world of Swift alone.
  // The engine owns this world, and clears the reference before it goes.
  package var scriptEngine: (any ScriptEngine)? {
    get { unsafe work.scriptEngine }
    set { unsafe work.scriptEngine = newValue }
  }
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
  /// What runs in place of an action or a getter; see `acting(as:_:)`.
  package internal(set) var role: CodeRole? {
    get { unsafe work.role }
    set { unsafe work.role = newValue }
  }
  var stretches: [TurnChanges.Stretch] {
    get { unsafe work.stretches }
    _modify { yield unsafe &work.stretches }
  }
  var pending: [(LiveStore, StoreChange)] {
    get { unsafe work.pending }
    _modify { yield unsafe &work.pending }
  }
  /// What puts back what watchers were told last; see `noteTold`.
  var told: [() -> Void] {
    get { unsafe work.told }
    _modify { yield unsafe &work.told }
  }
  /// How many events of the registry are still to be told.
  var pendingEvents = 0
  var subscriptionCount = 0
  var idCounts: [String: Int] = [:]
  var isSettling = false
  /// Whether a driver groups its calls; the calls are the turns just inside.
  var isGroup = false
  /// Why the turn under way must end as a whole: code in it ran over a limit, so that what failed is not one
  /// handler alone.
  package var overrun: StoreError? {
    get { unsafe work.overrun }
    set { unsafe work.overrun = newValue }
  }
  /// The loop that was found: the turn under way cannot end well any more.
  var endless: StoreError? {
    get { unsafe work.endless }
    set { unsafe work.endless = newValue }
  }
  /// Whether messages or events may wait, or count against the limits of the turn; most turns have none.
  var usesBus: Bool {
    get { unsafe work.usesBus }
    set { unsafe work.usesBus = newValue }
  }
  // Without a copy of the error, which is large.
  var hasOverrun: Bool { unsafe work.overrun != nil }
  var isEndless: Bool { unsafe work.endless != nil }
  /// How often code ran over a limit, and what getters that did depend on.
  package var recoveries = 0
  private(set) lazy var recoverySource = graph.makeSource()
  /// How often code found the stack used up while a getter was evaluated.
  package var exhaustions = 0
  /// How many getters are being evaluated, each read by the one before it, and how often the outermost has begun.
  var evaluationDepth = 0
  var readings = 0
  /// What hears of turns; see `observe`.
  private(set) lazy var observers = TurnObservers(of: self)
  /// Whether a turn is to be told to an observer.
  var isObserved: Bool {
    get { isWatched }
    set { isWatched = newValue }
  }
  private var isWatched = false
  /// Counts commits over the life of the data: a restored system goes on from where the snapshot was taken.
  public internal(set) var commitNumber: UInt64 {
    get { commits }
    set { commits = newValue }
  }
  private var commits: UInt64 = 0
  /// What the next random number is made of.
  package var randomState: UInt64 = 0
  /// Who runs now and may only look; see `forbidInGetter`.
  package var onlooker: Principal?
  /// What runs in the last rounds before a turn counts as a loop, for its error.
  var loops = LoopTrace()

  /// Who handles, answers, surrounds and provides what: all that is registered.
  package func trackRegistrations() { registered.track(in: graph) }
  private var registered = FollowedFact()
  /// Something was registered, or has ended.
  func noteRegistration() { registered.change(in: graph) }

  /// Counts work that no script engine counts: a turn ends in the middle of it when it has run over its time.
  package var meter: WorkMeter { tree.meter }

  /// Says how long what follows from a turn may keep other callers out; nil for as long as it takes.
  package weak var pace: (any TurnPace)?

  /// Counts work that the turn under way causes.
  ///
  /// - Throws: `timeLimit` when the turn has run over its time; nothing in the turn catches that.
  func spend() throws(StoreError) {
    do {
      try meter.spend()
    } catch {
      let error = overrun ?? scriptEngine?.overdueError() ?? error.storeError
      overrun = error
      throw error
    }
  }

  let presence = WorldPresence()

  /// Makes an empty world.
  public init() {
    graph = ReactiveGraph()
    tree = StateTree(graph: graph)
    presence.begin(self)
    ownRegistry = StoreRegistry(system: self)
    ownBus = MessageBus(system: self)
    ownAccess = AccessTable(system: self)
    graph.holdsEffects = true
    graph.effectRunLimit = ownLimits.loopLength
    // A program can keep the graph, and effects in it, beyond the system.
    graph.onEffectFailure = { [presence] failure in
      var error = StoreError(wrapping: failure.error)
      if error.member == nil { error.member = failure.label }
      presence.system?.report(error)
    }
  }

  deinit { presence.end() }

  /// The turn under way has come into a loop: it fails as a whole, whatever catches the error.
  func fail(_ error: StoreError) -> StoreError {
    endless = error
    usesBus = true
    return error
  }

  /// Who has a name that no store can have as its id; nil for one that is free.
  package func holder(of name: String) -> String? {
    if StoreSystem.ownNames.contains(name) { return "a name of the host's own" }
    return scriptEngine?.holder(of: name)
  }

  // What messages and events of the host are from.
  private static let ownNames: Set<String> = ["swift", "host", "bus", "registry"]

  /// The next id with this prefix: `order-1`, `order-2`.
  package func nextID(_ prefix: String) -> String {
    idCounts[prefix, default: 0] += 1
    if isObserved { observers.noteID(prefix) }
    return "\(prefix)-\(idCounts[prefix, default: 0])"
  }

  /// The next 64 random bits: SplitMix64, which is small, seeded, and the same on every machine.
  package func nextRandom() -> UInt64 {
    randomState &+= 0x9E37_79B9_7F4A_7C15
    var z = randomState
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
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
    if let role, role.depth == graph.runDepth {
      throw StoreError(
        .getterSideEffect,
        "\(role.name) cannot \(what()): it only looks, and may be asked at any time; do this in an action"
      )
    }
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
  var told: [() -> Void] = []
  var overrun: StoreError?
  var endless: StoreError?
  var usesBus = false
  var role: CodeRole?
  unowned(unsafe) var scriptEngine: (any ScriptEngine)?
}

@available(*, unavailable)
extension StoreSystem: Sendable {}
