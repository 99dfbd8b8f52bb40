import MoonDiagnostics
import MoonLuaSyntax
import MoonValue

/// What the text of a project, or a host that runs, says of one store.
struct StoreFacts {
  /// A field, a getter, an action or a handler.
  struct Member {
    let name: String
    let place: Diagnostic.Place?
    /// The body of its function, where it stands in the text.
    var body: SyntaxNode?
    /// How many arguments it takes besides the store; nil for any number.
    var parameters: [String]?
    /// The parameters without which it fails, from the first on.
    var required = 0
  }

  let id: String
  let script: CheckedScript?
  let place: Diagnostic.Place?
  var fields: [String: Member] = [:]
  var getters: [String: Member] = [:]
  var actions: [String: Member] = [:]
  var handlers: [Member] = []
  var answers: [Member] = []
  var dependencies: [(id: String, place: Diagnostic.Place)] = []
  /// The texts of `permissions`; nil where there is none, or more than texts in it.
  var permissions: [String]?
  var hasPermissions = false
  /// Whether it may have more members than those that are known.
  var isOpen = false

  init(id: String, script: CheckedScript?, place: Diagnostic.Place?) {
    self.id = id
    self.script = script
    self.place = place
  }

  /// The names that can be read.
  var readable: [String] { (Array(fields.keys) + Array(getters.keys)).sorted() }

  func has(_ name: String) -> Bool {
    fields[name] != nil || getters[name] != nil || actions[name] != nil
  }

  /// Whether others have a right; nil where that depends on what is not in the text.
  func permits(_ right: String, _ name: String) -> Bool? {
    guard hasPermissions else { return right != "write" }
    guard let permissions else { return nil }
    return permissions.contains { permission in
      permission == right || permission == "*" || permission == "admin"
        || permission == "\(right):\(name)" || permission.hasPrefix("\(right):\(name).")
    }
  }
}

/// Reads the definitions of stores in a script.
struct DefinitionFacts {
  private let script: CheckedScript
  private(set) var stores: [StoreFacts] = []
  /// Calls that define a store whose id is computed.
  private(set) var computed: [Diagnostic.Place] = []
  /// The stores by the node of the function that has them as its first parameter.
  private(set) var owners: [UInt32: String] = [:]
  private(set) var findings: Findings

  init(_ script: CheckedScript) {
    self.script = script
    findings = Findings(script)
    for node in script.tree.nodes where node.kind == .call || node.kind == .methodCall {
      read(node)
    }
  }

  private mutating func read(_ call: SyntaxNode) {
    let arguments = call.arguments
    if call.calledGlobal == "defineStore" {
      guard let id = arguments.first?.literal else {
        computed.append(script.place(call))
        return
      }
      var store = StoreFacts(id: id, script: script, place: script.place(arguments[0]))
      if arguments.count > 1 {
        let definition = script.variables.resolved(arguments[1])
        if definition.kind == .table {
          read(definition, into: &store, isDefinition: true)
        } else if let body = definition.body {
          readSetup(body, into: &store)
        } else {
          store.isOpen = true
        }
      } else {
        store.isOpen = true
      }
      if arguments.count > 2 {
        let record = script.variables.resolved(arguments[2])
        if record.kind == .table {
          readRecord(record, &store)
        } else {
          store.hasPermissions = true
        }
      }
      stores.append(store)
    } else if call.calledGlobal == "registry.register" {
      let module = arguments.first.map(script.variables.resolved)
      readNamed(module, arguments.count > 1 ? arguments[1] : nil, call)
    } else if call.kind == .methodCall, call.lastName == "create", let table = arguments.first {
      // A factory's configuration is a definition, to which the factory may add.
      let configuration = script.variables.resolved(table)
      guard configuration.kind == .table, configuration.field("id") != nil else { return }
      readNamed(configuration, configuration, call)
    } else if call.kind == .call, call.firstChild?.lastName == "defineStore" {
      // That of a namespace, which puts its name before the id.
      computed.append(script.place(call))
    }
  }

  /// A store whose id stands in a table.
  private mutating func readNamed(
    _ module: SyntaxNode?,
    _ definition: SyntaxNode?,
    _ call: SyntaxNode
  ) {
    guard let module, module.kind == .table, let id = module.field("id")?.literal else {
      computed.append(script.place(call))
      return
    }
    var store = StoreFacts(id: id, script: script, place: script.place(module))
    store.isOpen = true
    if let definition {
      let table = script.variables.resolved(definition)
      if table.kind == .table { read(table, into: &store, isDefinition: false) }
    }
    readRecord(module, &store)
    stores.append(store)
  }

  // MARK: Tables

  private mutating func read(
    _ table: SyntaxNode,
    into store: inout StoreFacts,
    isDefinition: Bool
  ) {
    for child in table.children {
      guard let (_, name, value) = child.field, let name else {
        store.isOpen = true
        continue
      }
      if isDefinition, !ScriptInterface.definition.contains(name) {
        findings.addUnknown(name, child)
      }
      let resolved = script.variables.resolved(value)
      switch name {
      case "state", "initialState": readState(resolved, &store)
      case "getters": store.getters = members(resolved, &store)
      case "actions":
        store.actions = members(resolved, &store)
        for (name, member) in store.actions { store.actions[name] = withParameters(member) }
      case "on": store.handlers = Array(members(resolved, &store, isOpening: false).values)
      case "answers": store.answers = Array(members(resolved, &store, isOpening: false).values)
      case "plugins": store.isOpen = true
      default: break
      }
    }
    readRecord(table, &store)
  }

  private func readRecord(_ table: SyntaxNode, _ store: inout StoreFacts) {
    if let list = table.field("dependencies").map(script.variables.resolved), list.kind == .table {
      for field in list.children {
        guard let id = field.firstChild?.literal else { continue }
        store.dependencies.append((id, script.place(field)))
      }
    }
    guard let list = table.field("permissions").map(script.variables.resolved) else { return }
    store.hasPermissions = true
    guard list.kind == .table else { return }
    let texts = list.children.map { $0.kind == .positionalField ? $0.firstChild?.literal : nil }
    store.permissions = texts.contains(nil) ? nil : texts.compactMap(\.self)
  }

  private func readState(_ state: SyntaxNode, _ store: inout StoreFacts) {
    for table in DefinitionFacts.tables(returnedBy: state, script) {
      guard let table else {
        store.isOpen = true
        continue
      }
      for child in table.children {
        guard let name = child.field?.name else {
          if child.kind != .positionalField { store.isOpen = true }
          continue
        }
        store.fields[name] = StoreFacts.Member(name: name, place: script.place(child))
      }
    }
  }

  /// The tables that a function returns, or the table itself; nil for what is computed.
  static func tables(returnedBy node: SyntaxNode, _ script: CheckedScript) -> [SyntaxNode?] {
    if node.kind == .table { return [node] }
    guard let body = node.body else { return [nil] }
    var found: [SyntaxNode?] = []
    body.walk { statement in
      guard statement.kind == .returnStatement, script.function(around: statement) == body.id else {
        return
      }
      guard let value = statement.child(.expressionList)?.firstChild else { return }
      let table = script.variables.resolved(value)
      found.append(table.kind == .table ? table : nil)
    }
    return found
  }

  private mutating func members(
    _ table: SyntaxNode,
    _ store: inout StoreFacts,
    isOpening: Bool = true
  ) -> [String: StoreFacts.Member] {
    guard table.kind == .table else {
      if isOpening { store.isOpen = true }
      return [:]
    }
    var members: [String: StoreFacts.Member] = [:]
    for child in table.children {
      guard let (_, name, value) = child.field, let name else {
        if isOpening { store.isOpen = true }
        continue
      }
      let body = script.variables.resolved(value).body
      if let body { owners[body.id] = store.id }
      let place = script.place(
        ofToken: child.tokens.lowerBound + (child.kind == .keyedField ? 1 : 0)
      )
      members[name] = StoreFacts.Member(name: name, place: place, body: body)
    }
    return members
  }

  // MARK: Parameters

  private func withParameters(_ member: StoreFacts.Member) -> StoreFacts.Member {
    guard let body = member.body else { return member }
    var member = member
    let (names, isVararg) = body.parameters
    let own = names.dropFirst()
    member.required = own.reduce(0) { required, name in
      let index = own.firstIndex { $0.id == name.id } ?? 0
      return isRequired(name, in: body) ? index : required
    }
    if !isVararg { member.parameters = own.map(\.text) }
    return member
  }

  /// Whether a function fails without an argument: it computes with it, and never asks whether it is there.
  private func isRequired(_ name: SyntaxNode, in body: SyntaxNode) -> Bool {
    guard let variable = script.variables[declaredBy: name.tokens.lowerBound] else { return false }
    var computes = false
    for occurrence in variable.occurrences {
      guard occurrence.use == .read, occurrence.function == body.id else { return false }
      let node = script.node(occurrence.node)
      guard let parent = node.parent else { return false }
      switch parent.kind {
      case .binary:
        switch parent.ownTokens.first.map({ script.tree.tokens.kinds[$0] }) {
        case .plus, .minus, .star, .slash, .doubleSlash, .percent, .caret, .concat, .less,
          .lessOrEqual, .greater, .greaterOrEqual:
          computes = true
        default: return false
        }
      case .member, .methodCall: if parent.firstChild?.id == node.id { computes = true }
      case .index: if parent.firstChild?.id == node.id { computes = true }
      // A value that is handed on, asked for or kept may be nil.
      default: return false
      }
    }
    return computes
  }

  // MARK: Setup functions

  private func readSetup(_ body: SyntaxNode, into store: inout StoreFacts) {
    for table in DefinitionFacts.tables(returnedBy: body, script) {
      guard let table else {
        store.isOpen = true
        continue
      }
      for child in table.children {
        guard let (_, name, value) = child.field, let name else {
          store.isOpen = true
          continue
        }
        let resolved = script.variables.resolved(value)
        var member = StoreFacts.Member(name: name, place: script.place(child), body: resolved.body)
        if resolved.body != nil {
          // It may take the store first or not, so that arguments cannot be counted.
          store.actions[name] = member
        } else if resolved.calledGlobal == "computed" {
          member.body = resolved.arguments.first?.body
          store.getters[name] = member
        } else if resolved.calledGlobal == "ref" {
          store.fields[name] = member
        } else {
          // An action or a field, by a variable whose value is not in the text.
          store.isOpen = true
          store.fields[name] = member
        }
      }
    }
  }
}

extension Findings {
  fileprivate mutating func addUnknown(_ name: String, _ field: SyntaxNode) {
    let suggestion = Suggestion.text(for: name, among: ScriptInterface.definition.sorted())
    add("M112", "a definition has no field '\(name)'\(suggestion)", token: field.tokens.lowerBound)
  }
}
