import MoonLua
import MoonValue

/// The methods of texts that errors of the host have as well, made when a script first asks for one.
final class ErrorMethods {
  private unowned let engine: HostEngine
  private var made: [String: LuaReference] = [:]

  init(engine: HostEngine) { self.engine = engine }

  subscript(name: String) -> LuaReference? {
    if let known = made[name] { return known }
    // Without it the script finds nothing under the name, as with any other.
    let results = try? engine.preludeFunction("errorMethod").call(.data(.string(name)))
    guard case .function(let method) = results?.first else { return nil }
    made[name] = method.reference
    return method.reference
  }

  func removeAll() { made = [:] }
}
