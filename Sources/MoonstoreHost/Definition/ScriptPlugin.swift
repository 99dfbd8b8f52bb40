import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// A plugin that is a function(context) of a script.
  ///
  /// The context has the store's `id`, `name`, `metadata` and `options`, and the `store` itself. The function
  /// returns nothing, or a table of what it adds. What it registers while it runs ends with the store.
  ///
  /// - Parameters:
  ///   - function: The function.
  ///   - script: Who brings it; it may stand in another script.
  /// - Returns: The plugin, for the world to install.
  func plugin(_ function: LuaReference, of script: String) -> InstalledPlugin {
    let place = LuaFunction(function).definition
    let name = place.map { "\($0.script):\($0.line)" } ?? "a plugin"
    let scripts = NameSet([script, place?.script ?? script])
    return InstalledPlugin(name, owner: script) { [unowned self] live, addition in
      let returned = try callPlugin(function, of: scripts, for: live, addition)
      let additions = try PluginAdditions(returned, place: place, store: live.id, engine: self)
      do {
        try live.apply(additions.revision(of: live, engine: self), as: addition)
      } catch {
        throw additions.placed(StoreError(wrapping: error))
      }
      for handler in additions.on {
        addition.registrations.append(try add(handler: handler.name, handler.function, to: live))
      }
      for responder in additions.answers {
        addition.registrations.append(
          try add(responder: responder.name, responder.function, to: live)
        )
      }
    }
  }

  private func callPlugin(
    _ function: LuaReference,
    of scripts: NameSet,
    for live: LiveStore,
    _ addition: StoreAddition
  ) throws -> LuaValue {
    let definition = live.definition
    let context = try vm.makeTable([
      "id": .string(live.id), "name": .string(definition.name), "metadata": definition.metadata,
      "options": definition.options,
    ])
    try context.set("store", to: .object(kind: ObjectKind.store, entry(of: live)))
    let outer = extended
    extended = (addition: addition, scripts: scripts)
    defer { extended = outer }
    return try withoutDriving(as: "a plugin") {
      do {
        return try LuaFunction(function).call(.table(context)).first ?? .nil
      } catch {
        throw StoreError(wrapping: error)
      }
    }
  }

  /// Lets a script's function reset a store; it gets the store, and a function that does it the plain way.
  func reset(
    _ live: LiveStore,
    by function: LuaReference,
    plain: @escaping () throws -> Void
  ) throws {
    resetCount += 1
    let number = resetCount
    resets[number] = plain
    defer { resets[number] = nil }
    try withoutDriving(as: "the reset of a plugin") {
      do {
        try preludeFunction("callReset").call(
          .function(LuaFunction(function)),
          .object(kind: ObjectKind.store, entry(of: live)),
          .data(.integer(Int64(number)))
        )
      } catch {
        throw StoreError(wrapping: error).located(store: live.id, member: "reset")
      }
    }
  }
}

/// What a plugin of a script has returned for one store.
struct PluginAdditions {
  private(set) var state: ValueMap = [:]
  private(set) var getters: DefinitionReader.Functions = []
  private(set) var actions: DefinitionReader.Functions = []
  private(set) var on: DefinitionReader.Functions = []
  private(set) var answers: DefinitionReader.Functions = []
  private(set) var reset: LuaReference?
  private let place: (script: String, line: Int)?
  private let store: String

  private static let parts = ["state", "getters", "actions", "on", "answers", "reset"]

  init(
    _ returned: LuaValue,
    place: (script: String, line: Int)?,
    store: String,
    engine: HostEngine
  ) throws {
    self.place = place
    self.store = store
    switch returned {
    case .nil: return
    case .table(let table):
      for (key, value) in try table.pairs() { try read(key, value, engine) }
    default:
      throw wrong(
        "returned neither nothing nor a table with \(PluginAdditions.parts.joined(separator: ", "))"
      )
    }
  }

  private mutating func read(_ key: LuaValue, _ value: LuaValue, _ engine: HostEngine) throws {
    guard case .data(.string(let part)) = key, PluginAdditions.parts.contains(part) else {
      let value = (try? key.value()) ?? nil
      let name = value?.stringValue ?? value.map { "\($0)" } ?? "?"
      throw wrong(
        "returned an unknown part '\(name)'\(Suggestion.text(for: name, among: PluginAdditions.parts))"
      )
    }
    switch (part, value) {
    case ("state", .table(let table)):
      let slot: StateSlot
      do {
        slot = try engine.stateSlot(of: table.reference, of: store)
      } catch {
        throw wrong(
          "returned a 'state' that cannot be state: \(StoreError(wrapping: error).message)"
        )
      }
      guard let pairs = slot.value.mapValue else { throw wrong("returned a list as 'state'") }
      state = pairs
    case ("getters", _): getters = try functions(value, part)
    case ("actions", _): actions = try functions(value, part)
    case ("on", _): on = try functions(value, part)
    case ("answers", _): answers = try functions(value, part)
    case ("reset", .function(let function)): reset = function.reference
    default:
      throw wrong("returned a '\(part)' that is no \(part == "reset" ? "function" : "table")")
    }
  }

  private func functions(_ value: LuaValue, _ part: String) throws -> DefinitionReader.Functions {
    guard case .table(let table) = value else {
      throw wrong("returned '\(part)' that are no table of functions")
    }
    var functions: DefinitionReader.Functions = []
    for (key, value) in try table.pairs() {
      guard case .data(.string(let name)) = key, case .function(let function) = value else {
        let key = ((try? key.value()) ?? nil).map { "\($0)" } ?? "?"
        throw wrong("returned \(part)[\(key)], which is no function with a name")
      }
      functions.append((name, function.reference))
    }
    return functions.sorted { $0.name < $1.name }
  }

  private func wrong(_ what: String) -> StoreError {
    StoreError(
      .invalidDefinition,
      "the plugin for the store '\(store)' \(what)",
      store: store,
      script: place?.script,
      line: place?.line
    )
  }

  /// Says where in the plugin a name stands that the store cannot have.
  func placed(_ error: StoreError) -> StoreError {
    guard error.script == nil else { return error }
    var error = error
    let culprit = (getters + actions).first { $0.name == error.member }
    let line = culprit.flatMap { LuaFunction($0.function).definition } ?? place
    error.script = line?.script
    error.line = line?.line
    error.message = "the plugin cannot add to '\(store)': \(error.message)"
    return error
  }

  func revision(of live: LiveStore, engine: HostEngine) -> StoreRevision {
    var revision = StoreRevision()
    revision.addsOnly = true
    revision.state = state
    revision.getters = getters.map {
      ($0.name, engine.evaluation(of: $0.function, named: $0.name, live, takesSelf: true))
    }
    revision.actions = actions.map { ($0.name, .script($0.function, takesSelf: true)) }
    if let reset {
      revision.reset = { [unowned engine, unowned live] plain in
        try withoutActuallyEscaping(plain) { plain in
          try engine.reset(live, by: reset, plain: plain)
        }
      }
    }
    return revision
  }
}
