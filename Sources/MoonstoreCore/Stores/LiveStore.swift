import MoonValue

/// A store that is registered: its state, its getters and what it can do.
///
/// Owned by the registry. Handles and proxies refer to it; after `dispose` they find it gone.
package final class LiveStore {
  /// What a name of the store stands for besides a field of its state.
  package enum Member {
    case getter(Getter)
    /// An action, by its place in `actions`.
    case action(Int)
  }

  /// An action: its code, and the number that the host's script engine knows it by.
  package struct Action {
    package enum Code {
      case swift(StoreDefinition.ActionBody)
      /// A function of the host's script engine; it takes the store first, or no store.
      case script(AnyObject, takesSelf: Bool)
      /// None: a newer version of the store has no such action. Who holds it finds it gone.
      case removed
    }

    package let name: String
    package internal(set) var code: Code
    package fileprivate(set) var number: Int32 = -1

    package init(name: String, code: Code) {
      self.name = name
      self.code = code
    }

    /// Whether a newer version of the store has no such action.
    package var isRemoved: Bool { if case .removed = code { true } else { false } }

    /// The code, if it is Swift's.
    package var body: StoreDefinition.ActionBody? {
      if case .swift(let body) = code { body } else { nil }
    }
  }

  package let id: String
  // The registry owns the store and the world the registry; whoever keeps a store beyond that keeps both.
  private unowned(unsafe) let world: StoreSystem
  package var system: StoreSystem { unsafe world }
  package var definition: StoreDefinition
  /// Which script it belongs to; nil for Swift.
  package var owner: String?
  /// Whether it is the one that a script owns.
  package func isOwned(by script: String) -> Bool { owner?.hasSameBytes(as: script) ?? false }
  /// The line of the script at which its code begins, where that is known.
  package var line: Int?
  /// What others may do with it.
  package internal(set) var permissions = PermissionSet.standard {
    didSet { if isAnnounced, permissions != oldValue { rightsChanged() } }
  }
  package var root: StateNode { currentRoot }
  // What only this module sees is not checked for overlapping access at each use.
  private var currentRoot: StateNode
  // Nor are these, which every call and read of a getter looks through: nothing overlaps, since each is changed in
  // one step that calls nobody.
  @exclusivity(unchecked) private var memberSymbols: ContiguousArray<UInt32> = []
  @exclusivity(unchecked) private var members: ContiguousArray<Member> = []
  @exclusivity(unchecked) private var allActions: ContiguousArray<Action> = []
  /// Counts changes of what names stand for, so that those who have looked for one look again.
  private(set) var nameVersion: UInt64 = 0
  /// All that there were, also those that a newer version has removed: their places stay theirs.
  package internal(set) var actions: ContiguousArray<Action> {
    get { unsafe allActions }
    _modify { yield unsafe &allActions }
  }
  package var isDisposed: Bool { hasLeft }
  private var hasLeft = false
  // Whether whoever hears of stores has heard of this one.
  package internal(set) var isAnnounced = false
  private var isGone = false
  private var ownSubscribers: Registrations<StoreSubscriber>?
  /// How many hear of its changes.
  package var subscriptionCount: Int { ownSubscribers?.count ?? 0 }
  /// Middleware of Swift around its actions.
  package private(set) var hooks: Registrations<ActionMiddleware>?
  /// Whether a setup function made it: its actions are closures that take no store.
  package var isSetup = false
  /// Parts of state that no name leads to, such as the refs that a setup function keeps to itself.
  package internal(set) var hiddenRoots: [StateNode] = []
  /// What those began with.
  private var hiddenInitial: [Value] = []
  /// What the store was made from, for whoever made it.
  package var origin: AnyObject?
  /// What plugins and `configure` have given it besides its definition, in order.
  package internal(set) var additions: [StoreAddition] {
    get { unsafe belongings.additions }
    _modify { yield unsafe &belongings.additions }
  }
  /// Getters that were taken out while the store is being replaced, for the new version to take up.
  var retired: [String: Getter] {
    get { unsafe belongings.retired }
    _modify { yield unsafe &belongings.retired }
  }
  /// Fields that plugins had added which add anew.
  var retiredFields: Set<Value.Key> = []
  /// What its definition handles and answers, and whatever else goes with this version of it.
  package var handlers: [Subscription] {
    get { unsafe belongings.handlers }
    _modify { yield unsafe &belongings.handlers }
  }
  /// What the host knows the store by, and what its script engine keeps for its actions.
  package var entry: AnyObject?
  package var handle: AnyObject?
  /// The public face, with all rights.
  ///
  /// It holds the store, so the store does not hold it.
  package var face: Store { Store(self, grant: 0) }

  // Not checked for overlapping access either: each is read, or changed in one step; what ends is taken from a copy.
  @exclusivity(unchecked) private var belongings = Belongings()

  /// What goes with the store, or with its version.
  private struct Belongings {
    var additions: [StoreAddition] = []
    var retired: [String: Getter] = [:]
    var handlers: [Subscription] = []
  }

  /// For those who refer to the store and can outlive it, such as its getters.
  let presence = StorePresence()

  package init(_ definition: StoreDefinition, root: StateNode, system: StoreSystem) {
    id = definition.id
    self.definition = definition
    currentRoot = root
    unsafe world = system
    presence.begin(self)
  }

  deinit {
    presence.end(permissions.mask)
    // The state keeps the tree, also when the system has gone.
    let symbols = currentRoot.tree.symbols
    for symbol in unsafe memberSymbols { symbols.release(symbol) }
  }

  /// The getter or action of a name.
  @inline(__always)
  package func member(_ symbol: UInt32) -> Member? {
    for position in unsafe memberSymbols.indices where unsafe memberSymbols[position] == symbol {
      return unsafe members[position]
    }
    return nil
  }

  package func member(named name: String) -> Member? {
    let symbol = system.tree.symbols.symbol(of: name)
    return symbol == 0 ? nil : member(symbol)
  }

  /// What others have read with the rights from before, or were refused, they look at again; and what surrounds its
  /// actions may be seen by others from now on.
  private func rightsChanged() {
    system.graph.noteUnlogged()
    system.tree.markAllChanged(root)
    readersOfGettersLookAgain()
    system.scriptEngine?.permissionsChanged(of: self)
  }

  private func readersOfGettersLookAgain() {
    for case .getter(let getter) in unsafe members { system.graph.withdraw(getter.node) }
    if !retired.isEmpty {
      for getter in retired.values { system.graph.withdraw(getter.node) }
    }
  }

  /// The names of all getters and actions.
  var memberNames: [String] { unsafe memberSymbols.map { system.tree.symbols.name(of: $0) } }

  /// The names of the getters, in order of definition.
  package var getterNames: [String] {
    unsafe members.compactMap { if case .getter(let getter) = $0 { getter.name } else { nil } }
  }

  /// The actions that it has now, in order of definition.
  package var presentActions: [Action] {
    unsafe members.compactMap { if case .action(let index) = $0 { actions[index] } else { nil } }
  }

  package func action(named name: String) -> Action? { place(ofAction: name).map { actions[$0] } }

  /// The place of an action among `actions`, which is its own for as long as the store lives.
  package func place(ofAction name: String) -> Int? {
    let symbol = system.tree.symbols.symbol(of: name)
    guard symbol != 0 else { return nil }
    for position in unsafe memberSymbols.indices where unsafe memberSymbols[position] == symbol {
      if case .action(let index) = unsafe members[position] { return index }
      return nil
    }
    return nil
  }

  /// The number that the script engine knows an action by; below 0 where it knows none.
  @inline(__always)
  package func number(ofAction place: Int) -> Int32 { unsafe allActions[place].number }

  /// The code of an action, if it is Swift's.
  @inline(__always)
  package func body(ofAction place: Int) -> StoreDefinition.ActionBody? {
    if case .swift(let body) = unsafe allActions[place].code { body } else { nil }
  }

  // MARK: Registrations

  /// Where messages reach its handlers.
  package private(set) lazy var address = BusAddress(id)

  /// What hears of its changes, in order.
  var subscribers: Registrations<StoreSubscriber> {
    if let ownSubscribers { return ownSubscribers }
    let made = Registrations<StoreSubscriber>(in: system) { [unowned self] each in
      system.subscriptionCount += each.isActive ? 1 : -1
    }
    ownSubscribers = made
    return made
  }

  func addHook(_ parts: ActionMiddleware) -> Subscription {
    let list =
      hooks
      ?? Registrations<ActionMiddleware>(in: system) { [unowned self] _ in
        // A script engine only needs to know whether there are some.
        guard let count = self.hooks?.count, count <= 1 else { return }
        system.scriptEngine?.surroundingsChanged(of: self)
      }
    hooks = list
    return list.add(parts, Ranks.Line(.hook, owner: "swift", id))
  }

  /// Makes room for what a definition has, and no more: most stores get nothing later.
  package func reserve(getters: Int, actions count: Int) {
    unsafe memberSymbols.reserveCapacity(getters + count)
    unsafe members.reserveCapacity(getters + count)
    actions.reserveCapacity(count)
  }

  package func add(_ getter: Getter) throws(StoreError) {
    try add(.getter(getter), named: getter.name)
  }

  package func add(_ action: Action) throws(StoreError) {
    try add(.action(actions.count), named: action.name)
    actions.append(action)
  }

  func add(_ member: Member, named name: String) throws(StoreError) {
    let symbols = system.tree.symbols
    let known = symbols.symbol(of: name)
    let symbol: UInt32
    do throws(StoreError) {
      symbol = known != 0 ? known : try symbols.intern(member: name, of: owner)
    } catch {
      var error = error
      error.store = id
      throw error
    }
    guard self.member(symbol) == nil, !hasField(symbol) else {
      throw StoreError(
        .invalidDefinition,
        "'\(name)' is defined twice in the store '\(id)': "
          + "a name is a field of the state, a getter or an action",
        store: id
      )
    }
    symbols.retain(symbol)
    nameVersion += 1
    unsafe memberSymbols.append(symbol)
    unsafe members.append(member)
  }

  /// Whether the state has a field of this name now.
  func hasField(_ name: String) -> Bool {
    let position = root.position(of: .string(name))
    return position >= 0 && !root.slots[position].isEmpty
  }

  private func hasField(_ symbol: UInt32) -> Bool {
    let position = root.position(ofSymbol: symbol)
    return position >= 0 && !root.slots[position].isEmpty
  }

  /// A name stands for no getter and no action any more; gives the place where it stood.
  @discardableResult
  func dropMember(named name: String) -> Int {
    let symbol = system.tree.symbols.symbol(of: name)
    guard let place = unsafe memberSymbols.firstIndex(of: symbol) else {
      return unsafe members.count
    }
    system.tree.symbols.release(symbol)
    nameVersion += 1
    unsafe memberSymbols.remove(at: place)
    unsafe members.remove(at: place)
    return place
  }

  /// Puts a getter or an action back that was dropped.
  func restore(_ member: Member, named name: String, at place: Int) {
    // It has kept its number: none is given back while a turn that could be undone goes on.
    let symbol = system.tree.symbols.symbol(of: name)
    system.tree.symbols.retain(symbol)
    nameVersion += 1
    unsafe memberSymbols.insert(symbol, at: place)
    unsafe members.insert(member, at: place)
  }

  /// Takes a getter or an action back out; an action only if it is the last one that was added.
  func remove(_ member: Member, named name: String) {
    dropMember(named: name)
    if case .action(let index) = member { actions.remove(at: index) }
  }

  /// Says which number the script engine knows an action by.
  package func setNumber(_ number: Int32, ofAction index: Int) { actions[index].number = number }

  /// Names like one that was not found, for messages.
  package func suggestion(for name: String) -> String {
    let names =
      unsafe memberSymbols.map { system.tree.symbols.name(of: $0) }
      + root.slots.indices.prefix(Suggestion.most).map { "\(root.key(at: $0))" }
    return Suggestion.text(for: name, among: names)
  }

  /// The error for a call of an action that is not there, with what was probably meant.
  package func noAction(_ name: String) -> StoreError {
    let names = actions.filter { !$0.isRemoved }.map(\.name)
    let text =
      switch member(named: name) {
      case .getter:
        "'\(name)' is a getter of the store '\(id)', which is read without a call: \(id).\(name)"
      case nil where hasField(name):
        "'\(name)' is a field of the store '\(id)', which is read without a call: \(id).\(name)"
      case nil where actions.contains { $0.name == name && $0.isRemoved }:
        "the store '\(id)' has no action '\(name)' any more: its script was reloaded without it"
      default:
        "the store '\(id)' has no action '\(name)'\(Suggestion.text(for: name, among: names))"
      }
    return StoreError(.unknownAction, text, store: id)
  }

  /// Gives the store its values without a name, in the order in which the setup function has made them.
  ///
  /// Those of an older version survive if there are as many, and of the same kinds.
  ///
  /// - Returns: The array in which they stand from now on.
  package func setHidden(_ node: StateNode) -> StateNode {
    let initial = node.slots.map(\.value)
    let before = (hiddenRoots, hiddenInitial)
    hiddenInitial = initial
    let old = before.0.first
    let isFitting =
      old.map { old in
        old.slots.count == initial.count
          && zip(old.slots, initial).allSatisfy { ValueKind($0).fits(ValueKind($1)) }
      } ?? false
    if system.isInTurn {
      system.tree.note(UndoStep { [self] in (hiddenRoots, hiddenInitial) = before })
    }
    guard let old, isFitting else {
      hiddenRoots = node.slots.isEmpty ? [] : [node]
      guard let old else { return node }
      // The store is live, and so are the values that it gets.
      system.tree.move(old, to: nil)
      system.tree.adopt(node, by: self)
      system.tree.note(UndoStep { [self] in system.tree.move(old, to: self) })
      return node
    }
    for (position, value) in initial.enumerated()
    where value != before.1[position] && old.slots[position].matches(before.1[position]) {
      system.tree.write(system.tree.slot(value), to: old, at: position)
    }
    return old
  }

  /// Takes the store out of the world, so that the turn under way can still put it back.
  func leave() {
    guard !isDisposed else { return }
    hasLeft = true
    if isAnnounced { system.scriptEngine?.left(self) }
    if !additions.isEmpty { for addition in additions.reversed() { addition.leave() } }
    if !handlers.isEmpty { for handler in handlers.reversed() { handler.cancel() } }
    for root in [root] + hiddenRoots { system.tree.move(root, to: nil) }
    readersOfGettersLookAgain()
  }

  /// Puts it back; its registrations come back by themselves.
  func comeBack() {
    hasLeft = false
    for root in [root] + hiddenRoots { system.tree.move(root, to: self) }
    if isAnnounced { system.scriptEngine?.returned(self) }
  }

  /// Ends it for good.
  package func dispose() {
    leave()
    guard !isGone else { return }
    isGone = true
    if !additions.isEmpty { additions = [] }
    if !handlers.isEmpty { handlers = [] }
    if isAnnounced { system.scriptEngine?.forget(self) }
    ownSubscribers?.finishAll()
    hooks?.finishAll()
    for case .getter(let getter) in unsafe members { getter.dispose() }
    if !retired.isEmpty { for getter in retired.values { getter.dispose() } }
  }
}

/// Whether a store is still in memory, for those who can outlive it.
///
/// Getters can: scripts hold those that a setup function has computed, also of a store that was never finished.
final class StorePresence {
  // The store takes it back before it goes.
  private unowned(unsafe) var owner: LiveStore?
  var store: LiveStore? { unsafe owner }

  /// What the store permitted to others, once it has gone.
  private(set) var lastRights: Rights = []

  func begin(_ store: LiveStore) { unsafe owner = store }

  func end(_ rights: Rights) {
    unsafe owner = nil
    lastRights = rights
  }
}
