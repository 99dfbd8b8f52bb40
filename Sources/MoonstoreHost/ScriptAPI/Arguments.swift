import MoonLua
import MoonValue
import MoonstoreCore

/// Reads the arguments of one native call, and says what is wrong with them in the script's words.
struct Arguments {
  let call: LuaNativeCall
  let engine: HostEngine
  /// What the script calls the function.
  let name: String
  private var token: LuaToken
  private var remaining: Int

  init(_ call: LuaNativeCall, _ engine: HostEngine, _ name: String) throws {
    self.call = call
    self.engine = engine
    self.name = name
    token = try call.arguments()
    remaining = call.count
  }

  private func wrong(_ what: String) -> StoreError {
    StoreError(.invalidArgument, "\(name): \(what)")
  }

  var isNil: Bool { remaining == 0 || token.kind == .nil }

  mutating func skip() {
    guard remaining > 0 else { return }
    remaining -= 1
    token.skip()
  }

  mutating func string(_ what: String) throws -> String {
    guard remaining > 0, token.kind == .string else { throw wrong("\(what) must be a text") }
    guard let string = token.string else {
      throw wrong("\(what) is not valid UTF-8 at byte \(token.bytes.firstInvalidByte + 1)")
    }
    skip()
    return string
  }

  /// The first argument that is left, without taking it; nil where it is no text.
  var firstString: String? { remaining > 0 && token.kind == .string ? token.string : nil }

  /// Whether the first argument that is left is this text.
  func begin(with text: String) -> Bool {
    remaining > 0 && token.kind == .string && token.hasSameBytes(as: text)
  }

  /// The name of the script that calls.
  mutating func script() throws -> String {
    // Found by its bytes, which needs no text for each call.
    guard let unit = engine.unit(namedBy: &self) else { return try string("the script") }
    skip()
    return unit.name
  }

  mutating func optionalString(_ what: String) throws -> String? {
    if isNil {
      skip()
      return nil
    }
    return try string(what)
  }

  mutating func number(_ what: String) throws -> Double {
    guard remaining > 0 else { throw wrong("\(what) must be a number") }
    defer { skip() }
    switch token.kind {
    case .integer: return Double(token.integer)
    case .number: return token.number
    default: throw wrong("\(what) must be a number")
    }
  }

  mutating func optionalNumber(_ what: String) throws -> Double? {
    if isNil {
      skip()
      return nil
    }
    return try number(what)
  }

  mutating func integer(_ what: String) throws -> Int {
    guard remaining > 0, token.kind == .integer, let integer = Int(exactly: token.integer) else {
      throw wrong("\(what) must be a whole number")
    }
    skip()
    return integer
  }

  /// How many; nil when nothing is said.
  mutating func count(_ what: String) throws -> Int? {
    guard let number = try optionalNumber(what) else { return nil }
    guard number >= 0, let count = Int(exactly: number) else {
      throw wrong("\(what) must be a whole number from 0")
    }
    return count
  }

  mutating func bool() -> Bool {
    defer { skip() }
    return remaining > 0 && token.kind != .nil && token.kind != .no
  }

  mutating func function(_ what: String) throws -> LuaReference {
    guard remaining > 0, token.kind == .reference else { throw wrong("\(what) must be a function") }
    let reference = LuaReference(adopting: token, machine: engine.machine)
    skip()
    guard reference.isFunction else { throw wrong("\(what) must be a function") }
    return reference
  }

  /// Any value; tables and functions as handles.
  mutating func luaValue() throws -> LuaValue {
    guard remaining > 0 else { return .nil }
    remaining -= 1
    return try engine.machine.take(&token)
  }

  /// A store, with the number of the rights that its handle carries.
  mutating func store() throws -> (store: LiveStore, grant: UInt16) {
    guard remaining > 0, token.kind == .object, token.object.kind == ObjectKind.store else {
      throw wrong("the first argument must be a store, such as useStore(\"cart\") gives")
    }
    let object = token.object
    skip()
    return (try object.instance(as: StoreEntry.self).store(), object.grant)
  }

  /// A store, on which the holder has a right.
  mutating func store(_ right: Rights) throws -> LiveStore {
    let (store, grant) = try store()
    try engine.system.access.check(grant, Access(right, store, .store))
    return store
  }

  mutating func object(_ kind: UInt16) -> LuaObject? {
    guard remaining > 0, token.kind == .object, token.object.kind == kind else { return nil }
    let object = token.object
    skip()
    return object
  }

  mutating func value() throws -> Value {
    guard remaining > 0 else { return .null }
    remaining -= 1
    return try StateConversion(system: engine.system).value(&token)
  }

  /// The same; nil where the script gives nothing, as opposed to null.
  mutating func optionalValue() throws -> Value? {
    guard isNil else { return try value() }
    skip()
    return nil
  }

  mutating func slot(for purpose: StateConversion.Purpose) throws -> StateSlot {
    guard remaining > 0 else { return .empty }
    remaining -= 1
    return try StateConversion(system: engine.system).slot(&token, for: purpose, at: "\(name): ")
  }

  /// A value for a place in a store's state, of a native that gets its tables as handles.
  mutating func state(of store: String, at place: String = "") throws -> StateSlot {
    guard remaining > 0 else { return .empty }
    remaining -= 1
    return try engine.stateSlot(&token, of: store, at: place)
  }

  var hasMore: Bool { remaining > 0 }

  // MARK: Answers

  func none() -> LuaNativeResult {
    call.dropArguments()
    return .results(0)
  }

  func answer(_ value: Value) -> LuaNativeResult {
    call.dropArguments()
    engine.machine.append(value)
    return .results(1)
  }

  func answer(slot: StateSlot, grant: UInt16 = 0) -> LuaNativeResult {
    call.dropArguments()
    engine.machine.append(slot, grant: grant)
    return .results(1)
  }

  func answer(_ object: LuaObject) -> LuaNativeResult {
    call.dropArguments()
    engine.machine.append(object)
    return .results(1)
  }

  /// Refuses to wait where nothing can be suspended; `name` is what the script calls the function.
  func checkWait(_ name: String) throws {
    if let script = engine.system.loading, engine.system.getterDepth == 1 {
      throw StoreError(
        .cannotWait,
        "\(name): a script that is being loaded cannot wait, and neither can its onLoad; do this in an action, or in "
          + "a task that onLoad begins with spawn",
        script: script
      )
    }
    try engine.system.forbidInGetter("wait (\(name))")
    try engine.checkFinal("wait (\(name))")
    if let refusal = engine.machine.waitRefusal {
      throw StoreError(refusal, of: name, in: engine.system.role)
    }
  }

  /// Suspends the script until the operation has ended; its value is what the call returns.
  ///
  /// - Parameters:
  ///   - function: What scripts call it, if that is not the name of the native.
  ///   - operation: What the script waits for.
  /// - Returns: What the native returns.
  /// - Throws: What says why it cannot wait.
  func wait(
    as function: String? = nil,
    _ operation: @escaping @Sendable () async throws -> Value
  ) throws -> LuaNativeResult {
    let name = function ?? name
    try checkWait(name)
    engine.wait = .operation(name, operation)
    return .wait
  }

  /// Suspends the script until something inside the host has ended.
  func wait(for awaited: Awaited) -> LuaNativeResult {
    engine.wait = .inside(awaited)
    return .wait
  }

  /// A time in seconds; nil where there is none.
  mutating func optionalSeconds(_ what: String) throws -> Double? {
    guard let seconds = try optionalNumber(what) else { return nil }
    return try checkSeconds(seconds, what)
  }

  func checkSeconds(_ seconds: Double, _ what: String) throws -> Double {
    guard seconds >= 0, seconds < 1e9 else { throw wrong("\(what) must be 0 or more seconds") }
    return seconds
  }
}
