internal import CMoonBridge
package import MoonValue

/// Owns the C machine.
///
/// Handles share it, so that one that outlives `close()` finds it closed.
///
/// Takes calls from the handles and natives from the host, gives tokens to the bridge. Everything in it
/// belongs to the isolation domain that the `LuaVM` was made in.
@safe package final class LuaMachine {
  /// A Swift function that scripts call: argument tokens begin at `base`; it returns how many results it
  /// has appended, after it has dropped its arguments.
  package typealias Native = (_ call: LuaNativeCall) throws -> LuaNativeResult

  // Set once in `init`, valid until `close`, which every entry checks.
  private(set) var raw: OpaquePointer?
  // A machine that was closed from within: it goes when the last call into it has returned.
  private var retired: OpaquePointer?
  private var natives: [Native] = []
  // The host, which owns the machine, clears this before it goes; a weak reference would make every use
  // of the delegate slower.
  private unowned(unsafe) var delegate: (any LuaObjectDelegate)?
  /// What a suspended native waits for, until the run that it belongs to picks it up.
  package var pendingOperation: LuaAsyncOperation?

  var limits = LuaLimits.none
  /// How many seconds what runs has, for its error.
  var budgetUnderWay: Double?
  /// Hears of each call that ran over a limit.
  package var onOverrun: ((LuaError) -> Void)?
  // The watchdog calls it until the machine is closed.
  var stuckListener: StuckListener?

  var shortcutsBox: LuaShortcutsBox?

  package init() throws(LuaError) {
    var callbacks = unsafe LuaMachine.makeCallbacks()
    unsafe callbacks.owner = Unmanaged.passUnretained(self).toOpaque()
    guard let raw = unsafe mb_vm_new(&callbacks) else {
      throw LuaError(code: .memory, message: "there is no memory for a Lua machine")
    }
    unsafe self.raw = unsafe raw
  }

  deinit { close() }

  package var isClosed: Bool { unsafe raw == nil }

  package func close() {
    if let machine = unsafe raw {
      unsafe raw = nil
      unsafe retired = unsafe machine
      unsafe mb_set_shortcuts(machine, nil)
      shortcutsBox = nil
    }
    finishClosing()
  }

  private func finishClosing() {
    // A function that Lua has called may close the machine; the frames above it still use it.
    guard let machine = unsafe retired, unsafe !mb_vm_is_entered(machine) else { return }
    unsafe retired = nil
    unsafe mb_vm_close(machine)
    unsafe drainReleased(machine)
    unsafe mb_vm_free(machine)
    natives = []
    pendingOperation = nil
  }

  package func setDelegate(_ delegate: (any LuaObjectDelegate)?) {
    unsafe self.delegate = delegate
  }

  func open() throws(LuaError) -> OpaquePointer {
    guard let raw = unsafe raw else {
      finishClosing()
      throw LuaError.closed
    }
    return unsafe raw
  }

  /// Whether something in Lua carries a grant, or was not yet collected since it did.
  package func carries(_ grant: UInt16) -> Bool {
    guard let machine = unsafe raw else { return false }
    return unsafe mb_carries_grant(machine, grant)
  }

  /// Lets go of what Lua's collector has let go of, and of what was kept for a value on its way.
  ///
  /// Called where nothing of the host is half-done. What is still on its way is held by its token.
  package func drainReleased() {
    guard let machine = unsafe raw else { return finishClosing() }
    unsafe drainReleased(machine)
  }

  private func drainReleased(_ machine: OpaquePointer) {
    while let pointer = unsafe mb_vm_next_released(machine) {
      // Each pointer in the queue stands for one reference: of a userdata, of a value that was handed over, or of an
      // error that was left.
      unsafe Unmanaged<AnyObject>.fromOpaque(pointer).release()
    }
  }

  /// Whether Lua runs, or has called what runs.
  package var isEntered: Bool {
    guard let machine = unsafe raw else { return false }
    return unsafe mb_vm_is_entered(machine)
  }

  /// Forgets the symbols of strings, before one of them is given to another string; not while Lua runs.
  package func forgetSymbols() {
    guard let machine = unsafe raw, !isEntered else { return }
    unsafe mb_forget_symbols(machine)
  }

  // MARK: Tokens

  package var tokenCount: Int {
    guard let machine = unsafe raw else { return 0 }
    return unsafe mb_token_count(machine)
  }

  package func truncateTokens(to count: Int) {
    guard let machine = unsafe raw else { return }
    unsafe mb_tokens_truncate(machine, count)
  }

  package func token(at position: Int) throws(LuaError) -> LuaToken {
    unsafe LuaToken(machine: try open(), position: position)
  }

  /// From now on `pairs` and `next` walk over plain tables in an order that is the same in every process.
  package func setOrdered() {
    if let machine = unsafe raw { unsafe mb_set_ordered(machine) }
  }

  /// Appends the arguments of the driver's call under way; one that cannot cross is nil.
  package func appendDriverArguments() {
    if let machine = unsafe raw { _ = unsafe mb_append_driver_arguments(machine) }
  }

  private func append(tag: Int, bits: Int64 = 0) {
    guard let machine = unsafe raw else { return }
    unsafe mb_token_append(
      machine,
      mb_value(tag: UInt32(tag), extra: 0, bits: bits, pointer: nil),
      false
    )
  }

  package func appendNil() { append(tag: MB_NIL) }
  package func append(_ value: Bool) { append(tag: value ? MB_TRUE : MB_FALSE) }
  package func append(_ value: Int64) { append(tag: MB_INTEGER, bits: value) }
  package func append(_ value: Double) {
    append(tag: MB_NUMBER, bits: Int64(bitPattern: value.bitPattern))
  }
  /// Appends a reference, which the token keeps until Lua has it.
  package func append(_ reference: LuaReference) {
    guard let machine = unsafe raw else { return }
    var token = unsafe mb_value()
    unsafe token.hold(reference)
    unsafe mb_token_append(machine, token, false)
  }

  /// Appends an object, which the token keeps until Lua has it.
  package func append(_ object: LuaObject) {
    guard let machine = unsafe raw else { return }
    var token = unsafe mb_value()
    unsafe token.hold(object)
    unsafe mb_token_append(machine, token, false)
  }

  package func append(_ string: String) {
    var string = string
    // The machine copies the bytes.
    string.withUTF8 { unsafe append(bytes: UnsafeRawBufferPointer($0)) }
  }

  /// Appends a prefix with a number behind it as a string, without a text in between.
  package func append(_ prefix: StaticString, numbered number: Int) {
    let length = prefix.utf8CodeUnitCount
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: length + 20) { bytes in
      // The digits are put in from their end on; a number of 64 bits has at most 20 with its sign.
      var start = bytes.count
      var rest = number.magnitude
      repeat {
        start -= 1
        unsafe bytes[start] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      if number < 0 {
        start -= 1
        unsafe bytes[start] = UInt8(ascii: "-")
      }
      start -= length
      for index in 0..<length { unsafe bytes[start + index] = prefix.utf8Start[index] }
      // The machine copies the bytes.
      unsafe append(bytes: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[start...])))
    }
  }

  package func append(bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe append(bytes: $0) }
  }

  private func append(bytes: UnsafeRawBufferPointer) {
    guard let machine = unsafe raw else { return }
    let token = unsafe mb_value(
      tag: UInt32(MB_STRING),
      extra: 0,
      bits: Int64(bytes.count),
      pointer: bytes.baseAddress
    )
    unsafe mb_token_append(machine, token, true)
  }

  package func appendArray(count: Int) { append(tag: MB_ARRAY, bits: Int64(count)) }
  package func appendNull() { append(tag: MB_NULL) }

  package func append(_ key: Value.Key) {
    switch key {
    case .string(let string): append(string)
    case .bytes(let bytes): append(bytes: bytes)
    case .integer(let integer): append(integer)
    }
  }

  package func append(_ value: Value) {
    switch value {
    case .null: append(tag: MB_NULL)
    case .bool(let bool): append(bool)
    case .integer(let integer): append(integer)
    case .number(let number): append(number)
    case .string(let string): append(string)
    case .bytes(let bytes): append(bytes: bytes)
    case .array(let elements):
      append(tag: MB_ARRAY, bits: Int64(elements.count))
      for element in elements { append(element) }
    case .map(let pairs):
      append(tag: MB_MAP, bits: Int64(pairs.count))
      for (key, value) in pairs {
        append(key)
        append(value)
      }
    case .empty: append(tag: MB_EMPTY)
    }
  }

  // MARK: Natives

  /// Gives a Swift function a number and a Lua function; with `byReference` its table arguments are
  /// handles, otherwise data.
  package func makeNative(byReference: Bool, _ body: @escaping Native) throws(LuaError)
    -> LuaReference
  {
    let machine = try unsafe open()
    natives.append(body)
    let tables = Int32(byReference ? MB_AS_REFERENCE : MB_AS_DATA)
    let base = tokenCount
    let status = unsafe mb_make_native(machine, Int32(natives.count - 1), tables)
    return try takeReference(status, base)
  }

  /// Puts natives into a table, by name.
  package func set(
    _ natives: [LuaNativeEntry],
    in table: LuaTable
  ) throws(LuaError) {
    let machine = try unsafe open()
    let base = tokenCount
    let reference = try number(of: table.reference)
    // By twenties, so that the buffer of tokens need not grow for it.
    for start in stride(from: 0, to: natives.count, by: 20) {
      for native in natives[start..<min(start + 20, natives.count)] {
        append(native.name)
        append(Int64(native.number))
        append(native.byReference)
      }
      try check(unsafe mb_set_natives(machine, reference, base), base)
    }
  }

  /// Gives a Swift function a number only, for an action that is implemented in Swift.
  package func registerNative(_ body: @escaping Native) -> Int32 {
    natives.append(body)
    return Int32(natives.count - 1)
  }

  // MARK: Results and errors

  func takeReference(_ status: Int32, _ base: Int) throws(LuaError) -> LuaReference {
    try check(status, base)
    let reference = LuaReference(adopting: try token(at: base), machine: self)
    truncateTokens(to: base)
    return reference
  }

  /// Throws the error that a failed call has left as the token at `base`.
  func check(_ status: Int32, _ base: Int) throws(LuaError) {
    guard status != 0 else { return }
    throw try takeError(status, base)
  }

  func takeError(_ status: Int32, _ base: Int) throws(LuaError) -> LuaError {
    let machine = try unsafe open()
    defer { truncateTokens(to: base) }
    let traceback = unsafe String(cString: mb_traceback(machine))
    let line = unsafe mb_error_line(machine)
    let script = line > 0 ? unsafe String(cString: mb_error_source(machine)) : nil
    if status > Int32(MB_KILLED) {
      return limitError(
        status - Int32(MB_KILLED),
        script: script,
        line: line > 0 ? Int(line) : nil,
        traceback: LuaMachine.tidy(traceback)
      )
    }
    var error = LuaError(
      code: .runtime,
      message: "",
      script: script,
      line: line > 0 ? Int(line) : nil,
      traceback: LuaMachine.tidy(traceback)
    )
    guard tokenCount > base else { return error }
    var token = try token(at: base)
    switch token.kind {
    case .string:
      error.message = String(decoding: token.bytes, as: UTF8.self)
      if status == 3 {
        error.code = .syntax
      } else if status == 4 {
        error.code = .memory
      } else if error.isOfStack {
        error.code = .stackLimit
      }
      error.readPlace()
    case .object where token.object.kind == 1:
      let carried = token.object.instance(as: CarriedError.self)
      error.message = carried.text
      if let script = carried.script {
        error.script = script
        error.line = carried.line
      }
      if let own = carried.error as? LuaError {
        error.code = own.code
        error.underlying = own.underlying
        error.value = own.value
        if !own.traceback.isEmpty { error.traceback = own.traceback }
        error.message = own.message
      } else {
        error.code = .thrown
        error.underlying = carried.error
      }
    case .nil:
      error.message = "nil was raised as an error"
    default:
      let value = try? token.takeValue { _ in .null }
      error.value = value
      error.message = value.map(LuaError.text(of:)) ?? "an error without text"
    }
    var length = 0
    if let text = unsafe mb_error_text(machine, &length) {
      // The machine keeps the text until the next error.
      let bytes = unsafe UnsafeRawBufferPointer(start: text, count: length)
      error.message = unsafe String(decoding: bytes, as: UTF8.self)
    }
    return error
  }

  /// Drops the header, and the levels that belong to the bridge.
  static func tidy(_ traceback: String) -> String {
    traceback.split(separator: "\n")
      .filter { $0 != "stack traceback:" && !$0.hasSuffix("[C]: in ?") && !$0.contains("[host]:") }
      .map { $0.hasPrefix("\t") ? "  " + $0.dropFirst() : String($0) }
      .joined(separator: "\n")
  }

  // MARK: Callbacks

  private static func machine(_ owner: UnsafeMutableRawPointer) -> LuaMachine {
    // The C machine calls back only while its owner has not closed it, so the owner is alive.
    unsafe Unmanaged<LuaMachine>.fromOpaque(owner).takeUnretainedValue()
  }

  private func fail(_ error: any Error) -> Int32 {
    guard let machine = unsafe raw ?? retired else { return Int32(MB_RAISE) }
    let carried = CarriedError(error)
    // The machine takes over this reference and gives it back through its release queue.
    unsafe mb_set_error(machine, Unmanaged.passRetained(carried as AnyObject).toOpaque())
    return Int32(MB_RAISE)
  }

  package func leaveError(_ error: any Error) { _ = fail(error) }

  private func handle(_ object: UnsafePointer<mb_object>) -> LuaObject {
    let object = unsafe object.pointee
    return unsafe LuaObject(kind: object.kind, grant: object.grant, pointer: object.pointer)
  }

  @inline(__always)
  private func attempt(_ body: (any LuaObjectDelegate) throws -> Void) -> Int32 {
    // The delegate is the host, which owns the machine and outlives every call into it.
    guard let delegate = unsafe delegate else {
      return fail(LuaError(code: .closed, message: "nobody answers for this object any more"))
    }
    do {
      try body(delegate)
      return 0
    } catch {
      return fail(error)
    }
  }

  private static func makeCallbacks() -> mb_callbacks {
    unsafe mb_callbacks(
      owner: UnsafeMutableRawPointer(bitPattern: 8).unsafelyUnwrapped,
      native: { owner, function, base, count in
        let machine = unsafe LuaMachine.machine(owner)
        do {
          let call = LuaNativeCall(
            machine: machine,
            base: base,
            count: count < 0 ? 1 : Int(count),
            refused: count < 0 ? -Int(count) : 0
          )
          let result = try machine.natives[Int(function)](call)
          // What it has appended is gone if it has closed the machine.
          _ = try unsafe machine.open()
          switch result {
          case .results(let count): return Int32(count)
          case .wait: return Int32(MB_SUSPEND)
          }
        } catch {
          return machine.fail(error)
        }
      },
      index: { owner, object, key, result in
        let machine = unsafe LuaMachine.machine(owner)
        guard let raw = unsafe machine.raw else { return machine.fail(LuaError.closed) }
        let object = unsafe machine.handle(object)
        let result = unsafe LuaResult(result, machine: raw)
        let key = unsafe LuaKey(key)
        if object.kind == 1 {
          object.instance(as: CarriedError.self).read(key, result)
          // The host can give it methods.
          if unsafe machine.delegate == nil || result.isSet { return 0 }
        }
        return machine.attempt { try $0.index(object, key, result) }
      },
      assign: { owner, object, key, base in
        let machine = unsafe LuaMachine.machine(owner)
        guard let raw = unsafe machine.raw else { return machine.fail(LuaError.closed) }
        let object = unsafe machine.handle(object)
        let key = unsafe LuaKey(key)
        let value = unsafe LuaToken(machine: raw, position: base)
        if object.kind == 1 {
          return machine.fail(
            LuaError(code: .conversion, message: "the fields of an error cannot be changed")
          )
        }
        return machine.attempt { try $0.assign(object, key, value) }
      },
      length: { owner, object, result in
        let machine = unsafe LuaMachine.machine(owner)
        let object = unsafe machine.handle(object)
        return machine.attempt { unsafe result.pointee = Int64(try $0.length(object)) }
      },
      next: { owner, object, key, nextKey, value in
        let machine = unsafe LuaMachine.machine(owner)
        guard let raw = unsafe machine.raw else { return machine.fail(LuaError.closed) }
        let object = unsafe machine.handle(object)
        let key = unsafe LuaKey(key)
        let nextKey = unsafe LuaResult(nextKey, machine: raw, isKey: true)
        let value = unsafe LuaResult(value, machine: raw)
        return machine.attempt { try $0.next(object, key, nextKey, value) }
      },
      insert: { owner, object, position, base in
        let machine = unsafe LuaMachine.machine(owner)
        guard let raw = unsafe machine.raw else { return machine.fail(LuaError.closed) }
        let object = unsafe machine.handle(object)
        let value = unsafe LuaToken(machine: raw, position: base)
        return machine.attempt { try $0.insert(object, at: Int(position), value) }
      },
      remove: { owner, object, position, result in
        let machine = unsafe LuaMachine.machine(owner)
        guard let raw = unsafe machine.raw else { return machine.fail(LuaError.closed) }
        let object = unsafe machine.handle(object)
        let result = unsafe LuaResult(result, machine: raw)
        return machine.attempt { try $0.remove(object, at: Int(position), result) }
      },
      describe: { owner, object in
        let machine = unsafe LuaMachine.machine(owner)
        let object = unsafe machine.handle(object)
        var text = "host object"
        if object.kind == 1 {
          text = object.instance(as: CarriedError.self).text
        } else if let delegate = unsafe machine.delegate {
          text = delegate.describe(object)
        }
        guard let raw = unsafe machine.raw ?? machine.retired else { return }
        // The machine copies the text.
        text.withUTF8 {
          let start = unsafe UnsafeRawPointer($0.baseAddress)?.assumingMemoryBound(to: CChar.self)
          unsafe mb_set_text(raw, start, $0.count)
        }
      },
      refuse: { owner, object, key, path, pathLength, reason in
        let machine = unsafe LuaMachine.machine(owner)
        let bytes = unsafe UnsafeRawBufferPointer(start: path, count: pathLength)
        let path = unsafe String(decoding: bytes, as: UTF8.self)
        let reason = unsafe String(cString: reason)
        var keyText = ""
        if let key = unsafe key {
          let key = unsafe LuaKey(UnsafeMutablePointer(mutating: key))
          keyText = key.isInteger ? "[\(key.integer)]" : key.isNil ? "" : "." + (key.string ?? "?")
          if key.isInteger && key.integer == 0 { keyText = "[]" }
        }
        let object = unsafe object.map { unsafe machine.handle($0) }
        let error =
          unsafe machine.delegate?.refuse(object, key: keyText, path: path, reason: reason)
          ?? LuaError(code: .conversion, message: "\(keyText)\(path): \(reason)")
        _ = machine.fail(error)
      },
      missing: { owner, object, name in
        let machine = unsafe LuaMachine.machine(owner)
        let object = unsafe machine.handle(object)
        // Lua keeps the name while the callback runs.
        let name = unsafe String(cString: name)
        _ = machine.attempt { throw $0.missing(name, of: object) }
      },
      drive: { owner, action in
        let machine = unsafe LuaMachine.machine(owner)
        guard let delegate = unsafe machine.delegate, let raw = unsafe machine.raw else {
          return machine.fail(LuaError.closed)
        }
        switch delegate.drive(action) {
        case .done(let run):
          unsafe mb_set_driven(raw, run.handOver())
          return 0
        case .failed(let run):
          unsafe mb_set_driven(raw, run.handOver())
          return Int32(MB_RERAISE)
        case .refused(let error): return machine.fail(error)
        case .waiting: return Int32(MB_SUSPEND)
        }
      },
      savepoint: { owner in
        unsafe LuaMachine.machine(owner).delegate?.savepoint() ?? -1
      },
      rollback: { owner, savepoint in
        unsafe LuaMachine.machine(owner).delegate?.rollBack(to: savepoint)
      },
      begin_group: { owner, object, target in
        let machine = unsafe LuaMachine.machine(owner)
        guard let raw = unsafe machine.raw else { return machine.fail(LuaError.closed) }
        let object = unsafe object.map { unsafe machine.handle($0) }
        let target = unsafe LuaResult(target, machine: raw)
        return machine.attempt { try $0.beginGroup(object, target) }
      },
      end_group: { owner, succeeded in
        unsafe LuaMachine.machine(owner).attempt { try $0.endGroup(succeeded: succeeded) }
      },
      locate: { owner, error, source, line in
        // Errors are carried by this class only, and the machine holds a reference to it.
        let carried = unsafe Unmanaged<AnyObject>.fromOpaque(error).takeUnretainedValue()
        let script = unsafe String(cString: source)
        (carried as? CarriedError)?.locate(script: script, line: Int(line))
      },
      authorize: { owner, action, grant in
        unsafe LuaMachine.machine(owner).attempt { try $0.authorize(action, grant) }
      },
      same_store: { owner, one, other in
        guard let delegate = unsafe LuaMachine.machine(owner).delegate else { return false }
        // Both are the objects of userdata that the bridge has at hand.
        return unsafe delegate.isSameStore(
          Unmanaged<AnyObject>.fromOpaque(one).takeUnretainedValue(),
          Unmanaged<AnyObject>.fromOpaque(other).takeUnretainedValue()
        )
      },
      snapshot: { owner, object, result in
        let machine = unsafe LuaMachine.machine(owner)
        guard let raw = unsafe machine.raw else { return machine.fail(LuaError.closed) }
        let object = unsafe machine.handle(object)
        let result = unsafe LuaResult(result, machine: raw)
        return machine.attempt { try $0.snapshot(object, result) }
      },
      raised: { owner, error in
        let machine = unsafe LuaMachine.machine(owner)
        // Errors are carried by this class only, and the machine holds a reference to it.
        let carried = unsafe Unmanaged<AnyObject>.fromOpaque(error).takeUnretainedValue()
        guard let raised = (carried as? CarriedError)?.raised else { return 0 }
        machine.append(raised.value)
        guard let text = raised.text else { return 1 }
        machine.append(text)
        return 2
      },
      kind: { owner, object in
        let machine = unsafe LuaMachine.machine(owner)
        let object = unsafe machine.handle(object)
        var kind = MB_EMPTY
        let status = machine.attempt { delegate in
          switch try delegate.isArray(object) {
          case true?: kind = MB_ARRAY
          case false?: kind = MB_MAP
          case nil: break
          }
        }
        return status < 0 ? status : Int32(kind)
      },
      retain: { owner, pointer in
        _ = unsafe Unmanaged<AnyObject>.fromOpaque(pointer).retain()
        return unsafe LuaMachine.machine(owner).delegate?.takeGrowth() ?? 0
      },
      release: { owner in
        let machine = unsafe LuaMachine.machine(owner)
        if unsafe machine.delegate?.canLetGo ?? true { machine.drainReleased() }
      }
    )
  }
}

extension CarriedError {
  /// What `err.message` and its like give.
  fileprivate func read(_ key: LuaKey, _ result: LuaResult) {
    switch key.string {
    case "message": result.set(message)
    case "code": result.set(code)
    case "script": if let script { result.set(script) }
    case "line": if let line { result.set(Int64(line)) }
    case let name?: set(field: name, result)
    case nil: break
    }
  }
}

extension CarriedError {
  /// A plain field of the table that was raised.
  private func set(field: String, _ result: LuaResult) {
    switch value?[.string(field)] {
    case .bool(let bool): result.set(bool)
    case .integer(let integer): result.set(integer)
    case .number(let number): result.set(number)
    case .string(let string): result.set(string)
    case .bytes(let bytes): result.set(bytes)
    case .null: result.setNull()
    case .array, .map, .empty, nil: break
    }
  }
}

extension LuaError {
  /// Whether it is one of those that Lua and the bridge raise where a stack ends.
  fileprivate var isOfStack: Bool {
    guard message.contains("stack overflow") else { return false }
    let text = message.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? message
    return text.hasPrefix("stack overflow") || text.hasPrefix("C stack overflow")
      || message.hasPrefix("stack overflow") || message.hasPrefix("C stack overflow")
  }

  /// Takes the place from a message that begins with one, which is where the error was blamed.
  fileprivate mutating func readPlace() {
    let parts = message.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let number = Int(parts[1]), number > 0 else { return }
    if parts[0] != "[host]" {
      script = String(parts[0])
      line = number
      return
    }
    // A line of the host's own Lua tells scripts nothing: theirs was noted, if there is one.
    let text = parts[2].drop { $0 == " " }
    message = if let script, let line { "\(script):\(line): \(text)" } else { String(text) }
  }
}
