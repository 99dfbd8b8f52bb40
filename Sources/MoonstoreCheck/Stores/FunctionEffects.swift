import MoonDiagnostics
import MoonLuaSyntax

/// What functions of a project do besides computing: write to stores, send, wait; by themselves, or through the
/// functions that they call.
struct FunctionEffects {
  enum Effect: CaseIterable { case writes, sends, waits }

  /// Where a function does it, and in whose words.
  struct Act {
    let effect: Effect
    let what: String
    let node: SyntaxNode
    let script: CheckedScript
  }

  /// A function, by its script and the node of its body.
  struct Key: Hashable {
    let script: String
    let body: UInt32
  }

  private var own: [Key: [Act]] = [:]
  private var calls: [Key: [(node: SyntaxNode, script: CheckedScript, target: Key)]] = [:]
  private var known: [Key: [Effect: Act]] = [:]

  init(_ scripts: [AnalyzedScript], _ stores: [String: StoreFacts]) {
    for script in scripts { collect(script, stores) }
    // What a function does through others is found by going around until nothing is new.
    for (key, acts) in own { for act in acts { add(act, to: key) } }
    var isChanged = true
    while isChanged {
      isChanged = false
      for (key, list) in calls {
        for call in list {
          for (effect, act) in known[call.target] ?? [:] where known[key]?[effect] == nil {
            known[key, default: [:]][effect] =
              Act(effect: effect, what: act.what, node: call.node, script: call.script)
            isChanged = true
          }
        }
      }
    }
  }

  private mutating func add(_ act: Act, to key: Key) {
    if known[key]?[act.effect] == nil { known[key, default: [:]][act.effect] = act }
  }

  /// What a function does itself, in the order of the text.
  func acts(of key: Key) -> [Act] { own[key] ?? [] }

  /// The calls of a function that have an effect through others.
  func calls(of key: Key, with effect: Effect) -> [(node: SyntaxNode, act: Act)] {
    (calls[key] ?? []).compactMap { call in
      known[call.target]?[effect].map { (call.node, $0) }
    }
  }

  // MARK: Collecting

  private mutating func collect(_ analyzed: AnalyzedScript, _ stores: [String: StoreFacts]) {
    let script = analyzed.script
    for node in script.tree.nodes {
      switch node.kind {
      case .call, .methodCall: note(call: node, analyzed, stores)
      case .targetList:
        for target in node.children where target.kind == .member || target.kind == .index {
          guard let path = analyzed.handles.path(of: target), path.depth > 0 else { continue }
          let name = path.field.map { "\(path.store).\($0)" } ?? path.store
          add(.writes, "writes '\(name)'", target, analyzed)
        }
      default: break
      }
    }
  }

  private mutating func add(
    _ effect: Effect,
    _ what: String,
    _ node: SyntaxNode,
    _ analyzed: AnalyzedScript
  ) {
    let act = Act(effect: effect, what: what, node: node, script: analyzed.script)
    for key in runners(of: node, analyzed) { own[key, default: []].append(act) }
  }

  /// The functions that run a node when they are called: the one around it, and those around that, except where a
  /// function is only handed on to run later.
  private func runners(of node: SyntaxNode, _ analyzed: AnalyzedScript) -> [Key] {
    let script = analyzed.script
    var keys: [Key] = []
    var body = script.function(around: node)
    for _ in 0..<200 {
      keys.append(Key(script: script.path, body: body))
      guard let function = script.node(body).parent, let around = function.parent,
        around.kind == .arguments, let call = around.parent
      else { break }
      // Called at once, as by pcall, or by a function that calls it later.
      guard let name = call.calledGlobal, !ScriptInterface.later.contains(name) else { break }
      body = script.function(around: call)
    }
    return keys
  }

  private mutating func note(
    call: SyntaxNode,
    _ analyzed: AnalyzedScript,
    _ stores: [String: StoreFacts]
  ) {
    if let name = call.calledGlobal {
      note(called: name, call, call.arguments, analyzed)
      // What is handed on to be called, as in pcall(sleep, 1).
      if name == "pcall" || name == "xpcall", let function = call.arguments.first,
        let path = function.globalPath
      {
        note(called: path, call, Array(call.arguments.dropFirst()), analyzed)
      }
      return
    }
    if call.kind == .methodCall {
      guard let base = call.firstChild, let name = call.lastName else { return }
      if name == "wait", isTask(base, analyzed) {
        add(.waits, "waits for a task", call, analyzed)
      }
      guard let id = analyzed.handles.store(of: base), let store = stores[id],
        let body = store.actions[name]?.body, let script = store.script
      else { return }
      addCall(call, analyzed, Key(script: script.path, body: body.id))
    } else if let callee = call.firstChild, callee.kind == .variable,
      let body = analyzed.script.variables.resolved(callee).body
    {
      addCall(call, analyzed, Key(script: analyzed.script.path, body: body.id))
    }
  }

  private func isTask(_ base: SyntaxNode, _ analyzed: AnalyzedScript) -> Bool {
    analyzed.script.variables.resolved(base).calledGlobal == "spawn"
  }

  private mutating func addCall(_ call: SyntaxNode, _ analyzed: AnalyzedScript, _ target: Key) {
    for key in runners(of: call, analyzed) where key != target {
      calls[key, default: []].append((call, analyzed.script, target))
    }
  }

  private mutating func note(
    called name: String,
    _ call: SyntaxNode,
    _ arguments: [SyntaxNode],
    _ analyzed: AnalyzedScript
  ) {
    if ScriptInterface.sending.contains(name) {
      add(.sends, "calls \(name)", call, analyzed)
    } else if ScriptInterface.waiting.contains(name) {
      add(.waits, "calls \(name)", call, analyzed)
    } else if ScriptInterface.writing.contains(name) {
      add(.writes, "calls \(name)", call, analyzed)
    } else if ScriptInterface.tableWriting.contains(name), let list = arguments.first,
      let path = analyzed.handles.path(of: list), path.depth > 0
    {
      let field = path.field.map { "\(path.store).\($0)" } ?? path.store
      add(.writes, "changes '\(field)' by \(name)", call, analyzed)
    }
  }
}

/// A script with what was found out about its stores.
struct AnalyzedScript {
  let script: CheckedScript
  let definitions: DefinitionFacts
  let handles: Handles
  let messages: MessageFacts

  init(_ script: CheckedScript) {
    self.script = script
    definitions = DefinitionFacts(script)
    handles = Handles(script, owners: definitions.owners)
    messages = MessageFacts(script, stores: definitions.stores)
  }
}
