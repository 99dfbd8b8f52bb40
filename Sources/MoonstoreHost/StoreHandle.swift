public import MoonValue
public import MoonstoreCore

/// A store of a host, from anywhere.
///
/// Every call is a turn of its own.
public struct StoreHandle: Sendable {
  /// The host.
  public let host: StoreHost
  /// The store's id.
  public let id: String

  /// Calls an action, and waits for its end.
  ///
  /// - Throws: `StoreError` that names script, line, store and action; what the action did is undone.
  @discardableResult
  public func call(_ action: String, _ arguments: Value...) async throws(StoreError) -> Value {
    try await host.call(id, action, arguments)
  }

  /// Calls an action with a list of arguments.
  @discardableResult
  public func call(_ action: String, arguments: [Value]) async throws(StoreError) -> Value {
    try await host.call(id, action, arguments)
  }

  /// Calls an action and decodes its result.
  public func call<T: Decodable>(
    _ action: String,
    _ arguments: Value...,
    as type: T.Type
  ) async throws(StoreError) -> T {
    let value = try await host.call(id, action, arguments)
    do {
      return try ValueDecoder().decode(type, from: value)
    } catch {
      throw StoreError(
        .notData,
        "\(id):\(action): \(error)",
        store: id,
        member: action,
        underlying: error
      )
    }
  }

  /// The value of a field of the state, or of a getter.
  public func get(_ name: String) async throws(StoreError) -> Value {
    let id = id
    return try await host.withStores { try $0.store(id).get(name) }
  }

  /// The value of a field or getter as a Swift type.
  public func get<T: Decodable & Sendable>(
    _ name: String,
    as type: T.Type
  ) async throws(StoreError) -> T {
    let id = id
    return try await host.withStores { try $0.store(id).get(name, as: type) }
  }

  /// The whole state, copied.
  public func state() async throws(StoreError) -> Value {
    let id = id
    return try await host.withStores { try $0.store(id).state }
  }

  /// Puts a value at a path such as `items[3].quantity`.
  public func set(_ path: String, _ value: Value) async throws(StoreError) {
    let id = id
    try await host.withStores { try $0.store(id).set(path, value) }
  }

  /// Merges a map into the state.
  public func patch(_ changes: Value) async throws(StoreError) {
    let id = id
    try await host.withStores { try $0.store(id).patch(changes) }
  }

  /// Puts the state back to what the definition begins with.
  public func reset() async throws(StoreError) {
    let id = id
    try await host.withStores { try $0.store(id).reset() }
  }

  /// Takes the store out of its host.
  public func dispose() async throws(StoreError) {
    let id = id
    try await host.withStores { try $0.store(id).dispose() }
  }

  /// The changes of the state from now on, each with its path, its old and its new value.
  ///
  /// - Parameter path: Only changes at or below this path, such as `items[1]`.
  /// - Returns: A stream that ends with its reader.
  /// - Throws: `unknownStore`, or `invalidArgument` for what is no path.
  public func changes(_ path: String? = nil) async throws(StoreError) -> AsyncStream<StatePatch> {
    try await host.changes(of: id, path: path)
  }
}
