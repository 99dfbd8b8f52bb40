import MoonLua
import MoonValue
import MoonstoreCore

/// One Lua machine and one world of stores, and what connects them.
///
/// `StoreHost` is the actor around it.
///
/// Takes calls from the host and from scripts, runs them as turns on pooled coroutines, and gives results
/// back. It belongs to the isolation domain of its host.
final class HostEngine {
  let vm: LuaVM
  let machine: LuaMachine
  let system = StoreSystem()
  private(set) var objects: HostObjects?
  let configuration: HostConfiguration

  /// Stores by id, also of those that are gone, so that handles survive.
  private var entries: [String: StoreEntry] = [:]
  /// The functions that scripts get for actions, by number, and what the numbers mean.
  var actions: ContiguousArray<ScriptAction?> {
    get { unsafe ownActions }
    _modify { yield unsafe &ownActions }
  }
  // Not checked for overlapping access, which making a store would pay for dozens of times: each use is one step, and a
  // store that is let go of does not come back here.
  @exclusivity(unchecked) private var ownActions: ContiguousArray<ScriptAction?> = []
  /// Functions of scripts that decide on permissions.
  var conditions: [Int: LuaReference] = [:]
  var conditionCount = 0
  let releasedConditions = ReleasedConditions()
  /// Methods of texts that errors of the host have as well.
  private(set) lazy var errorMethods = ErrorMethods(engine: self)
  /// What scripts have registered.
  let registrations: ScriptRegistrations
  /// Calls that layers of Swift surround, while they run.
  var layeredCalls: [Int: (call: ActionCall, onion: ActionOnion)] = [:]
  var layeredCount = 0

  var scripts = NameTable<ScriptUnit>() { didSet { recentUnit = nil } }
  // The script that was asked for last: with each message a script is asked for several times.
  private var recentUnit: ScriptUnit?
  var project: Project?
  var projectRoot: String?
  /// The script that `moonstore run` starts when none is named.
  var main: String?
  var settings = Value.map([:])
  /// The scripts outside of `middleware/` that may put middleware on the bus.
  var messageMiddleware = NameSet()
  /// While a project is loaded: what its scripts define, and which stores they ask for.
  var isLoading = false
  var definitions: [CollectedDefinition] = []
  /// What scripts want done as soon as the stores are there.
  var afterLoading: [(script: String, body: () throws -> Void)] = []
  var used: [(id: String, script: String, line: Int?)] = []
  /// Whether what scripts begin now belongs to their version: while they are loaded, and in their hooks.
  var isBeginning = false
  /// The versions of each script.
  var histories = NameTable<ScriptHistory>()
  /// While scripts are reloaded: the stores that are to become new versions, and the texts of modules.
  var replaceable: Set<String> = []
  var moduleTexts: NameTable<String>?
  var isReloading = false
  /// Whether scripts were ended in their middle, and are to be loaded anew; see `restartEnded`.
  var hasEnded = false
  var ended = NameSet()
  var isRestarting = false
  var changes: StoreChanges = [:]
  /// Looks after the turns that follow a reload.
  var guarding: ReloadGuard?
  let reloadListeners = ReloadListeners()
  /// What a plugin is adding to a store, and whose plugin it is: what those register ends with it.
  var extended: (addition: StoreAddition, scripts: NameSet)?
  /// What resets a store in the plain way, while a script's function resets it in another.
  var resets: [Int: () throws -> Void] = [:]
  var resetCount = 0

  /// What the native that just suspended waits for.
  var wait: Wait?
  var parked: [Int: ParkedRun] = [:]
  var parkedCount = 0
  /// Starts an operation of the outside, and resumes the run with this number when it has ended.
  var launch: ((Int, @escaping @Sendable () async throws -> Value) -> Void)?
  /// Ends an operation that nobody waits for any more.
  var stop: ((Int) -> Void)?
  /// The last failure of an action that a driver called, to tell where it came from.
  var lastFailure: StoreError?
  var setup: SetupScope?
  /// What setup functions have computed, by store: it ends with the store, or when no script has it any more.
  private var computeds: [String: [ComputedReference]] = [:]
  /// What the prelude gave back, and its function for actions that middleware surrounds, which the machine
  /// knows by number only.
  var prelude: LuaTable?
  var dispatcher: LuaFunction?
  /// What is explicitly one transaction, innermost last.
  var groups: [TurnGroup] = []
  /// What to do when a time is over; see `startTimer`.
  var timeouts: [Int: () -> Void] = [:]
  /// The tasks that have not ended, and what effects listen to.
  var tasks: [Int: ScriptTask] = [:]
  var taskCount = 0
  var runningTask: ScriptTask?
  private(set) lazy var effects = EffectHub(engine: self)
  /// Owns what conditions read.
  private(set) lazy var conditionScope = EffectScope(in: system.graph, label: "conditions")
  /// The sessions that are open, by name.
  var sessions = NameTable<SessionState>()
  var sessionCount = 0
  /// The names without a number that sessions had.
  var leftSessions = NameSet()
  /// Who wants to get in while a driver runs, and drivers that make room.
  let visitors = Visitors()
  var pauses: [Int: () -> Void] = [:]
  /// What follows actions for traces, by the number of its hook.
  var traces: [Int: (trace: Trace, isMeant: (String) -> Bool)] = [:]
  var traceCount = 0
  /// How deep evaluations are where code runs that may only look; see `looking`.
  ///
  /// Getters that it reads are deeper.
  var onlookerDepth = 0
  /// The script whose code drives now, for turn observers.
  var drivingScript: String?
  /// The entry that runs now.
  var entry: EntryRun?
  var budgets: ScriptBudgets
  var scriptLimits: ScriptLimits
  // Not checked for overlapping access, which every turn would pay for several times: each use is one step.
  @exclusivity(unchecked) private var leftovers = TurnLeftovers()
  /// Failures of tasks that the code under way may still wait for, before they are reported.
  var unseenFailures: [(number: Int, error: StoreError)] {
    get { unsafe leftovers.unseenFailures }
    _modify { yield unsafe &leftovers.unseenFailures }
  }
  /// Scripts that have run over their limits too often, until the turn is over.
  var overrunners: [ScriptUnit] {
    get { unsafe leftovers.overrunners }
    _modify { yield unsafe &leftovers.overrunners }
  }
  var openFiles: OpenFiles {
    get { unsafe leftovers.openFiles }
    _modify { yield unsafe &leftovers.openFiles }
  }
  /// What belongs to the budget under way, and what was put aside of those around it.
  var belongings: BudgetBelongings {
    get { unsafe leftovers.belongings }
    _modify { yield unsafe &leftovers.belongings }
  }
  var outerBelongings: [BudgetBelongings] {
    get { unsafe leftovers.outerBelongings }
    _modify { yield unsafe &leftovers.outerBelongings }
  }
  /// Whether any script was ever quarantined; most hosts need not look further.
  var knowsQuarantine = false
  /// Whether what runs shares a budget with what it was called from.
  var isLimited = false
  var openCalls = OpenCalls()
  var budgetCount = 0
  private(set) lazy var pace = FollowUpPace(engine: self)
  /// Takes the errors that no caller gets.
  private var reports: Subscription?

  init(configuration: HostConfiguration) throws(StoreError) {
    self.configuration = configuration
    registrations = ScriptRegistrations(in: system)
    scriptLimits = configuration.scriptLimits
    do {
      budgets = try ScriptBudgets(configuration.scriptLimits)
      vm = try LuaVM()
      machine = vm.machine
    } catch {
      throw StoreError(lua: error)
    }
    system.limits = configuration.limits
    system.clock = configuration.clock
    system.randomState = configuration.seed
    let objects = HostObjects(engine: self)
    self.objects = objects
    machine.setDelegate(objects)
    if configuration.isRecorded { machine.setOrdered() }
    machine.setShortcuts(objects, kinds: [ObjectKind.store, ObjectKind.part])
    machine.setKinds(
      handle: ObjectKind.store,
      tables: [ObjectKind.part],
      live: [ObjectKind.store, ObjectKind.part, ObjectKind.cell]
    )
    system.scriptEngine = self
    system.access.isCarried = { [unowned self] in machine.carries($0) }
    system.access.collect = { [unowned self] in machine.collect() }
    for table in [registrations.hooks, registrations.layers] {
      table.onChange = { [unowned self] id, _ in surroundingsChanged(of: id) }
    }
    registrations.middleware.onChange = { [unowned self] _ in refreshHooks() }
    reports = system.observeReports { [unowned self] error in
      noteReport(error)
      configuration.report(error)
    }
    do {
      try openLibraries()
      try beginLimits()
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  func close() {
    reloadListeners.finish()
    for session in sessions.values { session.close() }
    sessions = NameTable()
    for run in parked.values { run.run.release() }
    parked = [:]
    timeouts = [:]
    closeTasks()
    layeredCalls = [:]
    registrations.removeAll()
    resets = [:]
    scripts = NameTable()
    actions = []
    conditions = [:]
    errorMethods.removeAll()
    system.registry.disposeAll()
    system.scriptEngine = nil
    machine.close()
    machine.setDelegate(nil)
  }

  // MARK: Scripts

  /// The script of a name.
  func unit(named name: String) -> ScriptUnit? {
    if let recentUnit, recentUnit.name.hasSameBytes(as: name) { return recentUnit }
    let found = scripts[name]
    recentUnit = found
    return found
  }

  /// The script whose name is the argument of a native; nil where there is none.
  func unit(namedBy arguments: inout Arguments) -> ScriptUnit? {
    if let recentUnit, arguments.begin(with: recentUnit.name) { return recentUnit }
    return arguments.firstString.flatMap(unit(named:))
  }

  // MARK: Stores

  /// What scripts get that ask for an id: the store that has it, or the one that a later script may define.
  func entry(_ id: String) -> StoreEntry {
    if let live = system.registry.find(id) { return entry(of: live) }
    if let entry = entries[id] { return entry }
    let entry = StoreEntry(id: id, graph: system.graph)
    entries[id] = entry
    return entry
  }

  /// The handle that a script gets by an id, with its rights on that store.
  func handle(named id: String, for script: String) -> LuaObject {
    if isLoading, standing(id) == nil,
      let own = definitions.last(where: {
        $0.reader.id == id && $0.script.hasSameBytes(as: script)
      })?.reader.draft
    {
      return LuaObject(kind: ObjectKind.store, grant: 0, instance: own)
    }
    return LuaObject(kind: ObjectKind.store, grant: grant(of: script, on: id), instance: entry(id))
  }

  /// The handle that the script gets which defines a store: of the store, or of what it becomes once it is loaded.
  func handle(definedBy script: String, _ id: String) -> LuaObject {
    guard isLoading else {
      guard let live = system.registry.find(id), live.isOwned(by: script) else {
        return handle(named: id, for: script)
      }
      return handle(live)
    }
    return handle(named: id, for: script)
  }

  var knownIDs: [String] { system.registry.ids }

  /// The same for a store that is there, which knows its own.
  func entry(of store: LiveStore) -> StoreEntry {
    // Nothing else is put there.
    if let known = store.entry { return unsafe unsafeDowncast(known, to: StoreEntry.self) }
    return claimEntry(for: store, draft: nil)
  }

  /// Finds the entry for a new store: that of its owner's earlier ones, or a new one.
  @discardableResult
  func claimEntry(for store: LiveStore, draft: StoreEntry?) -> StoreEntry {
    let owner = store.owner.map { StoreEntry.Owner.script(ExactName($0)) } ?? .swift
    let entry: StoreEntry
    if let known = entries[store.id], known.claim(for: owner) {
      entry = known
      if let draft { known.add(twin: draft) }
    } else {
      entry = draft ?? StoreEntry(id: store.id, owner: owner, graph: system.graph)
    }
    store.entry = entry
    return entry
  }

  func handle(_ store: LiveStore, grant: UInt16 = 0) -> LuaObject {
    LuaObject(kind: ObjectKind.store, grant: grant, instance: entry(of: store))
  }

  // A store of Swift's becomes callable from scripts, and one of a script's is found by its handles.
  func registered(_ store: LiveStore) {
    let entry = entry(of: store)
    entries[store.id] = entry
    entry.put(store)
    for (index, action) in store.actions.enumerated() where action.number < 0 {
      do throws(StoreError) {
        try update(action: index, of: store)
      } catch {
        system.report(error)
      }
    }
    refreshHooks(of: store)
    effects.connect(store)
  }

  func left(_ store: LiveStore) {
    entry(of: store).remove(store)
    // The version that has it now.
    if let owner = store.owner { scripts[owner]?.stores.remove(store.id) }
    if !registrations.hooks.isEmpty { registrations.hooks[store.id]?.endAll() }
    if !registrations.layers.isEmpty { registrations.layers[store.id]?.endAll() }
    refreshHooks(of: store)
    endTasks(of: store.id)
  }

  func returned(_ store: LiveStore) {
    entry(of: store).put(store)
    if let owner = store.owner { scripts[owner]?.stores.insert(store.id) }
    refreshHooks(of: store)
  }

  func forget(_ store: LiveStore) {
    if !computeds.isEmpty {
      for computed in computeds.removeValue(forKey: store.id) ?? [] { computed.getter?.dispose() }
    }
    for action in store.actions { release(action) }
    store.handle = nil
  }

  /// Ends something computed with its store, unless it ends before.
  func keep(_ computed: Getter, for store: LiveStore) {
    computeds[store.id, default: []].removeAll { $0.getter == nil }
    computeds[store.id, default: []].append(ComputedReference(computed))
  }

  /// Hands out the function that a script gets for an action: the owner's, or one that asks at each call.
  func setFunction(
    of action: LiveStore.Action,
    for grant: UInt16,
    _ result: LuaResult
  ) throws {
    guard self.action(action.number) != nil else {
      throw StoreError(.unknownAction, "the action '\(action.name)' cannot be called from scripts")
    }
    if grant == 0 {
      return result.set(closure: try machine.ownClosure(ofAction: action.number))
    }
    result.set(action: action.number, grant: grant)
  }

  /// Which store and action a number of the machine means.
  func action(_ number: Int32) -> (store: LiveStore, name: String)? {
    guard let known = scriptAction(number), let action = known.action else { return nil }
    return (known.store, action.name)
  }

  // MARK: Hooks

  /// Tells the machine which actions middleware or hooks surround, so that all others cost nothing.
  func refreshHooks() {
    for number in actions.indices { refreshHooks(of: Int32(number)) }
  }

  func refreshHooks(of number: Int32) {
    guard let known = scriptAction(number), let action = known.action else { return }
    let store = known.store
    let flags = flags(of: action, in: store, isSurrounded: isSurrounded(store))
    machine.setFlags(flags, ofAction: number)
  }

  /// Tells the machine whether something surrounds the actions of a store.
  func refreshHooks(of store: LiveStore) {
    let actions = store.actions
    guard !actions.isEmpty else { return }
    let isSurrounded = isSurrounded(store)
    for action in actions where scriptAction(action.number) != nil {
      let flags = flags(of: action, in: store, isSurrounded: isSurrounded)
      machine.setFlags(flags, ofAction: action.number)
    }
  }

  private func surroundingsChanged(of id: String) {
    guard registrations.concernsActions(of: id), let store = system.registry.find(id) else {
      return
    }
    refreshHooks(of: store)
  }

  /// Whether middleware or hooks are around the actions of a store.
  func isSurrounded(_ store: LiveStore) -> Bool {
    !registrations.middleware.isEmpty || !system.actionMiddleware.isEmpty
      || store.hooks?.isEmpty == false
      || (!registrations.hooks.isEmpty && registrations.hooks.has(store.id))
      || (!registrations.layers.isEmpty && registrations.layers.has(store.id))
  }

  func flags(
    of action: LiveStore.Action,
    in store: LiveStore,
    isSurrounded: Bool
  ) -> LuaActionFlags {
    if store.isDisposed || action.isRemoved {
      return isSurrounded ? LuaActionFlags.gone.surrounded : .gone
    }
    if isQuarantined(store) { return .swift }
    let own: LuaActionFlags =
      switch action.code {
      case .script(_, let takesSelf): takesSelf ? .takesSelf : LuaActionFlags(rawValue: 0)
      case .swift, .removed: .swift
      }
    return isSurrounded ? own.surrounded : own
  }

  // MARK: Changes

  /// Makes one change: a part of the turn under way, or for a driver a turn of its own.
  func change(_ body: () throws -> Void) throws {
    let driving = machine.isDriving
    try withoutDriving {
      guard system.isInTurn else {
        return try limited(budgets.turn, anew: driving) {
          try system.turn(driverOrigin(.write), body)
        }
      }
      try body()
      if driving { try system.deliverMessages() }
    }
  }

  /// Runs code that is no driver's: what it calls belongs to what is under way.
  func withoutDriving<R>(_ body: () throws -> R) rethrows -> R {
    let driving = machine.isDriving
    machine.isDriving = false
    defer { machine.isDriving = driving }
    return try body()
  }

  /// The same for a function that stands for neither an action nor a getter; errors call it by the name.
  func withoutDriving<R>(
    as role: String,
    of subject: String = "",
    _ body: () throws -> R
  ) rethrows -> R {
    try withoutDriving { try system.acting(as: role, of: subject, body) }
  }

  /// Lets go of what is held no more, outside of any turn.
  func tidy() {
    machine.drainReleased()
    if !releasedConditions.isEmpty { dropReleasedConditions() }
    guard !system.isInTurn else { return }
    if system.hasManyGrants { system.access.reviewIfMany() }
    // Where no run is under way, those of runs that have ended are lost.
    if !openFiles.isEmpty, !machine.isEntered { closeLostFiles() }
    // While Lua runs, an access that is half-done may know the symbol of its key.
    if system.tree.symbols.isReclaimDue, !machine.isEntered, system.tree.reclaimNames() {
      machine.forgetSymbols()
    }
  }
}

/// What turns may leave to be looked at when they are over; there is hardly ever any.
private struct TurnLeftovers {
  var unseenFailures: [(number: Int, error: StoreError)] = []
  var overrunners: [ScriptUnit] = []
  var openFiles = OpenFiles()
  var belongings = HostEngine.BudgetBelongings()
  var outerBelongings: [HostEngine.BudgetBelongings] = []
}

private struct ComputedReference {
  weak var getter: Getter?
  init(_ getter: Getter) { self.getter = getter }
}
