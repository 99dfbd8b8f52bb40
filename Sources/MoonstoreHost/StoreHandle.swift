public import MoonValue
public import MoonstoreCore

/// A store of a host, from anywhere.
///
/// Every call is a turn of its own. The program that has the host may do everything with its stores; for others
/// there are handles with fewer rights.
///
/// ```swift
/// let panel = try await host.store("cart", as: Principal(.swift, "panel"))  // what the cart permits to others
/// let viewer = panel.secured(["read"])                                      // and of that only to read
/// ```
public struct StoreHandle: Sendable {
  /// The host.
  public let host: StoreHost
  /// The store's id.
  public let id: String
  /// Who holds it; nil for the program itself.
  public let principal: Principal?
  /// What it was narrowed to, one list after another: it allows what all of them allow.
  let layers: [[Permission]]
  /// Whether what the store permits to others is a limit as well.
  let isOutside: Bool

  init(host: StoreHost, id: String, principal: Principal? = nil) {
    self.init(host: host, id: id, principal: principal, layers: [], isOutside: principal != nil)
  }

  private init(
    host: StoreHost,
    id: String,
    principal: Principal?,
    layers: [[Permission]],
    isOutside: Bool
  ) {
    self.host = host
    self.id = id
    self.principal = principal
    self.layers = layers
    self.isOutside = isOutside
  }

  /// The same store with fewer rights: only what the list says, of what this handle allows.
  ///
  /// What is no permission is an error of the calls that follow.
  ///
  /// - Parameters:
  ///   - permissions: Such as `read`, `call:addItem`, `write:settings`.
  ///   - principal: Who holds it, where nobody does yet.
  /// - Returns: The narrowed handle; no call of it gives rights back.
  public func secured(
    _ permissions: [Permission],
    for principal: Principal = Principal(.swift, "swift")
  ) -> StoreHandle {
    StoreHandle(
      host: host,
      id: id,
      principal: self.principal ?? principal,
      layers: layers + [permissions],
      isOutside: isOutside
    )
  }

  /// Looks an action up once, to call it many times.
  ///
  /// - Parameter name: The action's name.
  /// - Returns: The action, which asks for the rights of this handle at each call.
  /// - Throws: `unknownAction` with the name that was probably meant, `unknownStore` or `permissionDenied`.
  public func action(_ name: String) async throws(StoreError) -> ActionHandle {
    try await host.prepare(self, name)
  }

  /// Calls an action, and waits for its end.
  ///
  /// - Throws: `StoreError` that names script, line, store and action; what the action did is undone.
  @discardableResult
  public func call(_ action: String, _ arguments: Value...) async throws(StoreError) -> Value {
    try await host.call(self, action, arguments)
  }

  /// Calls an action with a list of arguments.
  @discardableResult
  public func call(_ action: String, arguments: [Value]) async throws(StoreError) -> Value {
    try await host.call(self, action, arguments)
  }

  /// Calls an action and decodes its result.
  public func call<T: Decodable>(
    _ action: String,
    _ arguments: Value...,
    as type: T.Type
  ) async throws(StoreError) -> T {
    let value = try await host.call(self, action, arguments)
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
    try await host.withStore(self) { try $0.get(name) }
  }

  /// The value of a field or getter as a Swift type.
  public func get<T: Decodable & Sendable>(
    _ name: String,
    as type: T.Type
  ) async throws(StoreError) -> T {
    try await host.withStore(self) { try $0.get(name, as: type) }
  }

  /// The whole state, copied.
  public func state() async throws(StoreError) -> Value {
    try await host.withStore(self) { try $0.state }
  }

  /// Puts a value at a path such as `items[3].quantity`.
  public func set(_ path: String, _ value: Value) async throws(StoreError) {
    try await host.withStore(self) { try $0.set(path, value) }
  }

  /// Merges a map into the state.
  public func patch(_ changes: Value) async throws(StoreError) {
    try await host.withStore(self) { try $0.patch(changes) }
  }

  /// Puts the state back to what the definition begins with.
  public func reset() async throws(StoreError) {
    try await host.withStore(self) { try $0.reset() }
  }

  /// Takes the store out of its host.
  public func dispose() async throws(StoreError) {
    try await host.withStore(self) { try $0.dispose() }
  }

  /// The changes of the state from now on, each with its path, its old and its new value.
  ///
  /// - Parameter path: Only changes at or below this path, such as `items[1]`.
  /// - Returns: A stream that ends with its reader.
  /// - Throws: `unknownStore`, or `invalidArgument` for what is no path.
  public func changes(_ path: String? = nil) async throws(StoreError) -> AsyncStream<StatePatch> {
    try await host.changes(of: self, path: path)
  }
}
