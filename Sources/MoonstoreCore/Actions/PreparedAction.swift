public import MoonValue

/// An action of a store that was looked up once and is called many times.
///
/// A call by it costs less than one by name, and is otherwise the same: it is a turn of its own, or a part of the
/// action's turn that makes it, and asks at each call whether its holder may call the action. It goes on to mean the
/// action of this name when the store is reloaded, and throws what a call by name would throw where the store has no such
/// action any more, was disposed, or permits it no more.
///
/// ```swift
/// let add = try cart.action("addItem")
/// try add("85123A", 6)
/// let pieces = try add("85123A", 6, as: Int.self)
/// ```
public final class PreparedAction {
  /// The store, with the rights that calls are made with.
  public let store: Store
  /// The action's name.
  public let name: String
  // Where it stands among the store's actions, and what names of the store meant when that was found.
  private var place: Int
  private var version: UInt64

  init(_ name: String, of store: Store) throws(StoreError) {
    self.store = store
    self.name = name
    let live = store.live
    guard let place = live.place(ofAction: name) else { throw live.noAction(name) }
    self.place = place
    version = live.nameVersion
  }

  /// The place of the action, for those who call it in a way of their own.
  ///
  /// - Throws: What a call throws before the action begins.
  package func checkedPlace() throws(StoreError) -> Int {
    try store.check(.call, .action(name))
    if store.live.nameVersion == version { return place }
    return try lookAgain()
  }

  @inline(never)
  private func lookAgain() throws(StoreError) -> Int {
    let live = store.live
    guard let found = live.place(ofAction: name) else { throw live.noAction(name) }
    place = found
    version = live.nameVersion
    return found
  }

  /// Calls the action without arguments.
  ///
  /// - Throws: What the action throws, after everything it did was undone.
  @discardableResult
  public func callAsFunction() throws(StoreError) -> Value {
    try store.perform(try checkedPlace()) { _ in }
  }

  /// Calls the action with values of Swift types.
  @discardableResult
  public func callAsFunction<each Argument: Encodable>(
    _ argument: repeat each Argument
  ) throws(StoreError) -> Value {
    try store.perform(try checkedPlace()) { (list) throws(StoreError) in
      repeat list.append(try PreparedAction.value(each argument, name))
    }
  }

  /// Calls the action with values of Swift types, and decodes its result.
  public func callAsFunction<each Argument: Encodable, Result: Decodable>(
    _ argument: repeat each Argument,
    as type: Result.Type
  ) throws(StoreError) -> Result {
    try PreparedAction.result(of: callAsFunction(repeat each argument), as: type, store.id, name)
  }

  /// Calls the action with plain data.
  @discardableResult
  public func callAsFunction(_ arguments: Value...) throws(StoreError) -> Value {
    try call(arguments)
  }

  /// Calls the action with a list of arguments.
  @discardableResult
  public func call(_ arguments: [Value]) throws(StoreError) -> Value {
    try store.perform(try checkedPlace()) { (list) throws(StoreError) in
      for argument in arguments { list.append(argument) }
    }
  }

  /// One argument as data; the most common types need no encoder.
  package static func value<Argument: Encodable>(
    _ argument: Argument,
    _ action: String
  ) throws(StoreError) -> Value {
    switch argument {
    case let value as Value: return value
    case let text as String: return .string(text)
    case let bool as Bool: return .bool(bool)
    case let integer as Int: return .integer(Int64(integer))
    case let number as Double: return .number(number)
    default: break
    }
    do {
      return try ValueEncoder().encode(argument)
    } catch {
      throw StoreError(
        .notData,
        "an argument of '\(action)' cannot be data: \(error)",
        member: action,
        underlying: error
      )
    }
  }

  /// What an action has returned, as a Swift type.
  package static func result<Result: Decodable>(
    of value: Value,
    as type: Result.Type,
    _ store: String,
    _ action: String
  ) throws(StoreError) -> Result {
    do {
      return try ValueDecoder().decode(type, from: value)
    } catch {
      throw StoreError(
        .notData,
        "\(store):\(action): \(error)",
        store: store,
        member: action,
        underlying: error
      )
    }
  }
}

@available(*, unavailable)
extension PreparedAction: Sendable {}
