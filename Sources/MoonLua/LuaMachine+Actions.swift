internal import CMoonBridge

/// How an action behaves when a script calls it.
package struct LuaActionFlags: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let takesSelf = LuaActionFlags(rawValue: UInt32(MB_ACTION_TAKES_SELF))
  package static let hooked = LuaActionFlags(rawValue: UInt32(MB_ACTION_HOOKED))
  /// Its store has left, and may come back.
  package static let gone = LuaActionFlags(rawValue: UInt32(MB_ACTION_GONE))
  package static let native = LuaActionFlags(rawValue: UInt32(MB_ACTION_NATIVE))
  package static let swift = LuaActionFlags(
    rawValue: UInt32(MB_ACTION_NATIVE) | UInt32(MB_ACTION_TAKES_SELF)
  )

  // Sets that are written as lists are built by generic code, at every use.
  package var surrounded: LuaActionFlags {
    LuaActionFlags(rawValue: rawValue | UInt32(MB_ACTION_HOOKED))
  }
}

extension LuaMachine {
  /// Keeps the userdata of a store's handle alive, for its actions.
  package func makeHandle(_ handle: LuaObject) throws(LuaError) -> LuaReference {
    let base = tokenCount
    let machine = try unsafe open()
    append(handle)
    return try takeReference(unsafe mb_make_handle(machine, base), base)
  }

  /// Makes an action of a store.
  ///
  /// - Parameters:
  ///   - object: The store's object.
  ///   - handle: Its userdata, which must outlive the action.
  ///   - function: A reference or a native's number.
  ///   - flags: How it behaves.
  /// - Returns: Its number.
  /// - Throws: `LuaError` with the code `memory` or `closed`.
  package func makeAction(
    of object: LuaObject,
    handle: LuaReference,
    function: Int32,
    flags: LuaActionFlags
  ) throws(LuaError) -> Int32 {
    let number = unsafe mb_action_new(
      try open(),
      object.pointer.unsafelyUnwrapped,
      handle.number,
      function,
      flags.rawValue
    )
    guard number >= 0 else {
      throw LuaError(code: .memory, message: "there is no memory for an action")
    }
    return number
  }

  /// The function for an action that its owner gets, made when it is first asked for; the action keeps it.
  package func ownClosure(ofAction action: Int32) throws(LuaError) -> Int32 {
    let machine = try unsafe open()
    let known = unsafe mb_action_own_reference(machine, action)
    if known != 0 { return known }
    let base = tokenCount
    try check(unsafe mb_action_own(machine, action), base)
    return unsafe mb_action_own_reference(machine, action)
  }

  /// A table of functions that give values the rights of a holder: attenuate(grant, ...), and
  /// for the frame of a layer around an action see(frame, grant, ...) and handOn(frame, ...).
  package func makeAttenuator() throws(LuaError) -> LuaReference {
    let base = tokenCount
    return try takeReference(unsafe mb_make_attenuator(try open()), base)
  }

  package func setFlags(_ flags: LuaActionFlags, ofAction action: Int32) {
    guard let machine = unsafe raw else { return }
    unsafe mb_action_set_flags(machine, action, flags.rawValue)
  }

  /// Puts other code behind an action; `function` is a reference or a native's number.
  package func setFunction(_ function: Int32, ofAction action: Int32) {
    guard let machine = unsafe raw else { return }
    unsafe mb_action_set_function(machine, action, function)
  }

  package func freeAction(_ action: Int32) {
    guard let machine = unsafe raw else { return }
    unsafe mb_action_free(machine, action)
  }

  /// The names of the parameters that callers of an action give; nil for one that is no Lua function.
  package func parameters(ofAction action: Int32) -> [String]? {
    guard let machine = unsafe raw, action >= 0 else { return nil }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4_096) {
      guard let start = $0.baseAddress,
        unsafe mb_action_parameters(machine, action, start, $0.count)
      else { return nil }
      return unsafe String(cString: start).split(separator: "\n").map(String.init)
    }
  }

  /// Calls of hooked actions go through this function: dispatcher(number, self, ...).
  ///
  /// It may leave a plan for an action with `keepPlan`: until something about the action changes, calls go to
  /// plan[0](plan, 1, self, ...).
  package func setDispatcher(_ function: LuaReference) {
    guard let machine = unsafe raw else { return }
    unsafe mb_set_dispatcher(machine, function.number)
  }

  /// Three functions for dispatchers: codeOf(number), which gives the code of an action and whether it takes the
  /// store, invoke(code, takesSelf, number, self, ...), which calls that, and keepPlan(number, plan).
  package func makeInvoker() throws(LuaError) -> (
    invoke: LuaReference, codeOf: LuaReference, keepPlan: LuaReference
  ) {
    let base = tokenCount
    try check(unsafe mb_make_invoker(try open()), base)
    defer { truncateTokens(to: base) }
    var token = try token(at: base)
    let invoke = LuaReference(adopting: token, machine: self)
    token.advance()
    let codeOf = LuaReference(adopting: token, machine: self)
    token.advance()
    return (invoke, codeOf, LuaReference(adopting: token, machine: self))
  }

  /// Two functions for the host's own Lua code: code(function), which tells functions apart that were
  /// compiled from different text, and captured(function, index), which gives the name and value of what a
  /// function has captured.
  package func makeInspectors() throws(LuaError) -> (code: LuaReference, captured: LuaReference) {
    let base = tokenCount
    try check(unsafe mb_make_inspectors(try open()), base)
    defer { truncateTokens(to: base) }
    var token = try token(at: base)
    let code = LuaReference(adopting: token, machine: self)
    token.advance()
    return (code, LuaReference(adopting: token, machine: self))
  }

  /// Tells the bridge which objects are store handles, which are tables to a script's `type`, and which lead to
  /// live state.
  package func setKinds(handle: UInt16, tables: [UInt16], live: [UInt16]) {
    guard let machine = unsafe raw else { return }
    unsafe mb_set_live_kinds(machine, live.reduce(0) { $0 | 1 << UInt32($1) })
    unsafe mb_set_handle_kind(machine, handle)
    unsafe mb_set_table_kinds(machine, tables.reduce(0) { $0 | 1 << UInt32($1) })
  }

  /// The function bind(function, value), which makes a function with a first argument of its own.
  package func makeBinder() throws(LuaError) -> LuaReference {
    let base = tokenCount
    return try takeReference(unsafe mb_make_binder(try open()), base)
  }

  /// Whether the code that runs is a driver's, whose calls are turns of their own.
  package var isDriving: Bool {
    get {
      guard let machine = unsafe raw else { return false }
      return unsafe mb_vm_is_driving(machine)
    }
    set {
      guard let machine = unsafe raw else { return }
      unsafe mb_vm_set_driving(machine, newValue)
    }
  }

  /// The script whose code runs, and the line where it stands.
  ///
  /// - Parameter script: Which script is meant, when the code of another one may have been called by it.
  /// - Returns: The place; nil when no code of a script runs.
  package func runningPlace(in script: String? = nil) -> (script: String, line: Int)? {
    guard let machine = unsafe raw else { return nil }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) {
      var line: Int32 = 0
      // Both texts are read and written during the call only.
      guard let start = $0.baseAddress,
        unsafe mb_running_place(machine, script, start, $0.count, &line)
      else { return nil }
      return unsafe (String(cString: start), Int(line))
    }
  }

  /// Bytes that Lua holds.
  package var memory: Int {
    guard let machine = unsafe raw else { return 0 }
    return unsafe mb_vm_memory(machine)
  }

  /// The most bytes that it has held above its quota, or 0.
  package var peakMemory: Int {
    guard let machine = unsafe raw else { return 0 }
    return unsafe mb_vm_peak(machine)
  }

  package func collect() {
    guard let machine = unsafe raw else { return }
    unsafe mb_vm_collect(machine)
    drainReleased()
  }

  /// The content of a table as tokens.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - strict: Whether tables with metatables are no data.
  /// - Returns: The first token.
  /// - Throws: `LuaError` whose message begins with the path to the part that is no data.
  package func data(of table: LuaReference, strict: Bool = false) throws(LuaError) -> LuaToken {
    let base = tokenCount
    try check(unsafe mb_table_data(try open(), table.number, strict), base)
    return try token(at: base)
  }

  /// What the `__tostring` of a table makes of it; nil when it has none.
  package func customText(of table: LuaReference) throws(LuaError) -> String? {
    let base = tokenCount
    try check(unsafe mb_custom_text(try open(), table.number), base)
    defer { truncateTokens(to: base) }
    return tokenCount > base ? try token(at: base).string : nil
  }

  /// Calls a function with the argument tokens from `base`; its results are data, from the returned
  /// position on.
  package func callData(_ function: LuaReference, base: Int) throws(LuaError) -> Int {
    try call(function, base: base, byReference: false)
  }

  /// Calls a function that may change or drop what it is given, with the argument tokens from `base`.
  ///
  /// One result follows from the returned position on where it is false or a table; otherwise there is none.
  package func callForVerdict(_ function: LuaReference, base: Int) throws(LuaError) -> Int {
    try check(unsafe mb_call(try open(), function.number, base, Int32(MB_AS_VERDICT)), base)
    return base
  }

  /// Calls a function with the argument tokens from `base`; each result is data where it can be state, and a
  /// reference otherwise.
  package func callState(_ function: LuaReference, base: Int) throws(LuaError) {
    try check(unsafe mb_call(try open(), function.number, base, Int32(MB_AS_STATE)), base)
  }

  /// The same; `byReference` tells how tables come back.
  package func call(
    _ function: LuaReference,
    base: Int,
    byReference: Bool
  ) throws(LuaError) -> Int {
    let tables = Int32(byReference ? MB_AS_REFERENCE : MB_AS_DATA)
    try check(unsafe mb_call(try open(), function.number, base, tables), base)
    return base
  }

  /// Calls a getter with its store's handle.
  ///
  /// The result is one token, at the returned position: data that may hold objects, or a function.
  package func callGetter(_ function: LuaReference, handle: LuaObject?) throws(LuaError) -> Int {
    let machine = try unsafe open()
    let base = tokenCount
    var token = unsafe mb_value(tag: UInt32(MB_NIL), extra: 0, bits: 0, pointer: nil)
    if let handle {
      unsafe token.tag = UInt32(MB_OBJECT)
      unsafe token.extra = UInt32(handle.kind) | UInt32(handle.grant) << 16
      unsafe token.pointer = unsafe handle.pointer
    }
    // Not held by the token: the handle outlives the call.
    try withExtendedLifetime(handle) { () throws(LuaError) in
      try check(unsafe mb_call_getter(machine, function.number, token), base)
    }
    return base
  }

  /// How often something in Lua has found a stack used up, also where a script has caught that.
  package var exhaustions: Int {
    guard let machine = unsafe raw else { return 0 }
    return Int(unsafe mb_vm_exhaustions(machine))
  }
}
