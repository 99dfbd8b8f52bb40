internal import CMoonBridge

/// A function of a script, or one of Swift's that scripts can call.
///
/// Use it in the isolation domain of its machine. After the machine was closed every call throws
/// `LuaError` with the code `closed`.
public final class LuaFunction {
  package let reference: LuaReference

  package init(_ reference: LuaReference) { self.reference = reference }

  private var machine: LuaMachine { reference.machine }

  /// Calls it.
  ///
  /// It cannot wait; `callAsync` can.
  ///
  /// - Returns: All results; tables and functions as handles.
  @discardableResult
  public func call(_ arguments: LuaValue...) throws(LuaError) -> [LuaValue] {
    try call(arguments)
  }

  /// Calls it with a list of arguments.
  @discardableResult
  public func call(_ arguments: [LuaValue]) throws(LuaError) -> [LuaValue] {
    let raw = try unsafe machine.open()
    let base = machine.tokenCount
    do {
      for argument in arguments { try machine.append(argument) }
    } catch {
      machine.truncateTokens(to: base)
      throw error
    }
    let status = unsafe mb_call(raw, reference.number, base, Int32(MB_AS_REFERENCE))
    defer { machine.drainReleased() }
    try machine.check(status, base)
    return try machine.takeAll(from: base)
  }

  /// Calls it and decodes its first result.
  public func call<T: Decodable>(_ arguments: LuaValue..., as type: T.Type) throws(LuaError) -> T {
    let results = try call(arguments)
    return try (results.first ?? .nil).decode(as: type)
  }

  /// Where the function was defined, as chunk and line; `nil` for a Swift function.
  public var definition: (script: String, line: Int)? {
    guard let raw = unsafe machine.raw else { return nil }
    var line: Int32 = 0
    let found: String? = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) {
      guard let start = $0.baseAddress,
        unsafe mb_function_place(raw, reference.number, start, $0.count, &line)
      else { return nil }
      return unsafe String(cString: start)
    }
    return found.map { ($0, Int(line)) }
  }
}

@available(*, unavailable)
extension LuaFunction: Sendable {}
