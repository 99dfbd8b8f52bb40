import MoonLua
import MoonstoreCore

/// Where middleware of a script stands.
struct ScriptLayer {
  enum Kind {
    case action, message
  }

  let kind: Kind
  let script: String
  let line: Int?
  /// What ends it; nil for what stays as long as its host.
  let subscription: Subscription?

  init(
    _ kind: Kind,
    _ function: LuaFunction,
    of script: String,
    until subscription: Subscription? = nil
  ) {
    self.kind = kind
    let place = function.definition
    self.script = place?.script ?? script
    line = place?.line
    self.subscription = subscription
  }

  var isActive: Bool { subscription?.isActive ?? true }
}
