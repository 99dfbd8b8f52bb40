public import MoonValue

/// What `configure` changes in a live store: what is new is added, what has a name that is there already
/// takes its place.
public struct StoreConfiguration {
  /// Another name for people.
  public var name: String?
  /// Another description.
  public var metadata: Value?
  /// Another list of the stores that this one needs.
  public var dependencies: [String]?
  /// Another list of what others may do with the store.
  public var permissions: [Permission]?
  /// What the state begins with besides what it has; maps merge.
  ///
  /// The live store gets the fields that it lacks and keeps the values of the others; after a reset it has
  /// all of these.
  public var state: Value
  /// Getters, new or in the place of others.
  public var getters: [String: StoreDefinition.GetterBody]
  /// Actions, new or in the place of others.
  public var actions: [String: StoreDefinition.ActionBody]

  /// Makes a configuration.
  public init(
    state: Value = [:],
    getters: [String: StoreDefinition.GetterBody] = [:],
    actions: [String: StoreDefinition.ActionBody] = [:]
  ) {
    self.state = state
    self.getters = getters
    self.actions = actions
  }
}

@available(*, unavailable)
extension StoreConfiguration: Sendable {}

extension Store {
  /// Changes what the store is made of, while it lives: all of it or, when anything is wrong, nothing.
  ///
  /// Whoever holds an action reaches its new code; calls that are under way end on the old one. Getters are
  /// evaluated anew. A turn that fails takes it back.
  ///
  /// - Throws: `invalidDefinition` when a name would be two things or become another thing,
  ///   `missingDependency`, `dependencyCycle`; `permissionDenied` without the right `admin`.
  public func configure(_ configuration: StoreConfiguration) throws(StoreError) {
    guard let state = configuration.state.mapValue else {
      throw StoreError(
        .invalidDefinition,
        "the state that '\(id)' is configured with must be a map",
        store: id
      )
    }
    var revision = StoreRevision()
    revision.name = configuration.name
    revision.metadata = configuration.metadata
    revision.dependencies = configuration.dependencies
    revision.permissions = configuration.permissions
    revision.state = state
    revision.getters = configuration.getters.sorted { $0.key < $1.key }
      .map { ($0.key, live.system.evaluation(of: $0.value, live)) }
    revision.actions = configuration.actions.sorted { $0.key < $1.key }
      .map { ($0.key, .swift($0.value)) }
    try check(.dispose)
    try live.apply(revision)
  }
}
