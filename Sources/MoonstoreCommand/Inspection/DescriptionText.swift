import MoonValue
import MoonstoreCore
import MoonstoreHost

/// What there is in a project, for people to read.
///
/// Takes what `StoreHost.describe` gives.
struct DescriptionText {
  private var lines: [String] = []

  /// The whole text, with control characters written out.
  static func text(of description: HostDescription, project: String) -> String {
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

  private mutating func write(_ description: HostDescription, _ project: String) {
    let stores = description.stores
    add(0, "\(project): \(stores.count == 1 ? "1 store" : "\(stores.count) stores")")
    begin("STORES")
    for store in stores { write(store: store) }
    writeMessages(description)
    writeLayers(description)
    writeEffects(description.effects)
    writeCapabilities(description.capabilities)
  }

  // MARK: Stores

  private mutating func write(store: HostDescription.Store) {
    let record = store.record
    var title = store.id
    if record.name != store.id { title += " \"\(record.name)\"" }
    title += "  " + (record.script.map { place($0, store.line) } ?? "in Swift")
    if record.version > 1 { title += "  version \(record.version)" }
    add(1, title)
    add("depends on", record.dependencies)
    add("missing", store.missing)
    if store.allDependencies.count > record.dependencies.count {
      add("in order", store.allDependencies)
    }
    add("used by", record.dependents)
    add("and by", store.allDependents.filter { !record.dependents.contains($0) })
    if let permissions = record.permissions {
      add("permissions", permissions.isEmpty ? ["none"] : permissions.map(\.description))
    }
    if record.metadata.mapValue?.isEmpty == false { add("metadata", ["\(record.metadata)"]) }
    for (index, field) in store.state.sorted(by: { $0.key < $1.key }).enumerated() {
      add(index == 0 ? "state" : "", ["\(field.key): \(field.value)"])
    }
    if store.moreState > 0 { add("", ["and \(store.moreState) more"]) }
    add("getters", store.getters)
    add(
      "actions",
      store.actions.map { "\($0.name)(\(($0.parameters ?? ["..."]).joined(separator: ", ")))" }
    )
    add("middleware", places(store.middleware))
    add("handles", store.handles)
    add("answers", store.answers)
  }

  private func place(_ script: String, _ line: Int?) -> String {
    line.map { "\(script):\($0)" } ?? script
  }

  // MARK: Messages

  private mutating func writeMessages(_ description: HostDescription) {
    guard !description.messages.isEmpty || !description.computed.isEmpty else { return }
    begin("MESSAGES")
    for message in description.messages {
      add(1, message.type == "*" ? "* (all)" : message.type)
      func senders(_ kind: HostDescription.MessageType.Sender.Kind) -> [String] {
        message.senders.filter { $0.kind == kind }.map { place($0.script, $0.line) }
      }
      add("sent by", senders(.send))
      add("asked by", senders(.request))
      add("handled by", message.handlers)
      add("answered by", message.responders)
      add("effects of", message.effects)
    }
    let (unhandled, unsent) = (description.unhandled, description.unsent)
    if !unhandled.isEmpty { add(1, "sent, but nobody is there: \(list(unhandled))") }
    if !unsent.isEmpty { add(1, "never sent by this name: \(list(unsent))") }
    if !description.computed.isEmpty {
      let places = description.computed.map { place($0.script, $0.line) }
      add(1, "sent with a computed type: \(list(places))")
    }
    add(1, "(who sends is read in the text of the scripts: types that are computed cannot be told)")
  }

  private func list(_ texts: [String]) -> String { texts.joined(separator: ", ") }

  private func places(_ places: [HostDescription.Place]) -> [String] {
    places.map { each in each.script.map { place($0, each.line) } ?? "Swift" }
  }

  // MARK: Around

  private mutating func writeLayers(_ description: HostDescription) {
    let actions = places(description.middleware.actions)
    let messages = places(description.middleware.messages)
    if !actions.isEmpty || !messages.isEmpty {
      begin("MIDDLEWARE, in order")
      if !actions.isEmpty { add(1, "around actions   \(list(actions))") }
      if !messages.isEmpty { add(1, "before messages  \(list(messages))") }
    }
    guard !description.plugins.isEmpty else { return }
    begin("PLUGINS, in order")
    for plugin in description.plugins { add(1, plugin) }
  }

  private mutating func writeEffects(_ effects: [HostDescription.Effect]) {
    guard !effects.isEmpty else { return }
    begin("EFFECTS")
    for effect in effects {
      var words: [String] = []
      if effect.latest { words.append("latest") }
      if effect.leading { words.append("leading") }
      if effect.once { words.append("once") }
      for (name, time) in [
        ("delay", effect.delay), ("debounce", effect.debounce), ("throttle", effect.throttle),
      ] {
        if let time { words.append("\(name) \(time.inSeconds) s") }
      }
      let options = words.isEmpty ? "" : " (\(list(words)))"
      add(1, "\(effect.script): \(effect.listener)\(options)")
    }
  }

  private mutating func writeCapabilities(_ capabilities: HostDescription.Capabilities) {
    begin("CAPABILITIES")
    var granted: [String] = []
    if capabilities.files {
      granted.append("files \(list(["of the project"] + capabilities.readableFiles))")
    }
    if let http = capabilities.http { granted.append("http to \(list(http.hosts))") }
    add(1, granted.isEmpty ? "none granted" : list(granted))
  }
}
