import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What natives look like: they read arguments, act, and answer.
  typealias Body = (inout Arguments) throws -> LuaNativeResult

  /// The functions of the host that the prelude builds its libraries from.
  final class Natives {
    let engine: HostEngine
    let table: LuaTable
    private var added: [LuaNativeEntry] = []

    init(_ engine: HostEngine) throws {
      self.engine = engine
      table = try engine.vm.makeTable()
    }

    /// Adds what implements a function of the script interface.
    ///
    /// - Parameters:
    ///   - name: What the prelude calls it.
    ///   - function: The function, which the interface describes.
    ///   - hidden: How many arguments the prelude puts before those of the script, beginning with the script.
    ///   - byReference: Whether tables cross as references.
    ///   - body: Reads the arguments, acts, and answers.
    func add(
      _ name: String,
      as function: ScriptFunction,
      hidden: Int = 0,
      byReference: Bool = false,
      _ body: @escaping Body
    ) {
      add(name, NativeIdentity(function, hidden: hidden), byReference, body)
    }

    /// Adds what only the prelude calls, within the part of the host that messages name.
    func add(
      _ name: String,
      within part: StaticString,
      acts: Bool = false,
      byReference: Bool = false,
      _ body: @escaping Body
    ) {
      add(name, NativeIdentity(part: part, acts: acts), byReference, body)
    }

    private func add(
      _ name: String,
      _ identity: NativeIdentity,
      _ byReference: Bool,
      _ body: @escaping Body
    ) {
      // The engine owns the machine, and closes it before it goes; no native is called after that.
      let number = engine.machine.registerNative { [unowned(unsafe) engine] call in
        let engine = unsafe engine
        var arguments = try Arguments(call, engine, identity)
        if identity.acts { try engine.checkActor(identity, &arguments) }
        return try body(&arguments)
      }
      added.append(LuaNativeEntry(name: name, number: number, byReference: byReference))
    }

    /// Puts what was added into the table, all at once.
    func finish() throws(LuaError) {
      try engine.machine.set(added, in: table)
      added = []
    }
  }

  /// Opens what scripts see besides the standard library.
  func openLibraries() throws {
    let natives = try Natives(self)
    try addStoreFunctions(natives)
    try addRegistryFunctions(natives)
    try addBusFunctions(natives)
    try addTurnFunctions(natives)
    try addDefinitionFunctions(natives)
    try addWorldFunctions(natives)
    try addCallFunctions(natives)
    try addIntrospection(natives)
    try addPermissionFunctions(natives)
    try addHTTPFunctions(natives)
    try addFactoryFunctions(natives)
    try addCompositionFunctions(natives)
    try addTraceFunctions(natives)
    natives.add("chapter", within: "the prelude") { [unowned self] arguments in
      let name = try arguments.string()
      guard let chapter = Chapter(rawValue: name) else {
        throw StoreError(.closed, "the prelude has no chapter '\(name)'")
      }
      let function = try chapter.text.load(in: vm)
      arguments.call.dropArguments()
      machine.append(function.reference)
      return .results(1)
    }
    try natives.finish()
    let results = try Chapter.prelude.load(in: vm).call(.table(natives.table))
    guard case .table(let prelude) = results.first else {
      throw StoreError(.closed, "the prelude gave no table")
    }
    self.prelude = prelude
    guard case .function(let dispatch) = try prelude.get("dispatch") else {
      throw StoreError(.closed, "the prelude has no dispatcher")
    }
    machine.setDispatcher(dispatch.reference)
    dispatcher = dispatch
  }

  /// A function of the prelude.
  func preludeFunction(_ name: String) throws -> LuaFunction {
    guard let prelude, case .function(let function) = try prelude.get(.string(name)) else {
      throw StoreError(.closed, "the prelude has no function '\(name)'")
    }
    return function
  }
}

/// A part of the script API in a Lua file of its own, which is compiled when a script first uses it.
enum Chapter: String, CaseIterable {
  case composition
  case factories
  case http
  case entities
  case schemas
  case tasks
  case effects

  static let prelude = CompiledText {
    String(decoding: PackageResources.Prelude_lua, as: UTF8.self)
  }

  private static let texts: [CompiledText] = allCases.map { chapter in
    CompiledText { chapter.source }
  }

  /// The text, which all hosts of the process share.
  var text: CompiledText { Chapter.texts[Chapter.allCases.firstIndex(of: self) ?? 0] }

  private var source: String {
    switch self {
    case .factories: String(decoding: PackageResources.Factories_lua, as: UTF8.self)
    case .composition: String(decoding: PackageResources.Composition_lua, as: UTF8.self)
    case .http: String(decoding: PackageResources.HTTP_lua, as: UTF8.self)
    case .entities: String(decoding: PackageResources.Entities_lua, as: UTF8.self)
    case .schemas: String(decoding: PackageResources.Schemas_lua, as: UTF8.self)
    case .tasks: String(decoding: PackageResources.Tasks_lua, as: UTF8.self)
    case .effects: String(decoding: PackageResources.Effects_lua, as: UTF8.self)
    }
  }
}
