import MoonLua
import MoonstoreCore

/// What the userdata of a host stand for.
enum ObjectKind {
  /// An error; MoonLua's own kind.
  static let error: UInt16 = 1
  /// A store by its id: the instance is a `StoreEntry`.
  static let store: UInt16 = 2
  /// A part of the state, of a message or of a getter's result: the instance is a `StateNode`.
  static let part: UInt16 = 3
  /// A `ref` or `computed` of a setup function: the instance is a `Cell`.
  static let cell: UInt16 = 4
  /// A message: the instance is a `Message`.
  static let message: UInt16 = 5
  /// A file that a script reads line by line, which scripts hold only inside of an iterator: the instance is a
  /// `LineReader`.
  static let file: UInt16 = 6

  /// What messages call an object.
  static func words(_ kind: UInt16) -> String {
    switch kind {
    case error: "an error"
    case store: "a store"
    // Scripts see it as a table.
    case part: "a table"
    case cell: "a ref"
    case message: "a message"
    default: "an object"
    }
  }
}

/// An id in the hands of one owner: what handles of scripts point to.
///
/// So they survive that a store is disposed
/// and made anew by its owner. Under another owner the id has another entry, and these handles find it disposed.
@safe final class StoreEntry {
  enum Owner {
    /// A script asked for a store of this id before any script has defined one.
    case unknown
    case swift
    case script(ExactName)
  }

  let id: String
  private(set) var owner: Owner
  /// Entries whose handles were given out before this one was known to be theirs: all show the same store.
  private var twins: [StoreEntry] = []
  private(set) var live: LiveStore? {
    didSet { unsafe present = live.map(Unmanaged.passUnretained) }
  }
  /// The same, for whoever looks without counting references.
  // Set together with `live`, which keeps it alive.
  private(set) var present: Unmanaged<LiveStore>?
  /// Whether there ever was a store of this id.
  private var wasThere = false
  private let graph: ReactiveGraph
  /// The graph's node for whether the store is there, once a getter has missed it.
  private var presence = NodeID.none

  init(id: String, owner: Owner = .unknown, graph: ReactiveGraph) {
    self.id = id
    self.owner = owner
    self.graph = graph
  }

  /// Takes the entry for an owner; false when another one has it.
  func claim(for claimant: Owner) -> Bool {
    switch (owner, claimant) {
    case (.unknown, _):
      owner = claimant
      return true
    case (.swift, .swift): return true
    case (.script(let mine), .script(let theirs)): return mine == theirs
    default: return false
    }
  }

  /// A handle that its owner was given while it defined the store is a handle of this entry.
  func add(twin: StoreEntry) {
    guard twin !== self, !twins.contains(where: { $0 === twin }) else { return }
    twins.append(twin)
    if let live { twin.put(live) }
  }

  func put(_ store: LiveStore) {
    live = store
    wasThere = true
    if presence != .none { graph.markChanged(presence) }
    for twin in twins { twin.put(store) }
  }

  func remove(_ store: LiveStore) {
    if live === store { live = nil }
    for twin in twins { twin.remove(store) }
  }

  @inline(__always)
  func store() throws(StoreError) -> LiveStore {
    if let live { return live }
    throw missing()
  }

  /// A getter that has found nothing here is evaluated anew when the store comes.
  func trackPresence() {
    guard graph.isTracking else { return }
    if presence == .none { presence = graph.makeSource() }
    graph.track(presence)
  }

  func missing() -> StoreError {
    trackPresence()
    guard wasThere else {
      return StoreError(
        .unknownStore,
        "the store '\(id)' is not there yet: a project's stores are made when all of its scripts have run; "
          + "use it in onLoad or in an action",
        store: id
      )
    }
    return StoreError(.disposed, "the store '\(id)' is not there: it was disposed", store: id)
  }
}

/// A value of a setup function: a field of the state, or something computed.
final class Cell {
  enum Content {
    /// A field of a part that holds the refs of one setup.
    case field(StateNode, position: Int)
    case computed(Getter)
  }

  var content: Content
  /// The name under which the setup function returned it.
  var name: String?

  init(_ content: Content) { self.content = content }

  deinit {
    // One with a name is the store's.
    if case .computed(let getter) = content, name == nil { getter.dispose() }
  }
}
