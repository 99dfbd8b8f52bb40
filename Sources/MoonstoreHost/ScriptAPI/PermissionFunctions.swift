import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// `secure`, and the conditions of permissions.
  func addPermissionFunctions(_ natives: Natives) throws {
    natives.add("secure", as: .secure, hidden: 2, byReference: true) { [unowned self] arguments in
      let script = try arguments.string()
      if arguments.bool() { arguments.speak(as: .createSecureStore) }
      let (store, grant) = try arguments.store()
      let permissions = try permissions(.table(arguments.table()), of: store.id)
      let set = try PermissionSet(permissions, of: store.id)
      let holder = Principal(.script, script)
      let narrowed = try system.access.narrow(grant, to: set, for: holder)
      return arguments.answer(
        handle(store, grant: narrowed)
      )
    }
    natives.add("checkPermission", as: .registryCheckPermission, hidden: 1) {
      [unowned self] arguments in
      let script = try arguments.string()
      let id = try arguments.string()
      let name = try arguments.string()
      guard system.registry.has(id), let store = system.registry.find(id) else {
        return arguments.answer(.bool(false))
      }
      let asked = try PermissionSet.request(name, of: store)
      return arguments.answer(.bool(system.access.answers(grant(of: script, on: id), asked)))
    }
  }

  /// Reads a list of permissions: texts, and tables with `permission`, or with `action` and `resource`, and
  /// perhaps `principal` and `condition`.
  func permissions(_ list: LuaValue, of store: String) throws -> [Permission] {
    func wrong(_ what: String) -> StoreError {
      StoreError(
        .invalidDefinition,
        "the permissions of '\(store)' \(what): they are a list such as { \"read\", \"call:addItem\", "
          + "{ action = \"write\", resource = \"items\", condition = function(request) ... end } }",
        store: store
      )
    }
    guard case .table(let table) = list else { throw wrong("are no list") }
    var found: [(place: Int64, permission: Permission)] = []
    for (key, value) in try table.pairs() {
      guard case .data(.integer(let place)) = key else { throw wrong("have a name for a place") }
      switch value {
      case .data(.string(let text)): found.append((place, Permission(text)))
      case .table(let table):
        found.append((place, try permission(table, wrong)))
      default: throw wrong("have something else than texts and tables at place \(place)")
      }
    }
    return found.sorted { $0.place < $1.place }.map(\.permission)
  }

  private func permission(
    _ table: LuaTable,
    _ wrong: (String) -> StoreError
  ) throws -> Permission {
    var texts: [String: String] = [:]
    var condition: ScriptCondition?
    for (key, value) in try table.pairs() {
      guard case .data(.string(let field)) = key else { throw wrong("have a table without names") }
      switch (field, value) {
      case ("permission", .data(.string(let text))), ("action", .data(.string(let text))),
        ("resource", .data(.string(let text))), ("principal", .data(.string(let text))),
        ("kind", .data(.string(let text))):
        texts[field] = text
      case ("condition", .function(let function)):
        condition = keep(condition: function.reference)
      default: throw wrong("have the field '\(field)' in a table, or a wrong value in it")
      }
    }
    guard (texts["permission"] == nil) != (texts["action"] == nil) else {
      throw wrong("have a table without 'permission', or without 'action'")
    }
    var text = texts["permission"] ?? texts["action"] ?? ""
    if let resource = texts["resource"] { text += ":" + resource }
    var principal: Principal?
    if let name = texts["principal"] {
      guard let kind = Principal.Kind(rawValue: texts["kind"] ?? "script") else {
        throw wrong("have a kind of principal that is not script, swift or session")
      }
      principal = Principal(kind, name)
    }
    return Permission(text, for: principal, condition: condition)
  }

  private func keep(condition function: LuaReference) -> ScriptCondition {
    conditionCount += 1
    conditions[conditionCount] = function
    return ScriptCondition(conditionCount, releasing: releasedConditions)
  }

  /// Lets go of the functions that no list of permissions names any more.
  func dropReleasedConditions() {
    for number in releasedConditions.takeAll() { conditions[number] = nil }
  }

  /// Asks a script's function whether a permission holds.
  func holds(_ condition: LuaReference, _ request: Permission.Request) throws -> Bool {
    var record: ValueMap = [
      "principal": .string(request.principal.name),
      "kind": .string(request.principal.kind.rawValue), "store": .string(request.store),
      "right": .string(request.right),
    ]
    record["action"] = request.action.map(Value.string)
    record["path"] = request.path.map { .string("\($0)") }
    do {
      let base = machine.tokenCount
      machine.append(.map(record))
      let at = try limited(budgets.getter) {
        try withoutDriving(as: "a permission's condition") {
          try machine.callData(condition, base: base)
        }
      }
      defer { machine.truncateTokens(to: at) }
      guard machine.tokenCount > at else { return false }
      let token = try machine.token(at: at)
      return token.kind != .nil && token.kind != .no
    } catch {
      throw StoreError(wrapping: error).located(
        store: request.store,
        member: "a permission's condition"
      )
    }
  }
}
