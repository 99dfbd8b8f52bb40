internal import CMoonBridge

/// The short way to what most accesses of scripts are about: fields and elements of objects that the holder has
/// all rights on.
///
/// The bridge asks for a value by its symbol, or by its position where the symbol is 0, and asks the delegate
/// where this has no answer. Nothing here can fail: what needs an error is left to the delegate.
package protocol LuaShortcuts: AnyObject {
  /// Puts a value into `result`; false when it leaves that to the delegate.
  func get(_ object: LuaObject, symbol: UInt32, index: Int64, _ result: LuaGlance) -> Bool
  /// Puts a value in the place of what is there; false when it has done nothing.
  func set(_ object: LuaObject, symbol: UInt32, _ value: LuaScalar) -> Bool
}

/// Where shortcuts put what they have found.
///
/// Objects are not kept on their way, unlike those in a `LuaResult`: the bridge pushes them before anything else
/// can run, and what they were found in keeps them until then.
@safe package struct LuaGlance {
  /// For what is kept or copied anyway.
  package let result: LuaResult

  init(_ result: LuaResult) { self.result = result }

  /// Hands out an object that its holder has all rights on, and that the place where it stands keeps.
  package func set(_ object: ObjectIdentifier, kind: UInt16) {
    unsafe result.raw.pointee.tag = UInt32(MB_OBJECT)
    unsafe result.raw.pointee.extra = UInt32(kind)
    unsafe result.raw.pointee.bits = 0
    unsafe result.raw.pointee.pointer = UnsafeRawPointer(bitPattern: UInt(bitPattern: object))
  }

  /// Hands out the function of an action.
  package func set(action: Int32) {
    unsafe result.raw.pointee.tag = UInt32(MB_ACTION)
    unsafe result.raw.pointee.bits = Int64(action)
  }
}

/// A scalar or a string on its way out of Lua.
@safe package struct LuaScalar {
  let raw: UnsafePointer<mb_value>

  package enum Content {
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    /// A string that is no UTF-8.
    case bytes([UInt8])
  }

  package var content: Content {
    // Lua keeps the value on its stack while the callback runs, which is as long as this is used.
    let value = unsafe raw.pointee
    switch unsafe Int(value.tag) {
    case MB_INTEGER: return .integer(unsafe value.bits)
    case MB_NUMBER: return .number(Double(bitPattern: UInt64(bitPattern: unsafe value.bits)))
    case MB_STRING:
      let bytes = unsafe UnsafeRawBufferPointer(start: value.pointer, count: Int(value.bits))
      return unsafe String(lua: bytes).map(Content.string) ?? .bytes([UInt8](bytes))
    default: return .bool(unsafe Int(value.tag) == MB_TRUE)
    }
  }
}

/// What the bridge keeps of the shortcuts: reading a constant property costs no reference count.
final class LuaShortcutsBox {
  let shortcuts: any LuaShortcuts
  init(_ shortcuts: any LuaShortcuts) { self.shortcuts = shortcuts }
}

extension LuaMachine {
  /// Asks the shortcuts first, for objects of these kinds.
  package func setShortcuts(_ shortcuts: any LuaShortcuts, kinds: [UInt16]) {
    guard let machine = unsafe raw else { return }
    let box = LuaShortcutsBox(shortcuts)
    shortcutsBox = box
    // The machine keeps the box until it is closed, and takes the shortcuts away before.
    var table = unsafe mb_shortcuts(
      context: Unmanaged.passUnretained(box).toOpaque(),
      kinds: kinds.reduce(0) { $0 | 1 << UInt32($1) },
      get: { context, machine, object, symbol, index, result in
        unsafe Unmanaged<LuaShortcutsBox>.fromOpaque(context)._withUnsafeGuaranteedRef { box in
          let object = unsafe object.pointee
          return box.shortcuts.get(
            unsafe LuaObject(kind: object.kind, grant: object.grant, pointer: object.pointer),
            symbol: symbol,
            index: index,
            unsafe LuaGlance(LuaResult(result, machine: machine))
          )
        }
      },
      set: { context, object, symbol, value in
        unsafe Unmanaged<LuaShortcutsBox>.fromOpaque(context)._withUnsafeGuaranteedRef { box in
          let object = unsafe object.pointee
          return box.shortcuts.set(
            unsafe LuaObject(kind: object.kind, grant: object.grant, pointer: object.pointer),
            symbol: symbol,
            unsafe LuaScalar(raw: value)
          )
        }
      }
    )
    unsafe mb_set_shortcuts(machine, &table)
  }
}
