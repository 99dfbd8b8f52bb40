import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What there is in this host and how it belongs together.
  ///
  /// Reads only: no getter runs. A getter that asks for it follows all that it tells.
  func describe() throws(StoreError) -> HostDescription {
    system.trackRegistrations()
    let texts = try scriptTexts()
    let readers = texts.map { (script: $0.script, reader: ScriptReader($0.text)) }
    var stores: [HostDescription.Store] = []
    for id in system.registry.ids { stores.append(try describe(store: id, readers)) }
    let messages = MessageMap(
      senders: readers.flatMap { script, reader in
        reader.sendings.map { (script, $0) }
      },
      members: system.bus.members,
      listeners: effects.messageListeners
    )
    let nowhere = HostDescription.Place(script: nil, line: nil)
    let swift = Array(repeating: nowhere, count: system.actionMiddleware.count)
    return HostDescription(
      stores: stores,
      messages: messages.types,
      unhandled: messages.unhandled,
      unsent: messages.unsent,
      computed: messages.computed,
      middleware: HostDescription.Middleware(
        actions: swift + registrations.middleware.members.map(place),
        messages: messageLayers.map(place)
      ),
      plugins: system.pluginNames,
      effects: effects.inOrder.map(HostDescription.Effect.init),
      scripts: texts.map(\.script),
      capabilities: capabilities
    )
  }

  // MARK: Stores

  private func describe(
    store id: String,
    _ readers: [(script: String, reader: ScriptReader)]
  ) throws(StoreError) -> HostDescription.Store {
    let registry = system.registry
    let store = try registry.live(id)
    let missing = try registry.missingDependencies(id)
    store.root.noteRead()
    var outline = StateOutline()
    let (handlers, responders) = system.bus.members
    return HostDescription.Store(
      try registry.record(of: id),
      line: readers.first { $0.script == store.owner }?.reader.definitions[id] ?? store.line,
      missing: missing,
      allDependencies: missing.isEmpty ? try registry.resolveDependencies(id) : [],
      allDependents: allDependents(of: id),
      state: outline.fields(of: store.root),
      getters: store.getterNames,
      actions: store.presentActions.map { action in
        HostDescription.Store.Action(
          name: action.name,
          parameters: machine.parameters(ofAction: action.number)
        )
      },
      middleware: (registrations.layers[id]?.members ?? []).map { layer in
        let place = LuaFunction(layer.function).definition
        return HostDescription.Place(script: place?.script, line: place?.line)
      },
      handles: types(of: id, in: handlers),
      answers: types(of: id, in: responders)
    )
  }

  private func types(of owner: String, in members: [String: [String]]) -> [String] {
    members.filter { $0.value.contains(owner) }.keys.sorted()
  }

  /// The stores that depend on one, directly or not, nearest first.
  private func allDependents(of id: String) -> [String] {
    var found: [String] = []
    var queue = system.registry.dependents(of: id)
    while !queue.isEmpty {
      let next = queue.removeFirst()
      guard next != id, !found.contains(next) else { continue }
      found.append(next)
      queue += system.registry.dependents(of: next)
    }
    return found
  }

  // MARK: Scripts

  /// The texts of the scripts that are loaded, and of the others in the project except its tests.
  private func scriptTexts() throws(StoreError) -> [(script: String, text: String)] {
    var texts = NameTable<String>()
    for (script, unit) in scripts { texts[script] = unit.text }
    for path in project.map({ ProjectWalk($0.root).paths }) ?? [] where texts[path] == nil {
      texts[path] = try project?.text(of: path)
    }
    return texts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private func place(of layer: ScriptLayer) -> HostDescription.Place {
    HostDescription.Place(script: layer.script, line: layer.line)
  }

  private var capabilities: HostDescription.Capabilities {
    HostDescription.Capabilities(
      files: configuration.grantsFiles,
      readableFiles: configuration.readableFiles,
      http: configuration.http.map { grant in
        HostDescription.Capabilities.HTTP(
          hosts: grant.hosts.map { "\($0)" },
          schemes: grant.schemes.sorted()
        )
      }
    )
  }

  /// `registry.describe`.
  func addIntrospection(_ natives: Natives) throws {
    natives.add("describe", as: .registryDescribe) { [unowned self] arguments in
      arguments.answer(Value(encoding: try describe()))
    }
  }
}

extension EffectHub {
  /// Which scripts listen to messages, by type.
  var messageListeners: [(type: String, script: String)] {
    inOrder.flatMap { listener in
      listener.matchers.compactMap { matcher in
        switch matcher.subject {
        case .message(let type): (type, listener.script)
        case .anyMessage: ("*", listener.script)
        case .action, .change: nil
        }
      }
    }
  }

  /// The listeners that hear, in order.
  fileprivate var inOrder: [EffectListener] {
    listeners.values.filter(\.isActive).sorted { $0.number < $1.number }
  }
}
