import MoonLua
import MoonValue
import MoonstoreCore
import MoonstoreInterface

/// Reads the arguments of one native call, and refuses wrong ones in the same words for all functions:
/// `bus.subscribe: argument 2 must be a function, not nil`.
struct Arguments {
  let call: LuaNativeCall
  let engine: HostEngine
  private var native: NativeIdentity
  private var token: LuaToken
  private var remaining: Int
  /// The place of the next argument, as the script counts them.
  private var position: Int

  init(_ call: LuaNativeCall, _ engine: HostEngine, _ native: NativeIdentity) throws {
    self.call = call
    self.engine = engine
    self.native = native
    token = try call.arguments()
    remaining = call.count
    position = 1 - native.hidden
    if call.refused > 0 {
      // The bridge has found something in a table that is no data, and tells where.
      throw StoreError(
        .notData,
        "\(name): argument \(call.refused - native.hidden)\(token.string ?? "")"
      )
    }
  }

  /// What the script calls the function.
  var name: String { native.name }

  /// Lets one native speak for several functions of the interface.
  mutating func speak(as function: ScriptFunction) { native.function = function }

  func wrong(_ what: String) -> StoreError {
    StoreError(.invalidArgument, "\(name): \(what)")
  }

  /// What the next argument is, for messages.
  private var found: String {
    guard remaining > 0 else { return "nil" }
    switch token.kind {
    case .nil: return "nil"
    case .null: return "null"
    case .no, .yes: return "a boolean"
    case .integer, .number: return "a number"
    case .string: return "a string"
    case .array, .map, .empty: return "a table"
    case .object: return ObjectKind.words(token.object.kind)
    case .reference:
      switch token.referenceType {
      case 5: return "a table"
      case 6: return "a function"
      default: return "a coroutine"
      }
    }
  }

  /// Says that the next argument is something else than it must be.
  func mustBe(
    _ words: String,
    at position: Int? = nil,
    not found: String? = nil,
    of function: String? = nil
  ) -> StoreError {
    StoreError(
      .invalidArgument,
      "\(function ?? name): argument \(position ?? self.position) must be \(words), not \(found ?? self.found)"
    )
  }

  /// A number as scripts would write it.
  private func brief(_ number: Double) -> String {
    Int(exactly: number).map { "\($0)" } ?? "\(number)"
  }

  var isNil: Bool { remaining == 0 || token.kind == .nil }

  mutating func skip() {
    position += 1
    guard remaining > 0 else { return }
    remaining -= 1
    token.skip()
  }

  mutating func string() throws -> String {
    guard remaining > 0, token.kind == .string else { throw mustBe("a string") }
    guard let string = token.string else {
      throw wrong(
        "argument \(position) is not valid UTF-8 at byte \(token.bytes.firstInvalidByte + 1)"
      )
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
    guard let unit = engine.unit(namedBy: &self) else { return try string() }
    skip()
    return unit.name
  }

  mutating func optionalString() throws -> String? {
    if isNil {
      skip()
      return nil
    }
    return try string()
  }

  mutating func number() throws -> Double {
    guard remaining > 0 else { throw mustBe("a number") }
    switch token.kind {
    case .integer:
      defer { skip() }
      return Double(token.integer)
    case .number:
      defer { skip() }
      return token.number
    default: throw mustBe("a number")
    }
  }

  mutating func optionalNumber() throws -> Double? {
    if isNil {
      skip()
      return nil
    }
    return try number()
  }

  mutating func integer() throws -> Int {
    guard remaining > 0, token.kind == .integer, let integer = Int(exactly: token.integer) else {
      let isNumber = remaining > 0 && token.kind == .number
      throw mustBe("an integer", not: isNumber ? "\(token.number)" : nil)
    }
    skip()
    return integer
  }

  mutating func optionalInteger() throws -> Int? {
    if isNil {
      skip()
      return nil
    }
    return try integer()
  }

  /// How many; nil when nothing is said.
  mutating func count() throws -> Int? {
    if isNil {
      skip()
      return nil
    }
    guard token.kind == .integer || token.kind == .number else { throw mustBe("an integer") }
    let place = position
    let number = try number()
    guard number >= 0, let count = Int(exactly: number) else {
      throw mustBe("an integer from 0", at: place, not: brief(number))
    }
    return count
  }

  mutating func bool() -> Bool {
    defer { skip() }
    return remaining > 0 && token.kind != .nil && token.kind != .no
  }

  mutating func function(orElse words: String = "a function") throws -> LuaReference {
    guard remaining > 0, token.kind == .reference, token.referenceType == 6 else {
      throw mustBe(words)
    }
    let reference = LuaReference(adopting: token, machine: engine.machine)
    skip()
    return reference
  }

  /// A table, as it crosses by reference.
  mutating func table() throws -> LuaTable {
    guard remaining > 0, token.kind == .reference, token.referenceType == 5 else {
      throw mustBe("a table")
    }
    guard case .table(let table) = try luaValue() else { throw mustBe("a table") }
    return table
  }

  /// Refuses what is neither a table nor a function.
  func checkTableOrFunction() throws {
    let isPart = remaining > 0 && token.kind == .object && token.object.kind == ObjectKind.part
    guard
      remaining > 0,
      token.kind == .reference && (token.referenceType == 5 || token.referenceType == 6) || isPart
    else { throw mustBe("a table or a function") }
  }

  /// Any value; tables and functions as handles.
  mutating func luaValue() throws -> LuaValue {
    position += 1
    guard remaining > 0 else { return .nil }
    remaining -= 1
    return try engine.machine.take(&token)
  }

  /// A store, with the number of the rights that its handle carries.
  mutating func store() throws -> (store: LiveStore, grant: UInt16) {
    guard remaining > 0, token.kind == .object, token.object.kind == ObjectKind.store else {
      throw mustBe("a store")
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

  /// The table of options that the interface describes for the function; nothing where there is none.
  ///
  /// - Parameter place: Where it stands for the script, if that is not where it stands here.
  /// - Returns: The options that are given.
  /// - Throws: `invalidArgument` for a name that there is not, and for a value of another kind.
  mutating func options(at place: Int? = nil) throws -> ScriptOptions {
    if isNil {
      skip()
      return ScriptOptions()
    }
    switch token.kind {
    case .map, .empty: break
    case .array where token.count == 0: break
    case .object where token.object.kind == ObjectKind.part: break
    case .array: throw mustBe("a table of options", at: place, not: "a list")
    default: throw mustBe("a table", at: place)
    }
    let values = try value().mapValue ?? [:]
    try ScriptOptions.check(values, of: native.function, as: name)
    return ScriptOptions(values: values)
  }

  mutating func object(_ kind: UInt16) -> LuaObject? {
    guard remaining > 0, token.kind == .object, token.object.kind == kind else { return nil }
    let object = token.object
    skip()
    return object
  }

  mutating func value() throws -> Value {
    position += 1
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

  /// A table as data; null where there is none.
  mutating func optionalTableValue() throws -> Value {
    if isNil {
      skip()
      return .null
    }
    switch token.kind {
    case .map, .array, .empty: return try value()
    case .object where token.object.kind == ObjectKind.part: return try value()
    default: throw mustBe("a table")
    }
  }

  mutating func slot(for purpose: StateConversion.Purpose) throws -> StateSlot {
    position += 1
    guard remaining > 0 else { return .empty }
    remaining -= 1
    let native = native
    return try StateConversion(system: engine.system).slot(
      &token,
      for: purpose,
      at: "\(native.name): "
    )
  }

  /// A value for a place in a store's state, of a native that gets its tables as handles.
  mutating func state(of store: String, at place: String = "") throws -> StateSlot {
    position += 1
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

  /// A time in seconds.
  mutating func seconds() throws -> Double {
    let words = InterfaceKind.seconds.words
    let place = position
    guard remaining > 0, token.kind == .integer || token.kind == .number else {
      throw mustBe(words)
    }
    let seconds = try number()
    guard seconds >= 0, seconds < 1e9 else { throw mustBe(words, at: place, not: brief(seconds)) }
    return seconds
  }

  /// The same; nil where there is none.
  mutating func optionalSeconds() throws -> Double? {
    if isNil {
      skip()
      return nil
    }
    return try seconds()
  }
}
