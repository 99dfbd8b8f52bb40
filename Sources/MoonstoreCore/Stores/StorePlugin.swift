public import MoonValue

/// Adds to each store of a host what they are to have in common: fields, getters, actions, handlers.
///
/// It is called once for each store, when the store is registered and nobody has used it yet; if it throws,
/// there is no such store. Later plugins see what earlier ones have added.
public struct StorePlugin {
  /// What a plugin is told.
  public struct Context {
    /// The store, which can be used at once: read, patched, subscribed to.
    public let store: Store
    /// Its name for people.
    public let name: String
    /// What its definition says about it.
    public let metadata: Value
    /// What its definition tells plugins.
    public let options: Value
    /// Its id.
    public var id: String { store.id }
  }

  /// What a plugin adds to a store; a name that the store has already is an error.
  public struct Additions {
    /// Fields, with what they begin with.
    public var state: [String: Value]
    /// Values that follow from state.
    public var getters: [String: StoreDefinition.GetterBody]
    /// Operations.
    public var actions: [String: StoreDefinition.ActionBody]
    /// Handlers of messages, besides those of the store.
    public var on: [String: StoreDefinition.MessageBody] = [:]
    /// Responders to requests.
    public var answers: [String: StoreDefinition.AnswerBody] = [:]
    /// Runs instead of a reset; it gets what puts the state back in the plain way.
    public var reset: ((_ store: Store, _ plain: () throws -> Void) throws -> Void)?

    /// Makes additions.
    public init(
      state: [String: Value] = [:],
      getters: [String: StoreDefinition.GetterBody] = [:],
      actions: [String: StoreDefinition.ActionBody] = [:]
    ) {
      self.state = state
      self.getters = getters
      self.actions = actions
    }
  }

  /// What errors call it.
  public let name: String
  let extend: (Context) throws -> Additions?

  /// Makes a plugin.
  ///
  /// - Parameters:
  ///   - name: What errors call it.
  ///   - extend: Gives what a store gets, or nil for nothing.
  public init(_ name: String, _ extend: @escaping (_ context: Context) throws -> Additions?) {
    self.name = name
    self.extend = extend
  }
}

@available(*, unavailable)
extension StorePlugin: Sendable {}
@available(*, unavailable)
extension StorePlugin.Context: Sendable {}
@available(*, unavailable)
extension StorePlugin.Additions: Sendable {}

/// A plugin as the world holds it, whoever has written it.
package final class InstalledPlugin {
  /// What it belongs to: the script that brings it, or `swift`.
  package let owner: String
  let name: String
  /// Its place among the plugins of the host; nil for one that only some stores have.
  package fileprivate(set) var rank: Int?
  /// Whether it adds to every store.
  package var isGlobal: Bool { rank != nil }
  let install: (LiveStore, StoreAddition) throws -> Void

  package init(
    _ name: String,
    owner: String,
    install: @escaping (LiveStore, StoreAddition) throws -> Void
  ) {
    self.name = name
    self.owner = owner
    self.install = install
  }
}

extension StoreSystem {
  /// What the plugins are called, in order; those of scripts by their place.
  package var pluginNames: [String] { plugins.members.map(\.name) }

  package var pluginCount: Int { plugins.count }

  /// The plugins of the host that are so, in order.
  package func globalPlugins(where isWanted: (InstalledPlugin) -> Bool) -> [InstalledPlugin] {
    plugins.members.filter(isWanted)
  }

  /// Adds a plugin behind those that are there; stores that are defined from now on get it.
  public func use(plugin: StorePlugin) -> Subscription { use(plugin: installed(plugin)) }

  package func use(plugin: InstalledPlugin) -> Subscription {
    let registration = plugins.add(plugin, Ranks.Line(.plugin, owner: plugin.owner))
    plugin.rank = registration.rank
    return registration
  }

  /// Lets the plugins of the host and then those of the store itself add to a store.
  package func install(_ own: [InstalledPlugin], on live: LiveStore) throws(StoreError) {
    try install(only: plugins.members + own, on: live)
  }

  /// Lets some plugins add to a store.
  package func install(only plugins: [InstalledPlugin], on live: LiveStore) throws(StoreError) {
    for plugin in plugins {
      do {
        try plugin.install(live, live.begin(StoreAddition(of: plugin)))
      } catch {
        throw StoreError(wrapping: error)
          .located(store: live.id, member: "the plugin '\(plugin.name)'")
      }
    }
  }

  func installed(_ plugin: StorePlugin) -> InstalledPlugin {
    InstalledPlugin(plugin.name, owner: "swift") { [unowned self] live, addition in
      let context = StorePlugin.Context(
        store: live.face,
        name: live.definition.name,
        metadata: live.definition.metadata,
        options: live.definition.options
      )
      guard let additions = try plugin.extend(context) else { return }
      var revision = StoreRevision()
      revision.addsOnly = true
      for (name, value) in additions.state { revision.state[.string(name)] = value }
      revision.getters = additions.getters.sorted { $0.key < $1.key }
        .map { ($0.key, evaluation(of: $0.value, live)) }
      revision.actions = additions.actions.sorted { $0.key < $1.key }
        .map { ($0.key, .swift($0.value)) }
      if let reset = additions.reset {
        revision.reset = { [unowned live] plain in try reset(live.face, plain) }
      }
      try live.apply(revision, as: addition)
      addition.registrations += try subscribe(
        live,
        on: additions.on,
        answers: additions.answers
      )
    }
  }
}
