/// Everything that hears or surrounds one thing, in order of rank: handlers of a type, hooks of a store, plugins.
///
/// Adding costs constant time, and so does ending, spread over many: a member that ends is marked, and its place
/// goes once such places are the greater part. A delivery goes over `all` as it stood when the delivery began, and
/// passes over what is not active any more. What is put back, or takes the place of a predecessor, is sorted in
/// when the list is read next.
package final class Registrations<Member> {
  package typealias Each = Registration<Member>

  // The system owns what its registrations are kept in, and a program can keep a registration beyond it.
  private let world: WorldPresence
  var system: StoreSystem { world.system(of: "Registrations") }
  /// For its registrations, which can outlive it.
  let presence = ListPresence<Member>()
  /// In order; those that have ended are among them until there are too many.
  private var placed: ContiguousArray<Each> = []
  /// To be sorted in.
  private var unplaced: ContiguousArray<Each> = []
  private var inactive = 0
  /// How many are active.
  package var count: Int { active }
  private var active = 0
  // How many are active or may come back.
  private var known = 0
  /// Hears of each member that begins or stops to hear; the registration tells which.
  package var onChange: ((Each) -> Void)?
  /// Hears of each that is over for good.
  package var onGone: ((Each) -> Void)?
  fileprivate var onUnused: (() -> Void)?

  package init(in system: StoreSystem, onChange: ((Each) -> Void)? = nil) {
    world = system.presence
    self.onChange = onChange
    presence.begin(self)
  }

  deinit { presence.end() }

  package var isEmpty: Bool { count == 0 }

  /// All members, in order; those that are not active are to be passed over.
  package var all: ContiguousArray<Each> {
    if !unplaced.isEmpty { arrange() }
    return placed
  }

  /// What hears now, in order.
  package var members: [Member] { all.compactMap { $0.isActive ? $0.member : nil } }

  /// The first that is active.
  package var first: Member? {
    for each in all where each.isActive { return each.member }
    return nil
  }

  /// All members of two lists, in order.
  package func merged(with other: Registrations) -> ContiguousArray<Each> {
    Registrations.merge(all, other.all)
  }

  private static func merge(
    _ one: ContiguousArray<Each>,
    _ other: ContiguousArray<Each>
  ) -> ContiguousArray<Each> {
    var merged = ContiguousArray<Each>()
    merged.reserveCapacity(one.count + other.count)
    var next = other.startIndex
    for each in one {
      while next < other.endIndex, other[next].rank < each.rank {
        merged.append(other[next])
        next += 1
      }
      merged.append(each)
    }
    return merged + other[next...]
  }

  // MARK: Coming and going

  /// Adds a member behind all others, or in the place of a predecessor while scripts are replaced.
  ///
  /// - Parameters:
  ///   - member: The member.
  ///   - line: Whose successor it can be.
  ///   - isUndoable: Whether it is undone with the turn; what the host itself needs from now on is not.
  /// - Returns: What ends it.
  package func add(
    _ member: Member,
    _ line: @autoclosure () -> Ranks.Line,
    isUndoable: Bool = true
  ) -> Each {
    let line = line()
    let each = Registration(member, rank: system.ranks.next(in: line), line: line, list: self)
    known += 1
    list(each)
    system.noteRegistration()
    if isUndoable, system.isInTurn { system.tree.note(each) }
    return each
  }

  /// Ends all of them.
  package func endAll() { for each in all { each.cancel() } }

  /// Ends all of them for good.
  package func finishAll() { for each in all { each.finish() } }

  private func list(_ each: Each) {
    each.isListed = true
    active += 1
    if let last = placed.last, last.rank > each.rank {
      unplaced.append(each)
    } else {
      placed.append(each)
    }
    onChange?(each)
  }

  func left(_ each: Each) {
    active -= 1
    inactive += 1
    if inactive > 8, inactive > count { arrange() }
    onChange?(each)
  }

  func returned(_ each: Each) {
    guard each.isListed else { return list(each) }
    active += 1
    inactive -= 1
    onChange?(each)
  }

  func forgot(_ each: Each) {
    known -= 1
    onGone?(each)
    if known == 0 { onUnused?() }
  }

  /// Gives up the places of those that have ended, and sorts the others in.
  private func arrange() {
    let late = unplaced.filter(\.isActive).sorted { $0.rank < $1.rank }
    let arranged = Registrations.merge(placed.filter(\.isActive), ContiguousArray(late))
    for each in placed where !each.isActive { each.isListed = false }
    for each in unplaced where !each.isActive { each.isListed = false }
    placed = arranged
    unplaced = []
    inactive = 0
  }
}

/// Lists of registrations by what they hear of or surround: handlers by type, hooks by store.
///
/// A list is there while one of its registrations is active or may come back.
package final class RegistrationTable<Key: Hashable, Member> {
  package typealias Each = Registration<Member>

  private let world: WorldPresence
  private var system: StoreSystem { world.system(of: "Registrations") }
  // Not checked for overlapping access: a list is found, put or taken out in one step that calls no other code.
  @exclusivity(unchecked) private var ownLists: [Key: Registrations<Member>] = [:]
  private var lists: [Key: Registrations<Member>] {
    get { unsafe ownLists }
    _modify { yield unsafe &ownLists }
  }
  /// Hears of each member that begins or stops to hear.
  package var onChange: ((Key, Each) -> Void)?
  /// Hears of each that is over for good.
  package var onGone: ((Key, Each) -> Void)?

  package init(in system: StoreSystem) { world = system.presence }

  /// Whether there is none.
  package var isEmpty: Bool { lists.isEmpty }
  /// What there is something for.
  package var keys: [Key] { lists.compactMap { $0.value.isEmpty ? nil : $0.key } }

  /// The registrations for a key; nil where there are none.
  package subscript(key: Key) -> Registrations<Member>? { lists[key] }

  /// Whether something is registered for a key.
  package func has(_ key: Key) -> Bool { lists[key]?.isEmpty == false }

  /// Adds a member behind all others of its key; undone with the turn.
  package func add(
    _ member: Member,
    for key: Key,
    _ line: @autoclosure () -> Ranks.Line
  ) -> Each {
    if let list = lists[key] { return list.add(member, line()) }
    let list = Registrations<Member>(in: system)
    if onChange != nil { list.onChange = { [unowned self] in onChange?(key, $0) } }
    if onGone != nil { list.onGone = { [unowned self] in onGone?(key, $0) } }
    list.onUnused = { [unowned self] in lists[key] = nil }
    lists[key] = list
    return list.add(member, line())
  }

  /// What hears now, by key and in order.
  package var members: [Key: [Member]] {
    lists.compactMapValues { $0.isEmpty ? nil : $0.members }
  }

  package func removeAll() { lists = [:] }
}
