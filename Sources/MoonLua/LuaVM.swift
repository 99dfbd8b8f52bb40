internal import CMoonBridge
public import MoonValue

/// A Lua 5.4 virtual machine for Swift, usable without the rest of Moonstore.
///
/// Scripts get the safe part of the standard library: no files, no processes, no byte code, no debug
/// library. Errors of scripts, of memory and of Swift functions that scripts call all arrive as
/// `LuaError`; no Lua error ever crosses a Swift frame.
///
/// A machine and its handles belong to one isolation domain. Several machines are independent.
///
/// ```swift
/// let vm = try LuaVM()
/// try vm.globals.set("greet", to: .function(vm.makeFunction { arguments in
///   [.data(.string("Hello, \(try arguments[0].decode(as: String.self))!"))]
/// }))
/// let text = try vm.load("return greet(...)", name: "greeting").call("Ada", as: String.self)
/// ```
public final class LuaVM {
  package let machine: LuaMachine

  /// Makes a machine.
  ///
  /// - Parameters:
  ///   - limits: What its scripts may use.
  ///   - onStuck: Hears, on another thread, of a call that has gone on for ten times its time, since it is in
  ///     one long instruction or in a function of Swift's; it may not use, make or close a machine.
  /// - Throws: `LuaError` with the code `memory` or `invalidLimit`.
  public init(
    limits: LuaLimits = .none,
    onStuck: (@Sendable (_ seconds: Double) -> Void)? = nil
  ) throws(LuaError) {
    machine = try LuaMachine()
    if let onStuck { machine.onStuck(onStuck) }
    try machine.setLimits(limits)
  }

  /// What its scripts may use.
  public var limits: LuaLimits { machine.limits }

  /// Sets what its scripts may use, from the next call on.
  ///
  /// - Throws: `LuaError` with the code `invalidLimit`; the limits are as before then.
  public func setLimits(_ limits: LuaLimits) throws(LuaError) { try machine.setLimits(limits) }

  /// Whether a script was ended in a way after which it is better to begin with a new machine: it ran out
  /// of memory, or the machine did not do afterwards what every script relies on.
  public var needsReplacement: Bool { machine.isSuspect }

  deinit { machine.close() }

  /// Ends the machine and frees its memory.
  ///
  /// Handles that are still held throw `closed` from now on.
  public func close() { machine.close() }

  /// The release of the linked Lua, such as `Lua 5.4.4`.
  public static var release: String { unsafe String(cString: mb_lua_release()) }

  /// What the linked Lua cannot hold against a hostile script, in one sentence for people.
  public static var weakness: String {
    let collisions = "one instruction over keys that collide can run for seconds"
    guard mb_lua_release_number() < 50408 else {
      return "scripts are contained, but \(collisions)"
    }
    let concatenation =
      hasConcatenationBug ? ", and __concat works only where a script can wait" : ""
    return "scripts are semi-trusted: \(collisions), \(release) has bugs of its own that are "
      + "closed off as far as they are known\(concatenation); 5.4.8 or later is better"
  }

  /// Whether the linked Lua damages memory after a `__concat` metamethod, as Debian's 5.4.4-3 does.
  ///
  /// Machines keep it from doing so. What scripts see of that: `__concat` counts only in a metatable that had
  /// it when it was set, and is an error where a script cannot wait.
  package static var hasConcatenationBug: Bool { mb_lua_has_concatenation_bug() }

  /// Bytes that Lua holds now.
  public var memory: Int { machine.memory }

  /// Runs a full collection.
  public func collectGarbage() { machine.collect() }

  /// The table of global variables.
  public var globals: LuaTable {
    get throws(LuaError) {
      let base = machine.tokenCount
      return LuaTable(try machine.takeReference(unsafe mb_globals(try machine.open()), base))
    }
  }

  /// Compiles text (never byte code) into a function.
  ///
  /// - Parameters:
  ///   - source: The text.
  ///   - name: What errors call it, such as `stores/cart.lua`; with `=` in front it is the program's own,
  ///     and errors are blamed on whoever called it.
  ///   - environment: The table of its global variables; the machine's own when none is given.
  /// - Returns: The function; nothing of it has run yet.
  /// - Throws: `LuaError` with the code `syntax`, script and line.
  public func load(
    _ source: String,
    name: String,
    environment: LuaTable? = nil
  ) throws(LuaError) -> LuaFunction {
    let raw = try unsafe machine.open()
    let base = machine.tokenCount
    var globals: Int32 = 0
    if let environment { globals = try machine.number(of: environment.reference) }
    var source = source
    // The bridge copies what it keeps of the text.
    let status = source.withUTF8 { bytes in
      let start = unsafe UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
      return unsafe (name.hasPrefix("=") ? name : "@" + name).withCString {
        unsafe mb_load(raw, start ?? $0, bytes.count, $0, globals)
      }
    }
    if status != 0 {
      var error = try machine.takeError(status, base)
      error.traceback = ""
      if ![.memory, .timeLimit, .memoryLimit].contains(error.code) { error.code = .syntax }
      throw error
    }
    return LuaFunction(try machine.takeReference(0, base))
  }

  /// Compiles and calls text.
  @discardableResult
  public func run(_ source: String, name: String = "script") throws(LuaError) -> [LuaValue] {
    try load(source, name: name).call()
  }

  /// Makes a table in Lua from data.
  public func makeTable(_ value: Value = .empty) throws(LuaError) -> LuaTable {
    let raw = try unsafe machine.open()
    guard value.arrayValue != nil || value.mapValue != nil else {
      throw LuaError(code: .conversion, message: "a table is made from an array or a map")
    }
    let base = machine.tokenCount
    machine.append(value)
    return LuaTable(try machine.takeReference(unsafe mb_make_reference(raw, base), base))
  }

  /// Makes a Swift function that scripts can call.
  ///
  /// What it throws is raised in the script, and is the same error again when it comes back to
  /// Swift, as `LuaError.underlying`.
  ///
  /// The machine keeps the function until it is closed; do not capture the machine in it strongly.
  public func makeFunction(
    _ body: @escaping ([LuaValue]) throws -> [LuaValue]
  ) throws(LuaError) -> LuaFunction {
    let reference = try machine.makeNative(byReference: true) { [unowned machine] call in
      var token = try call.arguments()
      var arguments: [LuaValue] = []
      for _ in 0..<call.count { arguments.append(try machine.take(&token)) }
      call.dropArguments()
      let results = try body(arguments)
      for result in results { try machine.append(result) }
      return .results(results.count)
    }
    return LuaFunction(reference)
  }
}

@available(*, unavailable)
extension LuaVM: Sendable {}
