import MoonLua
import MoonValue
import MoonstoreCore

/// Middleware of a script around the actions of all stores, or before all messages.
final class ScriptLayer {
  let function: LuaFunction
  /// The script that brings it.
  let owner: String
  /// Where it stands.
  let script: String
  let line: Int?

  init(_ function: LuaFunction, of owner: String) {
    self.function = function
    self.owner = owner
    let place = function.definition
    script = place?.script ?? owner
    line = place?.line
  }
}

extension HostEngine {
  /// Puts middleware of a script around all actions.
  func use(_ layer: ScriptLayer) -> Subscription {
    registrations.middleware.add(layer, Ranks.Line(.layer, owner: layer.owner))
  }

  /// The middleware of scripts that messages pass, in order.
  var messageLayers: [ScriptLayer] {
    system.bus.middleware.members.compactMap { $0.origin as? ScriptLayer }
  }
}
