import MoonDiagnostics
import MoonLuaSyntax
import MoonValue

/// What is known of all stores and messages of a project, from its texts and perhaps from a host.
struct ProjectFacts {
  private(set) var stores: [String: StoreFacts] = [:]
  /// Stores that are defined a second time.
  private(set) var doubles: [(store: StoreFacts, first: StoreFacts)] = []
  private(set) var computedStores: [Diagnostic.Place] = []
  private(set) var computedSendings: [Diagnostic.Place] = []
  private(set) var computedHandlers: [Diagnostic.Place] = []
  private(set) var handled: Set<String> = []
  private(set) var answered: Set<String> = []
  private(set) var sent: Set<String> = []
  /// Names that plugins add to all stores.
  private(set) var added: Set<String> = []
  /// Whether a plugin adds what is not in its text.
  private(set) var isOpen = false
  /// Scripts that are loaded with the project, and what those require.
  private(set) var loaded: Set<String> = []
  /// Whether it says all: a host that runs was asked.
  private let isComplete: Bool

  init(_ scripts: [AnalyzedScript], _ registry: KnownRegistry?) {
    isComplete = registry != nil
    for script in scripts {
      // Of a script that could not be read it is not known what it defines, sends and handles.
      if let problem = script.script.tree.problems.first {
        let place = script.script.place(problem.range)
        computedStores.append(place)
        computedSendings.append(place)
        computedHandlers.append(place)
      }
      computedStores += script.definitions.computed
      for store in script.definitions.stores {
        if let first = stores[store.id] {
          doubles.append((store, first))
        } else {
          stores[store.id] = store
          if !script.script.tree.problems.isEmpty { stores[store.id]?.isOpen = true }
        }
      }
      let messages = script.messages
      computedSendings += messages.computedSendings
      computedHandlers += messages.computedHandlers
      handled.formUnion(messages.handled.map(\.type))
      answered.formUnion(messages.answered.map(\.type))
      sent.formUnion(messages.sent.map(\.type) + messages.requested.map(\.type))
      if script.script.role == .middleware { sent.formUnion(messages.made) }
      if script.script.role == .plugin { readPlugin(script.script) }
    }
    findLoaded(scripts)
    if let registry { merge(registry) }
    findAssigned(scripts)
  }

  /// Whether a store that is not known may be there all the same.
  var mayHaveMoreStores: Bool { !isComplete && !computedStores.isEmpty }

  /// The names that handlers of all messages have.
  func isHandled(_ type: String) -> Bool { handled.contains(type) || handled.contains("*") }

  // MARK: Plugins

  private mutating func readPlugin(_ script: CheckedScript) {
    guard let value = script.tree.root.child(.returnStatement)?.child(.expressionList)?.firstChild
    else {
      isOpen = true
      return
    }
    for table in DefinitionFacts.tables(returnedBy: script.variables.resolved(value), script) {
      guard let table else {
        isOpen = true
        continue
      }
      for part in table.children {
        guard let (_, name, value) = part.field, let name,
          ["state", "getters", "actions"].contains(name)
        else { continue }
        for inner in DefinitionFacts.tables(returnedBy: script.variables.resolved(value), script) {
          guard let inner else {
            isOpen = true
            continue
          }
          added.formUnion(inner.children.compactMap { $0.field?.name })
        }
      }
    }
  }

  // MARK: Fields that are assigned

  /// A field can be added by an assignment, so what is assigned anywhere can be read.
  private mutating func findAssigned(_ scripts: [AnalyzedScript]) {
    for analyzed in scripts {
      for node in analyzed.script.tree.nodes {
        switch node.kind {
        case .targetList:
          for target in node.children where target.kind == .member || target.kind == .index {
            guard let base = target.firstChild,
              let id = analyzed.handles.store(of: base)
            else { continue }
            let name = target.kind == .member ? target.lastName : base.nextSibling?.literal
            if let name {
              note(name, of: id, analyzed.script.place(target))
            } else {
              stores[id]?.isOpen = true
            }
          }
        case .call where node.calledGlobal == "store.patch":
          let arguments = node.arguments
          guard let handle = arguments.first, let id = analyzed.handles.store(of: handle) else {
            continue
          }
          let changes = arguments.count > 1 ? analyzed.script.variables.resolved(arguments[1]) : nil
          guard let changes, changes.kind == .table else {
            stores[id]?.isOpen = true
            continue
          }
          for child in changes.children {
            if let name = child.field?.name { note(name, of: id, analyzed.script.place(child)) }
          }
        default: break
        }
      }
    }
  }

  private mutating func note(_ name: String, of id: String, _ place: Diagnostic.Place) {
    guard let store = stores[id], !store.has(name) else { return }
    stores[id]?.fields[name] = StoreFacts.Member(name: name, place: place)
  }

  // MARK: Scripts that are loaded

  private mutating func findLoaded(_ scripts: [AnalyzedScript]) {
    var required: [String: [String]] = [:]
    for analyzed in scripts {
      for node in analyzed.script.tree.nodes where node.calledGlobal == "require" {
        guard let name = node.arguments.first?.literal else { continue }
        let path = name.replacing(".", with: "/") + ".lua"
        required[analyzed.script.path, default: []] += [path, "lib/" + path]
      }
    }
    var waiting = scripts.filter(\.script.role.isLoaded).map(\.script.path)
    while let path = waiting.popLast() {
      guard loaded.insert(path).inserted else { continue }
      waiting += required[path] ?? []
    }
  }

  // MARK: A host

  private mutating func merge(_ registry: KnownRegistry) {
    handled.formUnion(registry.handled)
    answered.formUnion(registry.answered)
    for known in registry.stores {
      var store = stores[known.id] ?? StoreFacts(id: known.id, script: nil, place: nil)
      let make = { (name: String) in StoreFacts.Member(name: name, place: nil) }
      for name in known.fields where store.fields[name] == nil { store.fields[name] = make(name) }
      for name in known.getters where store.getters[name] == nil {
        store.getters[name] = make(name)
      }
      for name in known.actions where store.actions[name] == nil {
        store.actions[name] = make(name)
      }
      store.isOpen = false
      if store.script == nil {
        store.hasPermissions = true
        store.permissions = nil
      }
      stores[known.id] = store
    }
  }
}

/// The stores and messages that a host knows, for names that are not in the texts.
public struct KnownRegistry: Sendable {
  /// A store, by the names of what it has.
  public struct Store: Sendable {
    /// The id.
    public var id: String
    /// The names of its state.
    public var fields: [String]
    /// The names of its getters.
    public var getters: [String]
    /// The names of its actions.
    public var actions: [String]

    /// Makes a store.
    public init(id: String, fields: [String], getters: [String], actions: [String]) {
      self.id = id
      self.fields = fields
      self.getters = getters
      self.actions = actions
    }
  }

  /// The stores.
  public var stores: [Store]
  /// Types of messages that have handlers.
  public var handled: [String]
  /// Types of requests that have responders.
  public var answered: [String]

  /// Makes a registry.
  public init(stores: [Store], handled: [String] = [], answered: [String] = []) {
    self.stores = stores
    self.handled = handled
    self.answered = answered
  }
}
