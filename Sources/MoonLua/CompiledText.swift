internal import CMoonBridge
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A text of the host's own, which is compiled once in a process: other machines of it take over what the first one
/// has made.
///
/// What scripts write is never kept or taken over in this form, since Lua trusts it blindly.
package final class CompiledText: Sendable {
  private let source: @Sendable () -> String
  private let code = Mutex<[UInt8]>([])

  package init(_ source: @escaping @Sendable () -> String) { self.source = source }

  /// The function that the text is, in a machine.
  package func load(in vm: LuaVM) throws(LuaError) -> LuaFunction {
    let known = code.withLock { $0 }
    let machine = vm.machine
    if known.isEmpty {
      let function = try vm.load(source(), name: "=[host]")
      let made = try machine.compiled(function)
      code.withLock { $0 = made }
      return function
    }
    let raw = try unsafe machine.open()
    let base = machine.tokenCount
    // The machine copies what it keeps of the bytes.
    let status = unsafe known.withUnsafeBytes { bytes in
      unsafe bytes.baseAddress.map { unsafe mb_load_compiled(raw, $0, bytes.count) } ?? 0
    }
    return LuaFunction(try machine.takeReference(status, base))
  }
}

extension LuaMachine {
  /// What the compiler has made of a function; empty when memory is short.
  fileprivate func compiled(_ function: LuaFunction) throws(LuaError) -> [UInt8] {
    var length = 0
    let number = try number(of: function.reference)
    guard let bytes = unsafe mb_compiled(try open(), number, &length) else { return [] }
    defer { unsafe free(bytes) }
    // The bridge has just written them.
    return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: length))
  }
}
