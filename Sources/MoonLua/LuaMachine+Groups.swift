internal import CMoonBridge

/// Why code cannot be suspended where it asks for that.
package enum LuaWaitRefusal: Int32 {
  /// A getter, or a function that C code calls, is in between.
  case blocked = 1
  /// It is a part of what is one transaction.
  case group = 2
  /// It was called by Swift code that cannot wait.
  case caller = 3
}

/// Why code cannot commit the turn that it runs in.
package enum LuaCommitRefusal {
  /// The turn began with something else, which may not be done yet.
  case part
  /// Another action has called the action with this number, or calls are nested too deeply to tell.
  case callee(Int32)
}

extension LuaMachine {
  /// Why the code that runs cannot be suspended; nil where it can.
  package var waitRefusal: LuaWaitRefusal? {
    guard let machine = unsafe raw else { return .blocked }
    return LuaWaitRefusal(rawValue: unsafe mb_wait_refusal(machine))
  }

  /// Whether the code that runs could be suspended.
  package var canSuspend: Bool { waitRefusal == nil }

  /// Why the code that runs cannot commit; nil where it can.
  package var commitRefusal: LuaCommitRefusal? {
    guard let machine = unsafe raw else { return .part }
    var action: Int32 = -1
    switch unsafe mb_commit_refusal(machine, &action) {
    case 0: return nil
    case Int32(MB_COMMIT_CALLEE): return .callee(action)
    default: return .part
    }
  }

  /// The functions transaction(function, ...) and patch(object, function): groups, which end with the call.
  package func makeGroups() throws(LuaError) -> (transaction: LuaReference, patch: LuaReference) {
    let base = tokenCount
    try check(unsafe mb_make_groups(try open()), base)
    defer { truncateTokens(to: base) }
    var token = try token(at: base)
    let transaction = LuaReference(adopting: token, machine: self)
    token.advance()
    return (transaction, LuaReference(adopting: token, machine: self))
  }
}
