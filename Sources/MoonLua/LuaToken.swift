internal import CMoonBridge
package import MoonValue

/// A value in the machine's token buffer, read in place: scalars, objects, and containers whose
/// parts follow.
///
/// It is valid while the call that it came with runs.
@safe package struct LuaToken {
  package enum Kind: UInt32 {
    case `nil`, no, yes, integer, number, string, null, object, reference, array, map, empty
  }

  @usableFromInline let machine: OpaquePointer
  package private(set) var position: Int

  init(machine: OpaquePointer, position: Int) {
    unsafe self.machine = unsafe machine
    self.position = position
  }

  // An index, since a nested call can move the buffer.
  private var raw: mb_value { unsafe mb_tokens(machine)[position] }

  package var kind: Kind { unsafe Kind(rawValue: raw.tag) ?? .nil }
  package var integer: Int64 { unsafe raw.bits }
  package var number: Double { unsafe Double(bitPattern: UInt64(bitPattern: raw.bits)) }
  package var count: Int { unsafe Int(raw.bits) }
  package var reference: Int32 { unsafe Int32(truncatingIfNeeded: raw.bits) }
  /// The Lua type of a reference: 5 is a table, 6 a function, 8 a coroutine.
  package var referenceType: UInt32 { unsafe raw.extra & 0xFF }

  /// The line at which a function begins that `LuaTable.fields` has found.
  var line: Int? {
    guard kind == .reference, let line = unsafe raw.pointer else { return nil }
    return Int(bitPattern: line)
  }

  /// Takes over the reference: whoever asks releases it.
  func adopt() -> Int32 { unsafe mb_token_adopt(machine, position) }

  package var object: LuaObject {
    let value = unsafe raw
    return unsafe LuaObject(
      kind: UInt16(truncatingIfNeeded: value.extra),
      grant: UInt16(truncatingIfNeeded: value.extra >> 16),
      pointer: value.pointer
    )
  }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    let value = unsafe raw
    // The string is anchored on Lua's stack or copied to the machine's arena while the call runs.
    return unsafe body(UnsafeRawBufferPointer(start: value.pointer, count: Int(value.bits)))
  }

  /// A string as text; bytes that are no UTF-8 come as `nil`.
  package var string: String? {
    unsafe withBytes { unsafe String(lua: $0) }
  }

  /// The same, made or found by `share`, which gets the bytes and what makes a text of them.
  package func string(
    sharedBy share: (UnsafeRawBufferPointer, (UnsafeRawBufferPointer) -> String?) -> String?
  ) -> String? {
    unsafe withBytes { unsafe share($0, String.init(lua:)) }
  }

  /// Whether a string has the bytes of a text.
  package func hasSameBytes(as text: String) -> Bool {
    unsafe withBytes { bytes in
      guard text.utf8.count == bytes.count else { return false }
      let isSame = unsafe text.utf8.withContiguousStorageIfAvailable {
        unsafe $0.elementsEqual(bytes)
      }
      if let isSame { return isSame }
      return unsafe text.utf8.elementsEqual(bytes)
    }
  }

  package var bytes: [UInt8] {
    unsafe withBytes { unsafe [UInt8]($0) }
  }

  /// Goes to the token after this one, which for a container is its first part.
  package mutating func advance() { position += 1 }

  /// Copies the value that begins here, and goes behind it.
  ///
  /// An object is what `resolve` makes of it.
  package mutating func takeValue(
    resolve: (LuaObject) throws -> Value
  ) throws -> Value {
    let kind = kind
    let count = count
    defer {
      if kind != .array && kind != .map { advance() }
    }
    switch kind {
    case .nil, .null: return .null
    case .no: return .bool(false)
    case .yes: return .bool(true)
    case .integer: return .integer(integer)
    case .number: return .number(number)
    case .string: return string.map(Value.string) ?? .bytes(bytes)
    case .object: return try resolve(object)
    case .reference:
      throw LuaError(code: .conversion, message: "a function cannot be data")
    case .empty: return .empty
    case .array:
      advance()
      var elements: [Value] = []
      elements.reserveCapacity(count)
      for _ in 0..<count { elements.append(try takeValue(resolve: resolve)) }
      return .array(elements)
    case .map:
      advance()
      var pairs: ValueMap = [:]
      pairs.reserveCapacity(count)
      for _ in 0..<count {
        let key = takeKey()
        pairs[key] = try takeValue(resolve: resolve)
      }
      // Lua's own order differs from process to process.
      pairs.sortKeys()
      return .map(pairs)
    }
  }

  /// Reads a key of a map, and goes behind it.
  package mutating func takeKey() -> Value.Key {
    defer { advance() }
    if kind == .integer { return .integer(integer) }
    return string.map(Value.Key.string) ?? .bytes(bytes)
  }

  /// Goes behind the value that begins here.
  package mutating func skip() {
    let kind = kind
    let count = count
    advance()
    switch kind {
    case .array:
      for _ in 0..<count { skip() }
    case .map:
      for _ in 0..<(count * 2) { skip() }
    default: break
    }
  }
}
