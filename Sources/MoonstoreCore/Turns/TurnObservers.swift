package import MoonValue

/// The observers of a system in order, and the record of the turn under way.
///
/// Takes from the turn where it begins, settles, commits and ends, and from the log what it did; gives the observers the
/// record, as far as one of them asks for it. While there are none, a turn asks `isActive` and nothing else.
final class TurnObservers {
  private struct Member {
    let observer: any TurnObserver
    let details: TurnDetails
    let isOnlyForReports: Bool
  }

  private unowned let system: StoreSystem
  private lazy var members = Registrations<Member>(in: system) { [unowned self] _ in review() }
  /// What is asked for by any observer.
  private(set) var details: TurnDetails = []
  private var current: TurnRecord?
  private var turnCount: UInt64 = 0
  /// The prefixes whose ids were counted on since the last commit.
  private var usedPrefixes: Set<String> = []
  /// What is done and not final yet, by step of settling.
  private var staged: [TurnGist] = []

  init(of system: StoreSystem) { self.system = system }

  func add(_ observer: any TurnObserver, isOnlyForReports: Bool = false) -> Subscription {
    members.add(
      Member(
        observer: observer,
        details: isOnlyForReports ? [] : observer.details,
        isOnlyForReports: isOnlyForReports
      ),
      Ranks.Line(.observer, owner: "swift"),
      isUndoable: false
    )
  }

  private func review() {
    details = []
    var isActive = false
    for member in members.members where !member.isOnlyForReports {
      details.formUnion(member.details)
      isActive = true
    }
    system.isObserved = isActive
    if isActive, system.isInTurn, current == nil { begin(TurnOrigin(.swift)) }
    if !isActive { (current, staged) = (nil, []) }
  }

  // MARK: A turn

  func begin(_ origin: TurnOrigin) {
    turnCount += 1
    current = TurnRecord(number: turnCount, origin: origin, time: system.clock.now)
  }

  func note(_ input: TurnInput) { current?.inputs.append(input) }

  func noteID(_ prefix: String) { usedPrefixes.insert(prefix) }

  func note(_ wait: TurnWait) { current?.waits.append(wait) }

  /// Takes what the log says, before it is sealed or cleared.
  func stage(_ gist: TurnGist) { staged.append(gist) }

  /// How much is staged, to go back to when a commit is refused.
  var stageCount: Int { staged.count }

  func dropStages(from count: Int) { staged.removeSubrange(min(count, staged.count)...) }

  /// Asks the observers whether what was staged may become final.
  ///
  /// - Returns: The record of it.
  /// - Throws: The first refusal.
  func willCommit() throws(StoreError) -> CommitRecord? {
    guard let current else { return nil }
    var commit = CommitRecord(
      number: system.commitNumber + 1,
      time: system.clock.now,
      changes: [],
      stores: [],
      gone: [],
      messages: [],
      events: []
    )
    for gist in staged { gist.add(to: &commit) }
    for prefix in usedPrefixes { commit.ids[prefix] = system.idCounts[prefix] }
    commit.random = system.randomState
    let tree = system.tree
    commit.stores = TurnGist.present(in: staged).map { StoreImage(of: $0, in: tree) }
    try tell { (observer) throws(StoreError) in
      try observer.willCommit(commit, of: current)
    }
    return commit
  }

  func didCommit(_ commit: CommitRecord) {
    staged = []
    usedPrefixes = []
    current?.commits.append(commit)
    guard let current else { return }
    tell { $0.didCommit(commit, of: current) }
  }

  /// Says that the turn under way does not end well; what it had committed before may still have effects.
  func fail(_ outcome: TurnRecord.Outcome) { current?.outcome = outcome }

  func end() {
    guard let turn = current else { return }
    current = nil
    tell { $0.turnDidEnd(turn) }
  }

  /// Tells each observer of turns, in order.
  private func tell<Failure: Error>(
    _ body: (any TurnObserver) throws(Failure) -> Void
  ) throws(Failure) {
    for each in members.all where each.isActive {
      guard let member = each.member, !member.isOnlyForReports else { continue }
      try body(member.observer)
    }
  }

  func report(_ error: StoreError) {
    for each in members.all where each.isActive { each.member?.observer.didReport(error) }
  }
}

/// What one step of a turn did, taken from its log.
package struct TurnGist {
  var changes: [StoreChange] = []
  /// The stores that came or changed as a whole, and those that have gone, in order.
  var stores: [(store: LiveStore, isGone: Bool)] = []
  var messages: [SentMessage] = []
  var events: [StoreEvent] = []

  func add(to commit: inout CommitRecord) {
    commit.changes += changes
    commit.messages += messages
    commit.events += events
    for (store, isGone) in stores {
      commit.gone.removeAll { $0 == store.id }
      if isGone { commit.gone.append(store.id) }
    }
  }

  /// The stores that are to be shown as they are now.
  static func present(in gists: [TurnGist]) -> [LiveStore] {
    var found: [LiveStore] = []
    for (store, isGone) in gists.flatMap(\.stores) {
      found.removeAll { $0.id == store.id }
      if !isGone { found.append(store) }
    }
    return found
  }
}

/// A store became another version: what it is made of, and its state, are told as a whole.
final class NewVersionMark: UndoableEvent {
  private let store: LiveStore

  init(_ store: LiveStore) { self.store = store }

  func undo() {}
  func tell(_ gist: inout TurnGist, _ details: TurnDetails) {
    if details.contains(.stores) { gist.stores.append((store, isGone: false)) }
  }
}

extension StoreSystem {
  /// Notes for the observers that a store becomes another version.
  func noteNewVersion(of store: LiveStore) {
    if isObserved, isInTurn { tree.note(NewVersionMark(store)) }
  }

  /// Notes what code learned from the outside.
  package func noteInput(_ name: @autoclosure () -> String, _ value: @autoclosure () -> Value) {
    guard isObserved, observers.details.contains(.inputs) else { return }
    observers.note(TurnInput(name(), value()))
  }

  /// Notes that a run waits for the outside.
  package func noteWait(of run: Int, for reason: @autoclosure () -> String) {
    if isObserved { observers.note(TurnWait(run: run, reason: reason())) }
  }

  /// Whether observers want to know with what a turn is begun.
  package var wantsArguments: Bool { isObserved && observers.details.contains(.arguments) }

  /// What the log says of the step under way, with what it has changed.
  func gist(_ changes: [StoreChange]) -> TurnGist {
    var gist = TurnGist()
    let details = observers.details
    if details.contains(.changes) { gist.changes = changes }
    guard !details.isDisjoint(with: [.messages, .events, .stores]) else { return gist }
    for change in tree.log {
      if case .event(let event) = change.operation { event.tell(&gist, details) }
    }
    return gist
  }
}
