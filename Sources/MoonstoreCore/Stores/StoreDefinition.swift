public import MoonValue

/// What a store is made from: its state, getters, actions, and what it does with messages.
///
/// Scripts make definitions with `defineStore`; Swift makes them with this type.
public struct StoreDefinition {
  /// Evaluates a getter over its store.
  public typealias GetterBody = (_ store: Store) throws -> Value
  /// Runs an action; what it throws undoes the turn.
  public typealias ActionBody = (_ store: Store, _ arguments: [Value]) throws -> Value
  /// Handles a message.
  public typealias MessageBody = (_ store: Store, _ message: Message) throws -> Void
  /// Answers a request.
  public typealias AnswerBody = (_ store: Store, _ request: Message) throws -> Value

  /// The id that the store is found by; one store each.
  public var id: String
  /// A name for people; the id when none is given.
  public var name: String
  /// Anything that describes the store.
  public var metadata: Value = .map([:])
  /// The ids of stores that must be there before this one.
  public var dependencies: [String] = []
  /// What others may do with the store, such as `read`, `call:addItem`, `write:settings`.
  ///
  /// Without a list they may read and call. Its own actions may do everything, whoever calls them.
  public var permissions: [Permission]?
  /// What plugins are told about the store.
  public var options: Value = .map([:])
  /// Plugins of this store alone, after those of its host.
  public var plugins: [StorePlugin] = []
  /// The version of the state's form.
  public var version = 1
  /// Makes the initial state, a map; called once for each store and at each reset.
  public var state: () throws -> Value
  /// Values that follow from state, by name.
  public var getters: [String: GetterBody] = [:]
  /// Operations, by name.
  public var actions: [String: ActionBody] = [:]
  /// Handlers of messages, by message type.
  public var on: [String: MessageBody] = [:]
  /// Responders to requests, by message type.
  public var answers: [String: AnswerBody] = [:]

  /// Makes a definition.
  public init(
    _ id: String,
    name: String? = nil,
    state: @escaping @autoclosure () throws -> Value = [:],
    getters: [String: GetterBody] = [:],
    actions: [String: ActionBody] = [:]
  ) {
    self.id = id
    self.name = name ?? id
    self.state = state
    self.getters = getters
    self.actions = actions
  }
}

@available(*, unavailable)
extension StoreDefinition: Sendable {}
