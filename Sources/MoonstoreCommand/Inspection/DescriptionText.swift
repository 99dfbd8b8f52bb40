import MoonValue

/// What there is in a project, for people to read.
///
/// Takes what `StoreHost.describe` gives.
struct DescriptionText {
  private var lines: [String] = []

  /// The whole text, with control characters written out.
  static func text(of description: Value, project: String) -> String {
    var text = DescriptionText()
    text.write(description, project)
    return text.lines.joined(separator: "\n") + "\n"
  }

  private mutating func add(_ level: Int, _ text: String) {
    lines.append(String(repeating: "  ", count: level) + text.escapedForTerminal)
  }

  /// A line of a store: a word, and what follows from it.
  private mutating func add(_ word: String, _ texts: [String]) {
    guard !texts.isEmpty else { return }
    let padding = String(repeating: " ", count: max(1, 13 - word.count))
    add(2, word + padding + texts.joined(separator: ", "))
  }

  private mutating func begin(_ title: String) {
    lines.append("")
    lines.append(title)
  }

  private mutating func write(_ description: Value, _ project: String) {
    let stores = description.list("stores")
    add(0, "\(project): \(stores.count == 1 ? "1 store" : "\(stores.count) stores")")
    begin("STORES")
    for store in stores { write(store: store) }
    writeMessages(description)
    writeLayers(description)
    writeEffects(description.list("effects"))
    writeCapabilities(description["capabilities"] ?? .null)
  }

  // MARK: Stores

  private mutating func write(store: Value) {
    var title = store.text("id")
    if store.text("name") != store.text("id") { title += " \"\(store.text("name"))\"" }
    title += "  " + (store["script"]?.stringValue.map { place($0, store["line"]) } ?? "in Swift")
    if let version = store["version"]?.integerValue, version > 1 { title += "  version \(version)" }
    add(1, title)
    let all = store.texts("allDependencies")
    let direct = store.texts("dependencies")
    add("depends on", direct)
    add("missing", store.texts("missing"))
    if all.count > direct.count { add("in order", all) }
    add("used by", store.texts("dependents"))
    let further = store.texts("allDependents").filter { !store.texts("dependents").contains($0) }
    add("and by", further)
    if let permissions = store["permissions"]?.arrayValue {
      add("permissions", permissions.isEmpty ? ["none"] : permissions.map(permission))
    }
    if let metadata = store["metadata"], metadata.mapValue?.isEmpty == false {
      add("metadata", ["\(metadata)"])
    }
    let fields = (store["state"]?.mapValue ?? [:]).sorted { $0.key < $1.key }
    for (index, field) in fields.enumerated() {
      let word = index == 0 ? "state" : ""
      add(word, ["\(field.key): \(DescriptionText.words(field.value))"])
    }
    if let more = store["moreState"]?.integerValue, more > 0 { add("", ["and \(more) more"]) }
    add("getters", store.texts("getters"))
    add(
      "actions",
      store.list("actions").map { action in
        let parameters = action["parameters"]?.arrayValue.map { _ in action.texts("parameters") }
        return "\(action.text("name"))(\((parameters ?? ["..."]).joined(separator: ", ")))"
      }
    )
    add("middleware", places(store.list("middleware")))
    add("handles", store.texts("handles"))
    add("answers", store.texts("answers"))
  }

  private func permission(_ permission: Value) -> String {
    if let text = permission.stringValue { return text }
    var words = permission.text("permission")
    if let principal = permission["principal"]?.stringValue { words += " for \(principal)" }
    if permission["conditional"] == true { words += " under a condition" }
    return words
  }

  private func place(_ script: String, _ line: Value?) -> String {
    line?.integerValue.map { "\(script):\($0)" } ?? script
  }

  /// An outline of state in words.
  static func words(_ outline: Value) -> String {
    if let word = outline.stringValue { return word }
    if let element = outline["array"] { return "array of \(words(element))" }
    if let kinds = outline["any"]?.arrayValue {
      return kinds.map(words).joined(separator: " or ")
    }
    var fields = (outline["map"]?.mapValue ?? [:]).sorted { $0.key < $1.key }.map {
      "\($0.key): \(words($0.value))"
    }
    if let more = outline["more"]?.integerValue { fields.append("and \(more) more") }
    return "{ \(fields.joined(separator: ", ")) }"
  }

  // MARK: Messages

  private mutating func writeMessages(_ description: Value) {
    let messages = description.list("messages")
    guard !messages.isEmpty || !description.list("computed").isEmpty else { return }
    begin("MESSAGES")
    for message in messages {
      add(1, message.text("type") == "*" ? "* (all)" : message.text("type"))
      let senders = message.list("senders")
      add("sent by", places(senders.filter { $0["kind"] != "request" }))
      add("asked by", places(senders.filter { $0["kind"] == "request" }))
      add("handled by", message.texts("handlers"))
      add("answered by", message.texts("responders"))
      add("effects of", message.texts("effects"))
    }
    let unhandled = description.texts("unhandled")
    let unsent = description.texts("unsent")
    if !unhandled.isEmpty { add(1, "sent, but nobody is there: \(list(unhandled))") }
    if !unsent.isEmpty { add(1, "never sent by this name: \(list(unsent))") }
    let computed = description.list("computed")
    if !computed.isEmpty {
      add(1, "sent with a computed type: \(list(places(computed)))")
    }
    add(1, "(who sends is read in the text of the scripts: types that are computed cannot be told)")
  }

  private func list(_ texts: [String]) -> String { texts.joined(separator: ", ") }

  private func places(_ values: [Value]) -> [String] {
    values.map { value in
      guard let script = value["script"]?.stringValue else { return "Swift" }
      return place(script, value["line"])
    }
  }

  // MARK: Around

  private mutating func writeLayers(_ description: Value) {
    let middleware = description["middleware"] ?? .null
    let actions = places(middleware.list("actions"))
    let messages = places(middleware.list("messages"))
    if !actions.isEmpty || !messages.isEmpty {
      begin("MIDDLEWARE, in order")
      if !actions.isEmpty { add(1, "around actions   \(list(actions))") }
      if !messages.isEmpty { add(1, "before messages  \(list(messages))") }
    }
    let plugins = description.texts("plugins")
    if !plugins.isEmpty {
      begin("PLUGINS, in order")
      for plugin in plugins { add(1, plugin) }
    }
  }

  private mutating func writeEffects(_ effects: [Value]) {
    guard !effects.isEmpty else { return }
    begin("EFFECTS")
    for effect in effects {
      var words: [String] = []
      for name in ["latest", "leading", "once"] where effect[.string(name)] == true {
        words.append(name)
      }
      for name in ["delay", "debounce", "throttle"] {
        if let seconds = effect[.string(name)]?.doubleValue { words.append("\(name) \(seconds) s") }
      }
      let options = words.isEmpty ? "" : " (\(list(words)))"
      add(1, "\(effect.text("script")): \(effect.text("listener"))\(options)")
    }
  }

  private mutating func writeCapabilities(_ capabilities: Value) {
    begin("CAPABILITIES")
    var granted: [String] = []
    if capabilities["files"] == true {
      granted.append("files \(list(["of the project"] + capabilities.texts("readableFiles")))")
    }
    if let http = capabilities["http"], !http.isNull {
      granted.append("http to \(list(http.texts("hosts")))")
    }
    add(1, granted.isEmpty ? "none granted" : list(granted))
  }
}

extension Value {
  func list(_ key: Key) -> [Value] { self[key]?.arrayValue ?? [] }
  func texts(_ key: Key) -> [String] { list(key).compactMap(\.stringValue) }
  func text(_ key: Key) -> String { self[key]?.stringValue ?? "" }
}
