import MoonLua
import MoonValue
import MoonstoreCore

/// Middleware of a script around all actions, or all messages.
final class ScriptLayer {
  enum Kind: String {
    case action, message
  }

  let kind: Kind
  let function: LuaFunction
  /// The script that brings it.
  let owner: String
  /// Where it stands.
  let script: String
  let line: Int?
  /// Its place among the others.
  let rank: Int

  init(_ kind: Kind, _ function: LuaFunction, of owner: String, rank: Int) {
    self.kind = kind
    self.function = function
    self.owner = owner
    self.rank = rank
    let place = function.definition
    script = place?.script ?? owner
    line = place?.line
  }
}

extension HostEngine {
  /// Puts middleware of a script around all actions, or notes that it is around all messages.
  func add(_ kind: ScriptLayer.Kind, _ function: LuaFunction, of script: String) throws
    -> Subscription
  {
    let line = "layer \(kind) \(script)"
    let layer = ScriptLayer(kind, function, of: script, rank: system.ranks.next(in: line))
    try put(layer)
    return system.registration { [unowned self] in
      layers.removeAll { $0 === layer }
      system.ranks.giveUp(layer.rank, in: line)
      refreshMiddleware(kind)
      return { [unowned self] in
        do { try put(layer) } catch { system.report(StoreError(wrapping: error)) }
      }
    }
  }

  private func put(_ layer: ScriptLayer) throws {
    layers.insert(layer, by: \.rank)
    if layer.kind == .action { try setMiddleware() }
  }

  private func refreshMiddleware(_ kind: ScriptLayer.Kind) {
    guard kind == .action else { return }
    do { try setMiddleware() } catch { system.report(StoreError(wrapping: error)) }
  }

  private func setMiddleware() throws {
    var listed: [LuaValue] = []
    for layer in layers where layer.kind == .action {
      let grant = Int64(scripts[layer.owner]?.grant ?? 0)
      listed += [.function(layer.function), .data(.integer(grant))]
    }
    hasScriptMiddleware = !listed.isEmpty
    try preludeFunction("setMiddleware").call(listed)
    refreshHooks()
  }
}
