import MoonDiagnostics
import MoonLuaSyntax

/// What cannot be state or a message, what depends on an order that is none, and what a reload loses.
struct StateRules {
  let analyzed: AnalyzedScript
  let project: ProjectFacts
  let settings: CheckSettings

  private var script: CheckedScript { analyzed.script }

  func check(_ findings: inout Findings) {
    for node in script.tree.nodes {
      switch node.kind {
      case .assignment: checkAssignment(node, &findings)
      case .call: checkCall(node, &findings)
      case .genericFor: checkOrder(node, &findings)
      default: break
      }
    }
    checkMemory(&findings)
    checkCapabilities(&findings)
  }

  // MARK: Data

  private func checkAssignment(_ assignment: SyntaxNode, _ findings: inout Findings) {
    guard let targets = assignment.child(.targetList),
      let values = assignment.child(.expressionList)
    else { return }
    for (target, value) in zip(targets.children, values.children)
    where target.kind == .member || target.kind == .index {
      guard let path = analyzed.handles.path(of: target), path.depth > 0 else { continue }
      let store = project.stores[path.store]
      let name = path.field ?? ""
      if store?.actions[name] != nil || store?.getters[name] != nil { continue }
      checkData(value, "state", &findings)
    }
  }

  private func checkCall(_ call: SyntaxNode, _ findings: inout Findings) {
    let arguments = call.arguments
    switch call.calledGlobal {
    case "bus.send", "bus.request":
      if arguments.count > 1 { checkData(arguments[1], "the payload of a message", &findings) }
    case "table.insert":
      guard let list = arguments.first, let path = analyzed.handles.path(of: list), path.depth > 0,
        let value = arguments.last, arguments.count > 1
      else { return }
      checkData(value, "state", &findings)
    case "defineStore":
      guard arguments.count > 1 else { return }
      let definition = script.variables.resolved(arguments[1])
      guard definition.kind == .table, let state = definition.field("state") else { return }
      let resolved = script.variables.resolved(state)
      for table in DefinitionFacts.tables(returnedBy: resolved, script) {
        if let table { checkData(table, "state", &findings) }
      }
    default: break
    }
  }

  /// Reports what in an expression is no data.
  private func checkData(_ expression: SyntaxNode, _ what: String, _ findings: inout Findings) {
    var waiting = [expression]
    while let node = waiting.popLast() {
      let value = node.unwrapped
      switch value.kind {
      case .table:
        for child in value.children {
          if let inner = child.field?.value ?? child.firstChild { waiting.append(inner) }
        }
      case .functionExpression: findings.add("M301", "a function cannot be \(what)", value)
      case .variable:
        if script.variables.resolved(value).body != nil {
          findings.add("M301", "'\(value.text)' is a function, which cannot be \(what)", value)
        }
      case .call:
        switch value.calledGlobal {
        case "coroutine.create": findings.add("M301", "a coroutine cannot be \(what)", value)
        case "coroutine.wrap": findings.add("M301", "a function cannot be \(what)", value)
        default: break
        }
      default: break
      }
    }
  }

  // MARK: Order

  /// `pairs` over a plain table whose order becomes that of a list in state, or of messages.
  private func checkOrder(_ loop: SyntaxNode, _ findings: inout Findings) {
    guard let call = loop.child(.expressionList)?.firstChild,
      call.calledGlobal == "pairs" || call.calledGlobal == "next",
      let walked = call.arguments.first, analyzed.handles.path(of: walked) == nil,
      script.variables.resolved(walked).kind == .table, let block = loop.child(.block)
    else { return }
    block.walk { node in
      switch node.kind {
      case .call:
        if node.calledGlobal == "bus.send" || node.calledGlobal == "bus.request" {
          findings.add(
            "M401",
            "messages are sent in the order of 'pairs', which is another one each time: sort the keys first",
            call
          )
        } else if node.calledGlobal == "table.insert", let list = node.arguments.first,
          let path = analyzed.handles.path(of: list), path.depth > 0
        {
          findings.add("M401", order(path), call)
        }
      case .targetList:
        for target in node.children where target.kind == .index {
          guard let path = analyzed.handles.path(of: target), path.depth > 1,
            let key = target.firstChild?.nextSibling, isNext(key)
          else { continue }
          findings.add("M401", order(path), call)
        }
      default: break
      }
    }
  }

  private func order(_ path: Handles.Path) -> String {
    let name = path.field.map { "\(path.store).\($0)" } ?? path.store
    return
      "the order of 'pairs', which is another one each time, becomes that of '\(name)': sort the keys first"
  }

  /// Whether a key is `#list + 1`.
  private func isNext(_ key: SyntaxNode) -> Bool {
    key.kind == .binary && key.firstChild?.kind == .unary && key.text.hasPrefix("#")
  }

  // MARK: Memory

  /// Variables at the top of a script that its functions change.
  private func checkMemory(_ findings: inout Findings) {
    guard project.loaded.contains(script.path) else { return }
    let root = script.tree.root.id
    // What a script hands on by itself is not lost.
    let hook = script.tree.nodes.first {
      $0.kind == .functionStatement && $0.child(.functionName)?.text == "onUnload"
    }
    for variable in script.variables.list where variable.kind == .local && variable.function == root
    {
      guard
        let change = variable.occurrences.first(where: {
          $0.function != root && (isChanged(by: $0, variable))
        })
      else { continue }
      if let hook, variable.occurrences.contains(where: { hook.tokens.contains($0.token) }) {
        continue
      }
      let notes = [Diagnostic.Note("it is changed here", at: script.place(ofToken: change.token))]
      findings.add(
        "M402",
        "'\(variable.name)' keeps what functions put into it, which a reload loses: keep it in the state of a store, "
          + "or hand it on in onUnload",
        token: variable.token,
        notes: notes
      )
    }
  }

  private func isChanged(
    by occurrence: Variables.Occurrence,
    _ variable: Variables.Variable
  ) -> Bool {
    switch occurrence.use {
    case .write: return true
    case .mutation:
      // A handle leads to state, which stays.
      guard let initial = variable.initial?.unwrapped else { return false }
      return initial.kind == .table
        || initial.calledGlobal == "setmetatable" || initial.calledGlobal == "array"
        || initial.calledGlobal == "map"
    case .read:
      let node = script.node(occurrence.node)
      guard let list = node.parent, list.kind == .arguments, list.firstChild?.id == node.id,
        let name = list.parent?.calledGlobal, variable.initial?.unwrapped.kind == .table
      else { return false }
      return ScriptInterface.tableWriting.contains(name) || name == "rawset"
    }
  }

  // MARK: Capabilities

  private func checkCapabilities(_ findings: inout Findings) {
    guard project.loaded.contains(script.path) else { return }
    var told: Set<String> = []
    for use in script.variables.globals where use.use == .read {
      let name = script.tree.text(ofToken: use.token)
      guard let capability = ScriptInterface.capabilities[name],
        !settings.capabilities.contains(capability)
      else { continue }
      let node = script.node(use.node)
      // One that asks whether it is there can do without.
      guard node.parent?.kind == .member else {
        told.insert(capability)
        continue
      }
      guard told.insert(capability).inserted else { continue }
      findings.add(
        "M501",
        "'\(name)' needs the capability '\(capability)', which moonstore.lua does not name: "
          + "capabilities = { \"\(capability)\" }",
        token: use.token
      )
    }
  }
}
