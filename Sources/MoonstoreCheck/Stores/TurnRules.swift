import MoonDiagnostics
import MoonLuaSyntax

/// What the rules of turns forbid: getters that do more than read, transactions and loading that wait, and writes to
/// what belongs to others.
struct TurnRules {
  let analyzed: AnalyzedScript
  let project: ProjectFacts
  let effects: FunctionEffects

  private var script: CheckedScript { analyzed.script }

  func check(_ findings: inout Findings) {
    for store in analyzed.definitions.stores {
      for getter in store.getters.values.sorted(by: { $0.name < $1.name }) {
        guard let body = getter.body else { continue }
        let name = "\(store.id).\(getter.name)"
        check(body, "the getter '\(name)'", FunctionEffects.Effect.allCases, &findings)
      }
    }
    for node in script.tree.nodes {
      switch node.kind {
      case .call: checkTransaction(node, &findings)
      case .targetList: checkWrites(node, &findings)
      default: break
      }
    }
    if script.role.isLoaded {
      check(script.tree.root, "", [.waits], &findings)
    }
  }

  private func code(_ effect: FunctionEffects.Effect) -> String {
    switch effect {
    case .writes: "M201"
    case .sends: "M202"
    case .waits: "M203"
    }
  }

  /// Reports what a function does, itself or by a function that it calls.
  private func check(
    _ body: SyntaxNode,
    _ what: String,
    _ forbidden: [FunctionEffects.Effect],
    code: String? = nil,
    _ findings: inout Findings
  ) {
    let key = FunctionEffects.Key(script: script.path, body: body.id)
    let isLoading = body.kind == .chunk
    for act in effects.acts(of: key) where forbidden.contains(act.effect) {
      let message =
        isLoading
        ? "a script cannot wait while it is loaded, and this \(act.what)"
        : "\(what) \(act.what)" + reason(act.effect, code)
      findings.add(code ?? (isLoading ? "M206" : self.code(act.effect)), message, act.node)
    }
    for effect in forbidden {
      for (node, act) in effects.calls(of: key, with: effect) {
        let message =
          isLoading
          ? "a script cannot wait while it is loaded, and what is called here \(act.what)"
          : "\(what) calls a function that \(act.what)" + reason(effect, code)
        let notes = [Diagnostic.Note("it does so here", at: act.script.place(act.node))]
        findings.add(
          code ?? (isLoading ? "M206" : self.code(effect)),
          message,
          node,
          notes: notes
        )
      }
    }
  }

  private func reason(_ effect: FunctionEffects.Effect, _ code: String?) -> String {
    if code == "M204" { return ": what is one transaction cannot wait" }
    return effect == .waits ? ", and getters cannot wait" : ", and getters only read"
  }

  // MARK: Transactions

  private func checkTransaction(_ call: SyntaxNode, _ findings: inout Findings) {
    let function: SyntaxNode?
    switch call.calledGlobal {
    case "transaction": function = call.arguments.first
    case "store.patch": function = call.arguments.dropFirst().first
    default: return
    }
    guard let function, let body = script.variables.resolved(function).body else { return }
    check(body, "a transaction", [.waits], code: "M204", &findings)
  }

  // MARK: Writes

  private func checkWrites(_ targets: SyntaxNode, _ findings: inout Findings) {
    guard script.role != .spec else { return }
    for target in targets.children where target.kind == .member || target.kind == .index {
      guard let path = analyzed.handles.path(of: target), path.depth > 0,
        let store = project.stores[path.store], store.script !== script, let field = path.field,
        store.permits("write", field) == false, store.actions[field] == nil,
        store.getters[field] == nil
      else { continue }
      findings.add(
        "M205",
        "'\(path.store).\(field)' may not be written from here: '\(path.store)' does not permit it; call an "
          + "action of it, or let its 'permissions' name \"write:\(field)\"",
        target
      )
    }
  }
}
