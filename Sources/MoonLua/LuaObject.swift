package import CMoonBridge

/// A userdata that stands for an object of the host, on its way in or out: what it is, and which rights its holder
/// has.
///
/// One that Swift has made keeps its instance. One that came from Lua is kept by its userdata, or by its token, as
/// long as the call that it came with runs.
@safe package struct LuaObject {
  /// What the pointer points to; 1 is a carried error, the host numbers the others.
  package let kind: UInt16
  /// 0 is the owner; the host numbers the others.
  package let grant: UInt16
  // `instance` turns it back, and shortcuts do, which must not count references.
  package let pointer: UnsafeRawPointer?
  @usableFromInline let owner: AnyObject?

  @inlinable
  package init(kind: UInt16, grant: UInt16, instance: AnyObject) {
    self.kind = kind
    self.grant = grant
    owner = instance
    unsafe pointer = UnsafeRawPointer(Unmanaged.passUnretained(instance).toOpaque())
  }

  @usableFromInline
  init(kind: UInt16, grant: UInt16, pointer: UnsafeRawPointer?) {
    self.kind = kind
    self.grant = grant
    owner = nil
    unsafe self.pointer = unsafe pointer
  }

  /// The instance, of the type that the host gave out under this kind.
  @inlinable
  package func instance<T: AnyObject>(as type: T.Type) -> T {
    // The host makes every object of a kind from one type, and a userdata holds a reference to its
    // instance; null, the one object without an instance, never reaches the host.
    unsafe Unmanaged<T>.fromOpaque(pointer.unsafelyUnwrapped).takeUnretainedValue()
  }
}

/// A key as Lua gave it.
///
/// Its bytes are valid during the call only.
@safe package struct LuaKey {
  @usableFromInline let raw: UnsafeMutablePointer<mb_key>

  @usableFromInline
  init(_ raw: UnsafeMutablePointer<mb_key>) { unsafe self.raw = unsafe raw }

  /// The number that the host knows this string by; 0 is none yet.
  ///
  /// Once set, it comes with the key.
  @inlinable package var symbol: UInt32 {
    get { unsafe raw.pointee.symbol }
    nonmutating set { unsafe raw.pointee.symbol = newValue }
  }

  @inlinable package var isInteger: Bool { unsafe raw.pointee.tag == UInt32(MB_INTEGER) }
  /// The start of an iteration.
  @inlinable package var isNil: Bool { unsafe raw.pointee.tag == UInt32(MB_NIL) }
  @inlinable package var integer: Int64 { unsafe raw.pointee.bits }

  @inlinable package var isString: Bool { unsafe raw.pointee.tag == UInt32(MB_STRING) }

  /// Hands out the bytes of a string key, and none of others.
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    guard isString else { return unsafe body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    // Lua keeps the string on its stack while the callback runs.
    return unsafe body(
      UnsafeRawBufferPointer(start: raw.pointee.pointer, count: Int(raw.pointee.bits))
    )
  }

  /// Whether it is this string.
  @inline(__always)
  package func matches(_ text: StaticString) -> Bool {
    guard isString else { return false }
    // Both are there during the call.
    let bytes = unsafe UnsafeRawBufferPointer(
      start: raw.pointee.pointer,
      count: Int(raw.pointee.bits)
    )
    let wanted = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return unsafe bytes.elementsEqual(wanted)
  }

  /// The string key as text; bytes that are no UTF-8, and numbers, come as `nil`.
  package var string: String? {
    guard isString else { return nil }
    return unsafe withBytes { unsafe String(lua: $0) }
  }
}

extension mb_value {
  /// Becomes an object that the value keeps until the bridge has pushed it.
  mutating func hold(_ object: LuaObject) {
    unsafe tag = UInt32(MB_OBJECT)
    unsafe extra = UInt32(object.kind) | UInt32(object.grant) << 16
    unsafe bits = Int64(MB_HELD)
    unsafe pointer = unsafe object.pointer
    // The bridge gives this reference up once the value has gone.
    guard let instance = unsafe object.pointer else { return }
    withExtendedLifetime(object.owner) {
      _ = unsafe Unmanaged<AnyObject>.fromOpaque(instance).retain()
    }
  }

  /// The same for a value of Lua's.
  mutating func hold(_ reference: LuaReference) {
    unsafe tag = UInt32(MB_REFERENCE)
    unsafe extra = UInt32(MB_HELD)
    unsafe bits = Int64(reference.number)
    unsafe pointer = UnsafeRawPointer(Unmanaged.passRetained(reference as AnyObject).toOpaque())
  }
}

/// Where a delegate puts what it hands to Lua, once.
///
/// Strings are copied at once; objects and references are kept until the bridge has pushed them.
@safe package struct LuaResult {
  @usableFromInline let raw: UnsafeMutablePointer<mb_value>
  @usableFromInline let machine: OpaquePointer
  @usableFromInline let isKey: Bool

  @usableFromInline
  init(_ raw: UnsafeMutablePointer<mb_value>, machine: OpaquePointer, isKey: Bool = false) {
    unsafe self.raw = unsafe raw
    unsafe self.machine = machine
    self.isKey = isKey
    unsafe raw.pointee.tag = UInt32(MB_NIL)
  }

  /// Whether something was put there.
  var isSet: Bool { unsafe raw.pointee.tag != UInt32(MB_NIL) }

  @inlinable package func set(_ value: Bool) {
    unsafe raw.pointee.tag = UInt32(value ? MB_TRUE : MB_FALSE)
  }

  @inlinable package func set(_ value: Int64) {
    unsafe raw.pointee.tag = UInt32(MB_INTEGER)
    unsafe raw.pointee.bits = value
  }

  @inlinable package func set(_ value: Double) {
    unsafe raw.pointee.tag = UInt32(MB_NUMBER)
    unsafe raw.pointee.bits = Int64(bitPattern: value.bitPattern)
  }

  @inlinable package func setNull() { unsafe raw.pointee.tag = UInt32(MB_NULL) }

  package func set(_ object: LuaObject) { unsafe raw.pointee.hold(object) }

  package func set(_ reference: LuaReference) { unsafe raw.pointee.hold(reference) }

  /// Hands out the function of an action.
  ///
  /// For grant 0 it must have been made; see `ownClosure`.
  package func set(action: Int32, grant: UInt16) {
    unsafe raw.pointee.tag = UInt32(MB_ACTION)
    unsafe raw.pointee.extra = UInt32(grant)
    unsafe raw.pointee.bits = Int64(action)
  }

  /// Hands out a function that the machine itself keeps, as long as its action is there.
  @inlinable package func set(closure: Int32) {
    unsafe raw.pointee.tag = UInt32(MB_REFERENCE)
    unsafe raw.pointee.bits = Int64(closure)
  }

  package func set(_ string: String) {
    var string = string
    // The machine copies the bytes before the closure ends.
    string.withUTF8 { unsafe set(bytes: UnsafeRawBufferPointer($0)) }
  }

  package func set(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe set(bytes: $0) }
  }

  private func set(bytes: UnsafeRawBufferPointer) {
    let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    let copy =
      isKey
      ? unsafe mb_scratch_key(machine, start, bytes.count)
      : unsafe mb_scratch(machine, start, bytes.count)
    unsafe raw.pointee.tag = UInt32(MB_STRING)
    unsafe raw.pointee.bits = Int64(bytes.count)
    unsafe raw.pointee.pointer = UnsafeRawPointer(copy)
  }
}

/// What stands behind the objects that a host gives to Lua.
///
/// The machine calls it with plain arguments and raises what it throws only after it has returned.
package protocol LuaObjectDelegate: AnyObject {
  func index(_ object: LuaObject, _ key: LuaKey, _ result: LuaResult) throws
  func assign(_ object: LuaObject, _ key: LuaKey, _ value: LuaToken) throws
  func length(_ object: LuaObject) throws -> Int
  func next(_ object: LuaObject, _ key: LuaKey, _ nextKey: LuaResult, _ value: LuaResult) throws
  func insert(_ object: LuaObject, at position: Int, _ value: LuaToken) throws
  func remove(_ object: LuaObject, at position: Int, _ result: LuaResult) throws
  func describe(_ object: LuaObject) -> String
  /// Whether a part is an array, or else a map; nil where its first key is still to decide.
  func isArray(_ object: LuaObject) throws -> Bool?
  /// The error for a value that cannot be data: `path` leads from the value to the part that cannot.
  func refuse(_ object: LuaObject?, key: String, path: String, reason: String) -> any Error
  /// An action is called through a function that was handed out with a grant.
  func authorize(_ action: Int32, _ grant: UInt16) throws
  /// Whether the objects of two handles stand for one store.
  func isSameStore(_ one: AnyObject, _ other: AnyObject) -> Bool
  /// The object as it is now, for an error: nothing that leads to live state.
  func snapshot(_ object: LuaObject, _ result: LuaResult) throws
  /// The error for a call of a method that is not there.
  func missing(_ method: String, of object: LuaObject) -> any Error
  /// A driver called an action: run it as a turn.
  func drive(_ action: Int32) -> LuaDriven
  /// How many bytes the host has taken up since it was last asked, for what scripts can keep alive.
  func takeGrowth() -> Int
  /// Whether objects can be let go of now: nothing that runs minds that they end.
  var canLetGo: Bool { get }
  /// How far the turn has come.
  func savepoint() -> Int64
  /// A protected call failed: undo what was done since.
  ///
  /// All of that is the work of the coroutine that failed, and of what it has called.
  func rollBack(to savepoint: Int64)
  /// What runs until `endGroup` is one transaction, or with an object a patch of it, whose function gets `target`.
  func beginGroup(_ object: LuaObject?, _ target: LuaResult) throws
  /// The innermost group has ended; it is undone if it has failed.
  func endGroup(succeeded: Bool) throws
}

/// How a driven call ended.
package enum LuaDriven {
  case done(LuaRun)
  case failed(LuaRun)
  case refused(any Error)
  case waiting
}
