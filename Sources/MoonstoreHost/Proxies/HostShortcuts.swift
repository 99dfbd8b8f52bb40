import MoonLua
import MoonstoreCore

/// The short way to fields, elements and actions, for those who have all rights on them; see `HostObjects` for the
/// long one.
extension HostObjects: LuaShortcuts {
  // Into the witness, which would copy its arguments for a call.
  @inline(__always)
  func get(_ object: LuaObject, symbol: UInt32, index: Int64, _ glance: LuaGlance) -> Bool {
    guard let pointer = unsafe object.pointer else { return false }
    let found: Glance
    // The userdata in whose name is asked keeps the instance alive, and the machine makes all objects of a kind
    // from one type.
    if object.kind == ObjectKind.part {
      found = unsafe tree.glance(at: .fromOpaque(pointer), symbol: symbol, index: index)
    } else {
      guard symbol != 0,
        let store = unsafe Unmanaged<StoreEntry>.fromOpaque(pointer)
          ._withUnsafeGuaranteedRef({ unsafe $0.present })
      else { return false }
      found = unsafe tree.glance(in: store, symbol: symbol)
    }
    let result = glance.result
    switch found {
    case .elsewhere: return false
    case .nothing: break
    case .null: result.setNull()
    case .bool(let bool): result.set(bool)
    case .integer(let integer): result.set(integer)
    case .number(let number): result.set(number)
    case .string(let string): result.set(string)
    case .part(let part): glance.set(part, kind: ObjectKind.part)
    case .action(let number): glance.set(action: number)
    }
    return true
  }

  @inline(__always)
  func set(_ object: LuaObject, symbol: UInt32, _ value: LuaScalar) -> Bool {
    guard let pointer = unsafe object.pointer, system.takesWrites else { return false }
    let slot: StateSlot =
      switch value.content {
      case .bool(let bool): .bool(bool)
      case .integer(let integer): .integer(integer)
      case .number(let number): .number(number)
      case .string(let string): .string(string)
      case .bytes(let bytes): .bytes(bytes)
      }
    // As for `get`.
    if object.kind == ObjectKind.part {
      return unsafe tree.poke(slot, at: .fromOpaque(pointer), symbol: symbol)
    }
    guard
      let store = unsafe Unmanaged<StoreEntry>.fromOpaque(pointer)
        ._withUnsafeGuaranteedRef({ unsafe $0.present })
    else { return false }
    return unsafe tree.poke(slot, in: store, symbol: symbol)
  }
}
