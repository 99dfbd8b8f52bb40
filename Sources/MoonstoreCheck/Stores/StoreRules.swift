import MoonDiagnostics
import MoonLuaSyntax
import MoonValue

/// Names of stores, of their members and of messages, and what stores need of each other.
struct StoreRules {
  let analyzed: AnalyzedScript
  let project: ProjectFacts
  /// Types of messages that come from outside of the project, or go there; `order:*` is all that begin so.
  let outside: [String]

  private var script: CheckedScript { analyzed.script }

  func check(_ findings: inout Findings) {
    for node in script.tree.nodes {
      switch node.kind {
      case .call: checkCall(node, &findings)
      case .methodCall: checkAction(node, &findings)
      case .member: checkMember(node, &findings)
      default: break
      }
    }
    for double in project.doubles where double.store.script === script {
      guard let place = double.store.place else { continue }
      let first = double.first.place.map { " at \($0.file):\($0.line ?? 0)" } ?? ""
      findings.add(
        "M101",
        "the store '\(double.store.id)' is defined twice: here and\(first)",
        at: place
      )
    }
    for store in analyzed.definitions.stores {
      for dependency in store.dependencies {
        checkStore(dependency.id, at: dependency.place, &findings)
      }
    }
    checkMessages(&findings)
  }

  // MARK: Stores

  private func checkStore(_ id: String, at place: Diagnostic.Place, _ findings: inout Findings) {
    guard project.stores[id] == nil, !project.mayHaveMoreStores else { return }
    let suggestion = Suggestion.text(for: id, among: project.stores.keys.sorted())
    findings.add("M102", "the store '\(id)' does not exist\(suggestion)", at: place)
  }

  private func checkCall(_ call: SyntaxNode, _ findings: inout Findings) {
    switch call.calledGlobal {
    case "useStore":
      guard let argument = call.arguments.first, let id = argument.literal else { return }
      checkStore(id, at: script.place(argument), &findings)
      checkDependency(id, argument, &findings)
    case "bus.send", "bus.request":
      guard call.arguments.count > 2 else { return }
      let options = script.variables.resolved(call.arguments[2])
      if options.kind == .table, let to = options.field("to"), let id = to.literal,
        !id.hasSuffix(".lua")
      {
        checkStore(id, at: script.place(to), &findings)
      }
    case nil: checkDotCall(call, &findings)
    default: break
    }
  }

  private func checkDependency(_ id: String, _ node: SyntaxNode, _ findings: inout Findings) {
    let stores = analyzed.definitions.stores
    guard script.role == .store, stores.count == 1, let store = stores.first, store.id != id,
      project.stores[id] != nil, !store.dependencies.contains(where: { $0.id == id })
    else { return }
    findings.add(
      "M109",
      "'\(store.id)' uses the store '\(id)', which its 'dependencies' do not name",
      node
    )
  }

  // MARK: Members

  private func checkAction(_ call: SyntaxNode, _ findings: inout Findings) {
    guard let base = call.firstChild, let id = analyzed.handles.store(of: base),
      let store = project.stores[id], let name = call.lastName, let token = call.lastNameToken
    else { return }
    guard let action = store.actions[name] else {
      if isKnownOtherwise(name, store) { return }
      if store.has(name) {
        let message = "'\(name)' of the store '\(id)' is no action, which could be called"
        findings.add("M103", message, token: token)
      } else if !isOpen(store) {
        let suggestion = Suggestion.text(for: name, among: store.actions.keys.sorted())
        findings.add("M103", "the store '\(id)' has no action '\(name)'\(suggestion)", token: token)
      }
      return
    }
    checkPermission("call", name, store, token, &findings)
    guard let parameters = action.parameters else { return }
    let given = call.arguments
    let isFixed = given.last?.isMultiple != true
    let names = parameters.joined(separator: ", ")
    let notes = action.place.map { [Diagnostic.Note("\(id):\(name)(\(names))", at: $0)] } ?? []
    if (isFixed ? given.count : given.count - 1) > parameters.count {
      let count = parameters.count == 1 ? "1 argument" : "\(parameters.count) arguments"
      findings.add(
        "M105",
        "\(id):\(name) takes \(count) at most, and gets \(given.count)",
        given[parameters.count],
        notes: notes
      )
    } else if isFixed, given.count < action.required {
      let missing = parameters[given.count]
      findings.add(
        "M105",
        "\(id):\(name) needs '\(missing)', and gets \(given.count) of its arguments",
        token: token,
        notes: notes
      )
    }
  }

  private func checkMember(_ member: SyntaxNode, _ findings: inout Findings) {
    guard let base = member.firstChild, let id = analyzed.handles.store(of: base),
      let store = project.stores[id], let name = member.lastName, let token = member.lastNameToken
    else { return }
    let isAssigned = member.parent?.kind == .targetList
    if isAssigned {
      guard let place = store.getters[name]?.place ?? store.actions[name]?.place else { return }
      let what = store.getters[name] != nil ? "a getter" : "an action"
      let message = "'\(name)' is \(what) of the store '\(id)', and cannot be set"
      let notes = [Diagnostic.Note("it is defined here", at: place)]
      return findings.add("M207", message, token: token, notes: notes)
    }
    if store.actions[name] == nil { checkPermission("read", name, store, token, &findings) }
    guard !store.has(name), !isKnownOtherwise(name, store), !isOpen(store) else { return }
    let suggestion = Suggestion.text(for: name, among: store.readable)
    findings.add(
      "M104",
      "the store '\(id)' has no field or getter '\(name)'\(suggestion)",
      token: token
    )
  }

  /// `cart.addItem(...)`, whose first argument is no store.
  private func checkDotCall(_ call: SyntaxNode, _ findings: inout Findings) {
    guard let callee = call.firstChild, callee.kind == .member, let base = callee.firstChild,
      let id = analyzed.handles.store(of: base), let name = callee.lastName,
      project.stores[id]?.actions[name] != nil
    else { return }
    if let first = call.arguments.first {
      // What may be the store.
      if analyzed.handles.store(of: first) != nil { return }
      switch first.unwrapped.kind {
      case .variable, .call, .methodCall, .member, .index, .varargs: return
      default: break
      }
    }
    let dot = callee.tokens.upperBound - 2
    findings.add(
      "M113",
      "\(id).\(name)(...) does not get the store: call it as \(base.text):\(name)(...)",
      token: dot,
      fix: Diagnostic.Fix(
        "call it with a colon",
        replacing: script.tree.tokens.range(of: dot),
        with: ":"
      )
    )
  }

  private func isKnownOtherwise(_ name: String, _ store: StoreFacts) -> Bool {
    project.added.contains(name)
  }

  private func isOpen(_ store: StoreFacts) -> Bool { store.isOpen || project.isOpen }

  /// Whether a store permits others what this script does with it.
  private func checkPermission(
    _ right: String,
    _ name: String,
    _ store: StoreFacts,
    _ token: Int,
    _ findings: inout Findings
  ) {
    guard store.script !== script, script.role != .spec, store.permits(right, name) == false else {
      return
    }
    let verb = right == "call" ? "called" : "read"
    findings.add(
      "M205",
      "'\(name)' may not be \(verb) from here: the permissions of '\(store.id)' do not allow it",
      token: token
    )
  }

  // MARK: Messages

  private func isOutside(_ type: String) -> Bool {
    outside.contains { name in
      name == type || name.hasSuffix("*") && type.hasPrefix(name.dropLast())
    }
  }

  private func checkMessages(_ findings: inout Findings) {
    let messages = analyzed.messages
    let handled = project.handled.union(project.answered)
    for message in messages.sent
    where !project.isHandled(message.type) && !isOutside(message.type)
      && !project.answered.contains(message.type) && project.computedHandlers.isEmpty
    {
      let suggestion = Suggestion.text(for: message.type, among: handled.sorted())
      findings.add("M106", "no script handles '\(message.type)'\(suggestion)", at: message.place)
    }
    for message in messages.requested
    where !project.answered.contains(message.type) && !project.isHandled(message.type)
      && !isOutside(message.type) && project.computedHandlers.isEmpty
    {
      let suggestion = Suggestion.text(for: message.type, among: handled.sorted())
      findings.add("M108", "no script answers '\(message.type)'\(suggestion)", at: message.place)
    }
    let isKnown = project.computedSendings.isEmpty
    for message in messages.handled + messages.answered
    where isKnown && message.type != "*" && !project.sent.contains(message.type)
      && !isOutside(message.type) && !message.type.hasSuffix(":response")
    {
      let suggestion = Suggestion.text(for: message.type, among: project.sent.sorted())
      findings.add("M107", "no script sends '\(message.type)'\(suggestion)", at: message.place)
    }
  }
}
