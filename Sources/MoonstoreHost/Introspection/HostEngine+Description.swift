import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What there is in this host and how it belongs together, as plain data; see `StoreHost.describe`.
  ///
  /// Reads only: no getter runs. A getter that asks for it follows all that it tells.
  func describe() throws(StoreError) -> Value {
    system.trackRegistrations()
    let texts = try scriptTexts()
    let readers = texts.map { (script: $0.script, reader: ScriptReader($0.text)) }
    var stores: [Value] = []
    for id in system.registry.ids { stores.append(try describe(store: id, readers)) }
    let messages = MessageMap(
      senders: readers.flatMap { script, reader in
        reader.sendings.map { (script, $0) }
      },
      members: system.bus.members,
      listeners: effects.messageListeners
    )
    let nowhere: Value = ["script": .null, "line": .null]
    let swift = Array(repeating: nowhere, count: system.actionMiddleware.count)
    return [
      "stores": .array(stores), "messages": .array(messages.types),
      "unhandled": .array(messages.unhandled.map(Value.string)),
      "unsent": .array(messages.unsent.map(Value.string)),
      "computed": .array(messages.computed),
      "middleware": [
        "actions": .array(swift + places(of: registrations.middleware.members)),
        "messages": .array(places(of: messageLayers)),
      ], "plugins": .array(system.pluginNames.map(Value.string)),
      "effects": .array(effects.descriptions), "scripts": .array(texts.map { .string($0.script) }),
      "capabilities": capabilities,
    ]
  }

  // MARK: Stores

  private func describe(
    store id: String,
    _ readers: [(script: String, reader: ScriptReader)]
  ) throws(StoreError) -> Value {
    let registry = system.registry
    let store = try registry.live(id)
    guard case .map(var record) = try registry.record(of: id) else { return .null }
    let missing = try registry.missingDependencies(id)
    let line = readers.first { $0.script == store.owner }?.reader.definitions[id] ?? store.line
    record["line"] = line.map { .integer(Int64($0)) } ?? .null
    record["missing"] = .array(missing.map(Value.string))
    let order = missing.isEmpty ? try registry.resolveDependencies(id) : []
    record["allDependencies"] = .array(order.map(Value.string))
    record["allDependents"] = .array(allDependents(of: id).map(Value.string))
    store.root.noteRead()
    var outline = StateOutline()
    let state = outline.outline(store.root)
    record["state"] = state["map"] ?? .map([:])
    record["moreState"] = state["more"] ?? 0
    record["getters"] = .array(store.getterNames.map(Value.string))
    record["actions"] = .array(
      store.presentActions.map { action in
        let parameters = machine.parameters(ofAction: action.number)
        return [
          "name": .string(action.name),
          "parameters": parameters.map { .array($0.map(Value.string)) } ?? .null,
        ]
      }
    )
    record["middleware"] = .array(
      (registrations.layers[id]?.members ?? []).map { place(LuaFunction($0.function)) }
    )
    let (handlers, responders) = system.bus.members
    record["handles"] = types(of: id, in: handlers)
    record["answers"] = types(of: id, in: responders)
    return .map(record)
  }

  private func types(of owner: String, in members: [String: [String]]) -> Value {
    .array(members.filter { $0.value.contains(owner) }.keys.sorted().map(Value.string))
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

  private func places(of layers: [ScriptLayer]) -> [Value] {
    layers.map { layer in
      [
        "script": .string(layer.script), "line": layer.line.map { .integer(Int64($0)) } ?? .null,
      ]
    }
  }

  private func place(_ function: LuaFunction) -> Value {
    guard let place = function.definition else { return ["script": .null, "line": .null] }
    return ["script": .string(place.script), "line": .integer(Int64(place.line))]
  }

  private var capabilities: Value {
    let http = configuration.http.map { grant -> Value in
      [
        "hosts": .array(grant.hosts.map { .string("\($0)") }),
        "schemes": .array(grant.schemes.sorted().map(Value.string)),
      ]
    }
    return [
      "files": .bool(configuration.grantsFiles),
      "readableFiles": .array(configuration.readableFiles.map(Value.string)),
      "http": http ?? .null,
    ]
  }

  /// `registry.describe`.
  func addIntrospection(_ natives: Natives) throws {
    natives.add("describe", as: .registryDescribe) { [unowned self] arguments in
      arguments.answer(try describe())
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

  /// The listeners as data, in order.
  var descriptions: [Value] {
    inOrder.map { listener in
      let options = listener.options
      var record: ValueMap = [
        "script": .string(listener.script), "listener": .string(listener.label),
        "on": .array(listener.matchers.map(\.description)),
        "running": .integer(Int64(listener.running.count)),
      ]
      if options.latest { record["latest"] = true }
      if options.leading { record["leading"] = true }
      if options.once { record["once"] = true }
      for (name, seconds) in [
        ("delay", options.delay), ("debounce", options.debounce), ("throttle", options.throttle),
      ] {
        if let seconds { record[.string(name)] = .number(seconds) }
      }
      return .map(record)
    }
  }

  private var inOrder: [EffectListener] {
    listeners.values.filter(\.isActive).sorted { $0.number < $1.number }
  }
}

extension EffectMatcher {
  /// What it matches, as data.
  fileprivate var description: Value {
    var record: ValueMap =
      switch subject {
      case .message(let type): ["message": .string(type)]
      case .anyMessage: ["message": "*"]
      case .action(let store, let name): ["action": .string("\(store):\(name ?? "*")")]
      case .change(let store, let path):
        ["change": .string(store), "path": path.map(Value.string) ?? .null]
      }
    if predicate != nil { record["conditional"] = true }
    return .map(record)
  }
}
