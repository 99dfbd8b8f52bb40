internal import CMoonBridge

/// Keeps one Lua value alive from Swift.
package final class LuaReference {
  package let machine: LuaMachine
  package let number: Int32
  let type: UInt32

  init(machine: LuaMachine, number: Int32, type: UInt32) {
    self.machine = machine
    self.number = number
    self.type = type
  }

  deinit {
    // After `close` the registry is gone, and the reference with it.
    guard let raw = unsafe machine.raw else { return }
    unsafe mb_release_reference(raw, number)
  }

  /// Takes over a reference that arrived as a token.
  package convenience init(adopting token: LuaToken, machine: LuaMachine) {
    self.init(machine: machine, number: token.adopt(), type: token.referenceType)
  }

  /// Tells tables and functions apart while they live.
  package var identity: UInt {
    guard let raw = unsafe machine.raw else { return 0 }
    return unsafe UInt(bitPattern: mb_reference_identity(raw, number))
  }

  package var isFunction: Bool { type == 6 }
  package var isTable: Bool { type == 5 }
}
