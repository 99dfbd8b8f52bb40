import MoonLua
import MoonstoreCore

/// One version of a script that is loaded: the unit of ownership.
///
/// What it registers goes with it.
final class ScriptUnit {
  /// What errors, logs and messages call it: its path in the project.
  let name: String
  /// Counts the versions of the script, from 1.
  let version: Int
  let environment: LuaTable
  /// The number of the rights that its handles of other scripts' stores carry.
  var grant: UInt16 { hold?.number ?? AccessTable.nothing }
  private let hold: GrantHold?
  /// The ids of the stores that it has made.
  var stores: Set<String> = [] {
    didSet { address.name = stores.count == 1 ? stores.first ?? name : name }
  }
  /// What its messages are from, and where messages reach it: its store if it defines one, otherwise the script.
  let address: BusAddress
  /// Those of them that it defined while it was loaded; the others it made later.
  var defined: Set<String> = []
  /// Those that an older version made while it ran: their code is still that version's.
  var inherited: Set<String> = []
  /// Its text, in which readers find what it sends.
  var text = ""
  /// The texts of the modules that it has required, by path.
  var modules = NameTable<String>()
  /// What it has registered outside of stores.
  var owned: [Int: Subscription] = [:]
  /// The actions and the like that have failed, as `store:member`.
  var failed: Set<String> = []
  /// When its code ran over a limit, and whether that was too often.
  var overruns: [ContinuousClock.Instant] = []
  var isQuarantined = false
  /// The budget in which it was last refused to leave more work behind.
  var refusedBudget: Int?

  init(name: String, version: Int, environment: LuaTable, hold: GrantHold?) {
    self.name = name
    address = BusAddress(name)
    self.version = version
    self.hold = hold
    self.environment = environment
  }

  /// What is known of how this version has behaved so far.
  func takeRecord(of other: ScriptUnit) {
    failed = other.failed
    overruns = other.overruns
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
