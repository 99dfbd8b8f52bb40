import MoonLua
import MoonValue

/// Runs what must fail, and gives the error.
func luaError(_ body: () throws -> some Any) -> LuaError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? LuaError
  }
}

/// The same for what waits.
func luaError(
  isolation: isolated (any Actor)? = #isolation,
  waiting body: () async throws -> some Any
) async -> LuaError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? LuaError
  }
}

/// What a Swift function of a test throws.
struct Refusal: Error, Equatable {
  let reason: String
}

extension LuaVM {
  /// The results of a script as data; nil stays nil.
  func data(_ source: String, _ arguments: LuaValue...) throws -> [Value?] {
    try load(source, name: "script").call(arguments).map { try $0.value() }
  }

  /// The first result of a script as text.
  func text(_ source: String, _ arguments: LuaValue...) throws -> String {
    try load(source, name: "script").call(arguments).first?.decode(as: String.self) ?? "(nothing)"
  }
}
