import MoonLua
import MoonstoreCore

/// A script that is loaded: the unit of ownership.
///
/// What it registers goes with it.
final class ScriptUnit {
  /// What errors, logs and messages call it: its path in the project.
  let name: String
  let environment: LuaTable
  /// The number of the rights that its handles of other scripts' stores carry.
  let grant: UInt16
  /// The ids of the stores that it defines.
  var stores: Set<String> = []
  /// Its text, in which readers find what it sends.
  var text = ""
  /// What it has registered outside of stores.
  var owned: [Int: Subscription] = [:]
  /// Whether what ends its tasks and effects is among that.
  var endsTasks = false

  init(name: String, environment: LuaTable, grant: UInt16) {
    self.name = name
    self.grant = grant
    self.environment = environment
  }
}

/// A definition that a script gave while its project is being loaded.
final class CollectedDefinition {
  let script: String
  let line: Int?
  var reader: DefinitionReader
  /// What a factory has made it from.
  var origin: LuaTable?

  init(script: String, line: Int?, reader: DefinitionReader, origin: LuaTable?) {
    self.script = script
    self.line = line
    self.reader = reader
    self.origin = origin
  }
}
