import MoonLua
import MoonstoreCore

/// A script that is loaded: the unit of ownership.
///
/// What it registers goes with it.
final class ScriptUnit {
  /// What errors, logs and messages call it: its path in the project.
  let name: String
  let environment: LuaTable
  /// The ids of the stores that it defines.
  var stores: [String] = []
  /// What it has registered outside of stores.
  var owned: [Subscription] = []

  init(name: String, environment: LuaTable) {
    self.name = name
    self.environment = environment
  }
}

/// A definition that a script gave while its project is being loaded.
struct CollectedDefinition {
  let script: String
  let line: Int?
  let reader: DefinitionReader
}
