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
  var actions: ContiguousArray<ScriptAction?> = []
  /// The functions that others than the owner get for actions, by number and grant.
  var grantedActions: [UInt64: LuaReference] = [:]
  /// Functions of scripts that decide on permissions.
  var conditions: [Int: LuaReference] = [:]
  var conditionCount = 0
  let releasedConditions = ReleasedConditions()
  /// Methods of texts that errors of the host have as well.
  private(set) lazy var errorMethods = ErrorMethods(engine: self)
  /// Hooks of scripts, by store.
  var scriptHooks: [String: [ScriptHook]] = [:]
  /// Middleware of scripts around the actions of one store, inside that around all.
  var scriptLayers: [String: [ScriptHook]] = [:]
  var hasScriptMiddleware = false
  /// What scripts have provided to each other, by key.
  var provided: [String: Provided] = [:]
  /// Calls that layers of Swift surround, while they run.
  var layeredCalls: [Int: (call: ActionCall, onion: ActionOnion)] = [:]
  var layeredCount = 0

  var scripts: [String: ScriptUnit] = [:]
  var project: Project?
  var projectRoot: String?
  /// The script that `moonstore run` starts when none is named.
  var main: String?
  var settings = Value.map([:])
  /// While a project is loaded: what its scripts define, and which stores they ask for.
  var isLoading = false
  var definitions: [CollectedDefinition] = []
  /// What scripts want done as soon as the stores are there.
  var afterLoading: [(script: String, body: () throws -> Void)] = []
  var used: [(id: String, script: String, line: Int?)] = []
  /// Whether what scripts begin now belongs to their version: while they are loaded, and in their hooks.
  var isBeginning = false
  /// The versions of each script.
  var histories: [String: ScriptHistory] = [:]
  /// While scripts are reloaded: the stores that are to become new versions, and the texts of modules.
  var replaceable: Set<String> = []
  var moduleTexts: [String: String]?
  var isReloading = false
  /// Whether scripts were ended in their middle, and are to be loaded anew; see `restartEnded`.
  var hasEnded = false
  var ended: Set<String> = []
  var isRestarting = false
  var changes: StoreChanges = [:]
  /// Looks after the turns that follow a reload.
  var guarding: ReloadGuard?
  let reloadListeners = ReloadListeners()
  /// What a plugin is adding to a store, and whose plugin it is: what those register ends with it.
  var extended: (addition: StoreAddition, scripts: Set<String>)?
  /// What resets a store in the plain way, while a script's function resets it in another.
  var resets: [Int: () throws -> Void] = [:]
  var resetCount = 0
  /// The middleware of scripts around all actions and messages, in order.
  var layers: [ScriptLayer] = []
  /// What `bus.subscribe` and its like have returned to scripts, by number.
  private var disposables: [Int: (subscription: Subscription, script: String)] = [:]
  private var disposableCount = 0
  // When there are more, those that have ended by themselves are looked for.
  private var disposableLimit = 1_024

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
  /// Groups of turns that are open, innermost last.
  var groups: [(mark: StoreSystem.TurnMark, start: Int)] = []
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
  var sessions: [String: SessionState] = [:]
  var sessionCount = 0
  /// Who wants to get in while a driver runs, and drivers that make room.
  let visitors = Visitors()
  var pauses: [Int: () -> Void] = [:]
  /// What follows actions for traces, by the number of its hook.
  var traces: [Int: (trace: Trace, isMeant: (String) -> Bool)] = [:]
  var traceCount = 0
  /// The entry that runs now.
  var entry: EntryRun?
  var files: [Int: LineReader] = [:]
  var fileCount = 0
  var randomState: UInt64
  var budgets: ScriptBudgets
  var scriptLimits: ScriptLimits
  /// Scripts that have run over their limits too often, until the turn is over.
  var overrunners: [ScriptUnit] = []
  /// Whether any script was ever quarantined; most hosts need not look further.
  var knowsQuarantine = false
  /// Whether what runs shares a budget with what it was called from.
  var isLimited = false
  var openCalls = OpenCalls()

  init(configuration: HostConfiguration) throws(StoreError) {
    self.configuration = configuration
    randomState = configuration.seed
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
    let objects = HostObjects(engine: self)
    self.objects = objects
    machine.setDelegate(objects)
    machine.setShortcuts(objects, kinds: [ObjectKind.store, ObjectKind.part])
    machine.setKinds(
      handle: ObjectKind.store,
      tables: [ObjectKind.part],
      live: [ObjectKind.store, ObjectKind.part, ObjectKind.cell]
    )
    unsafe system.scriptEngine = self
    system.onHooksChanged = { [unowned self] in refreshHooks() }
    system.onStoreRegistered = { [unowned self] store in adopt(store) }
    system.onStoreLeft = { [unowned self] store in left(store) }
    system.onStoreReturned = { [unowned self] store in returned(store) }
    system.onStoreGone = { [unowned self] store in forget(store) }
    system.evaluateCondition = { [unowned self] number, request in
      guard let condition = conditions[number] else { return false }
      return try holds(condition, request)
    }
    system.onReport = { [unowned self] error in
      noteReport(error)
      configuration.report(error)
    }
    do {
      try openLibraries()
      try beginLimits()
    } catch let error as LuaError {
      throw StoreError(lua: error)
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  func close() {
    reloadListeners.finish()
    for session in sessions.values { session.close() }
    sessions = [:]
    for run in parked.values { run.run.release() }
    parked = [:]
    timeouts = [:]
    closeTasks()
    layeredCalls = [:]
    disposables = [:]
    scriptHooks = [:]
    scriptLayers = [:]
    provided = [:]
    resets = [:]
    scripts = [:]
    actions = []
    grantedActions = [:]
    conditions = [:]
    errorMethods.removeAll()
    system.registry.disposeAll()
    unsafe system.scriptEngine = nil
    machine.close()
    machine.setDelegate(nil)
  }

  // MARK: Stores

  func entry(_ id: String) -> StoreEntry {
    if let entry = entries[id] { return entry }
    let entry = StoreEntry(id: id, graph: system.graph)
    entries[id] = entry
    return entry
  }

  var knownIDs: [String] { system.registry.ids }

  /// The same for a store that is there, which knows its own.
  func entry(of store: LiveStore) -> StoreEntry {
    // Nobody else puts anything there.
    if let known = store.entry { return unsafe unsafeDowncast(known, to: StoreEntry.self) }
    let entry = entry(store.id)
    store.entry = entry
    return entry
  }

  func handle(_ store: LiveStore, grant: UInt16 = 0) -> LuaObject {
    LuaObject(kind: ObjectKind.store, grant: grant, instance: entry(of: store))
  }

  // A store of Swift's becomes callable from scripts, and one of a script's is found by its handles.
  private func adopt(_ store: LiveStore) {
    entry(of: store).put(store)
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

  private func left(_ store: LiveStore) {
    entry(of: store).remove(store)
    // The version that has it now.
    if let owner = store.owner { scripts[owner]?.stores.remove(store.id) }
    refreshHooks(of: store)
    endTasks(of: store.id)
  }

  private func returned(_ store: LiveStore) {
    entry(of: store).put(store)
    if let owner = store.owner { scripts[owner]?.stores.insert(store.id) }
    refreshHooks(of: store)
  }

  private func forget(_ store: LiveStore) {
    if !computeds.isEmpty {
      for computed in computeds.removeValue(forKey: store.id) ?? [] { computed.getter?.dispose() }
    }
    for action in store.actions { release(action) }
    store.handle = nil
    guard !grantedActions.isEmpty else { return }
    let gone = Set(store.actions.map { UInt64(UInt32(bitPattern: $0.number)) })
    grantedActions = grantedActions.filter { !gone.contains($0.key >> 16) }
  }

  /// Ends something computed with its store, unless it ends before.
  func keep(_ computed: Getter, for store: LiveStore) {
    computeds[store.id, default: []].removeAll { $0.getter == nil }
    computeds[store.id, default: []].append(ComputedReference(computed))
  }

  /// The function that a script gets for an action: the owner's, or one that asks at each call.
  func closure(of action: LiveStore.Action, for grant: UInt16) throws -> ActionClosure {
    guard self.action(action.number) != nil else {
      throw StoreError(.unknownAction, "the action '\(action.name)' cannot be called from scripts")
    }
    if grant == 0 { return ActionClosure(number: try machine.ownClosure(ofAction: action.number)) }
    let key = UInt64(UInt32(bitPattern: action.number)) << 16 | UInt64(grant)
    if let known = grantedActions[key] { return ActionClosure(number: known.number) }
    let made = try machine.makeActionClosure(action.number, grant: grant)
    grantedActions[key] = made
    return ActionClosure(number: made.number)
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

  /// Whether middleware or hooks are around the actions of a store.
  func isSurrounded(_ store: LiveStore) -> Bool {
    hasScriptMiddleware || !system.actionMiddleware.isEmpty || !store.hooks.isEmpty
      || (!scriptHooks.isEmpty && scriptHooks[store.id] != nil)
      || (!scriptLayers.isEmpty && scriptLayers[store.id] != nil)
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
        return try limited(budgets.turn, anew: driving) { try system.turn(body) }
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

  // MARK: Disposables

  /// Keeps a registration of a script; the number lets the script end it.
  @discardableResult
  func keep(_ subscription: Subscription, for script: String) -> Int {
    disposableCount += 1
    disposables[disposableCount] = (subscription, script)
    scripts[script]?.owned[disposableCount] = subscription
    // What others register because the plugin has called them is theirs.
    if let extended, extended.scripts.contains(script) {
      extended.addition.registrations.append(subscription)
    }
    return disposableCount
  }

  /// Ends a registration; false when it has ended before.
  func cancel(_ number: Int) -> Bool {
    guard let (subscription, script) = disposables.removeValue(forKey: number) else { return false }
    scripts[script]?.owned[number] = nil
    let isActive = subscription.isActive
    subscription.cancel()
    return isActive
  }

  /// Lets go of what nobody holds any more, where nothing is half-done.
  func tidy() {
    machine.drainReleased()
    dropReleasedConditions()
    guard disposables.count > disposableLimit, !system.isInTurn else { return }
    for (number, (subscription, script)) in disposables where !subscription.isActive {
      disposables[number] = nil
      scripts[script]?.owned[number] = nil
    }
    disposableLimit = max(1_024, disposables.count * 2)
  }
}

private struct ComputedReference {
  weak var getter: Getter?
  init(_ getter: Getter) { self.getter = getter }
}

/// A hook that a script has put on a store.
final class ScriptHook {
  let function: LuaReference
  /// The rights of the handle that it was put on with.
  let grant: UInt16
  /// Its place among the others.
  var rank = 0

  init(_ function: LuaReference, grant: UInt16) {
    self.function = function
    self.grant = grant
  }
}

/// A function of a script's machine that the machine itself keeps.
struct ActionClosure {
  let number: Int32
}
