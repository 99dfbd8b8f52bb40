public import MoonValue
public import MoonstoreCore
import MoonLua

/// An action of a store of a host that was looked up once and is called many times, from anywhere.
///
/// See `PreparedAction`, which is the same inside of the host's isolation domain. It goes on to mean the action of this
/// name in the store that has the handle's id, whatever is reloaded, and asks at each call whether its holder may call
/// it.
///
/// ```swift
/// let add = try await cart.action("addItem")
/// try await add("85123A", 6)
/// let pieces = try await add("85123A", 6, as: Int.self)
/// ```
public struct ActionHandle: Sendable {
  /// The store.
  public let store: StoreHandle
  /// The action's name.
  public let name: String
  let preparation: Preparation

  init(_ name: String, of store: StoreHandle) {
    self.store = store
    self.name = name
    preparation = Preparation()
  }

  /// Calls the action with values of Swift types, and waits for its end.
  ///
  /// - Throws: `StoreError` that names script, line, store and action; what the action did is undone.
  @discardableResult
  public func callAsFunction<each Argument: Encodable & Sendable>(
    _ argument: repeat each Argument
  ) async throws(StoreError) -> Value {
    // Encoded where the values are: they need not be the host's.
    var arguments: [Value] = []
    repeat arguments.append(try PreparedAction.value(each argument, name))
    return try await call(arguments)
  }

  /// Calls the action with values of Swift types, and decodes its result.
  public func callAsFunction<each Argument: Encodable & Sendable, Result: Decodable>(
    _ argument: repeat each Argument,
    as type: Result.Type
  ) async throws(StoreError) -> Result {
    let value = try await callAsFunction(repeat each argument)
    return try PreparedAction.result(of: value, as: type, store.id, name)
  }

  /// Calls the action with plain data.
  @discardableResult
  public func callAsFunction(_ arguments: Value...) async throws(StoreError) -> Value {
    try await call(arguments)
  }

  /// Calls the action with a list of arguments.
  @discardableResult
  public func call(_ arguments: [Value]) async throws(StoreError) -> Value {
    try await store.host.call(self, arguments)
  }
}

extension ActionHandle {
  /// What a host has found for an action, with what that depends on.
  final class Preparation: Sendable {
    struct Found {
      let action: PreparedAction
      /// The stores that there were, by the registry's count.
      let stores: Int
    }

    // Safe: only the host whose handle this belongs to reads and sets it, isolated to itself.
    nonisolated(unsafe) var found: Found?
  }
}

extension StoreHost {
  func prepare(_ handle: StoreHandle, _ name: String) throws(StoreError) -> ActionHandle {
    let action = ActionHandle(name, of: handle)
    unsafe action.preparation.found = try find(action)
    return action
  }

  private func find(_ action: ActionHandle) throws(StoreError) -> ActionHandle.Preparation.Found {
    ActionHandle.Preparation.Found(
      action: try resolve(action.store).action(action.name),
      stores: engine.system.registry.generation
    )
  }

  /// The action as it is now: another store can have the id meanwhile.
  private func prepared(_ action: ActionHandle) throws(StoreError) -> PreparedAction {
    try check()
    let stores = engine.system.registry.generation
    if let found = unsafe action.preparation.found, found.stores == stores { return found.action }
    let found = try find(action)
    unsafe action.preparation.found = found
    return found.action
  }

  func call(
    _ action: ActionHandle,
    _ arguments: [Value]
  ) async throws(StoreError) -> Value {
    let prepared = try prepared(action)
    let live = prepared.store.live
    let place = try prepared.checkedPlace()
    guard live.number(ofAction: place) >= 0 else { return try prepared.call(arguments) }
    return try await call(live, place) { (machine) throws(StoreError) in
      for argument in arguments { machine.append(argument) }
    }
  }
}
