import MoonLua
import MoonstoreCore

extension StoreError {
  /// The error of a function that would wait where nothing can be suspended; `name` is what scripts call it.
  init(_ refusal: LuaWaitRefusal, of name: String, in role: CodeRole? = nil) {
    let reason =
      switch refusal {
      case .blocked:
        "cannot wait inside \(role?.name ?? "a function that C code calls"); do this in an action, a subscriber or a "
          + "task (spawn)"
      case .group:
        "what is one transaction cannot wait; wait before or after transaction() or store.patch(), or use commit() "
          + "in place of the transaction"
      case .caller:
        "cannot wait, since Swift code that does not wait has called this action; call it with await, as in "
          + "'try await host.call(store, action)'"
      }
    self.init(.cannotWait, "\(name): \(reason)")
  }
}
