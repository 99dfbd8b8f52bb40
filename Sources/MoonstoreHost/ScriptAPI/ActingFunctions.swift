import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// Refuses what leaves a trace to code that may only look, and to code whose script is gone.
  func checkActor(_ native: NativeIdentity, _ arguments: inout Arguments) throws {
    if let onlooker = system.onlooker, system.getterDepth <= onlookerDepth {
      throw system.access.refusal(of: onlooker, "use \(native.name)")
    }
    guard native.hidden > 0 else { return }
    let unit = unit(namedBy: &arguments)
    if unit != nil, sessions.isEmpty { return }
    guard let script = unit?.name ?? arguments.firstString else { return }
    guard unit != nil else {
      let gone = Principal(.script, script)
      throw StoreError(
        .permissionDenied,
        "permission denied: \(gone) is not there any more, so that its code cannot use \(native.name)",
        script: script
      )
    }
    if let session = sessions[script], session.options.onlyLooks {
      throw system.access.refusal(of: session.principal, "use \(native.name)")
    }
  }

  /// Runs code of one who may only look.
  func looking<R>(_ onlooker: Principal, _ body: () throws -> R) rethrows -> R {
    let outer = (system.onlooker, onlookerDepth)
    system.onlooker = onlooker
    system.getterDepth += 1
    onlookerDepth = system.getterDepth
    defer {
      system.getterDepth -= 1
      (system.onlooker, onlookerDepth) = outer
    }
    return try body()
  }
}
