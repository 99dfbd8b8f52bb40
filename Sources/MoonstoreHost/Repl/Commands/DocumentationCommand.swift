import MoonLua
import MoonValue
import MoonstoreCore
import MoonstoreInterface

extension HostEngine {
  /// `:doc`: what the script interface says of a name, or the comment above a store's code; alone, the libraries.
  func showDocumentation(
    _ call: ReplCommand.Call,
    _ view: ReplView
  ) throws(StoreError) -> ReplResult {
    let interface = ScriptInterface.current
    let name = call.rest
    if name.isEmpty { return listLibraries(view) }
    if namesStore(name) { return try showCode(call, view) }
    guard let entry = interface.entry(named: name) else {
      let names = interface.names + system.registry.ids
      throw StoreError(
        .invalidArgument,
        "\(call.name): there is neither a store nor a function '\(name)'"
          + "\(Suggestion.text(for: name, among: names)); :doc alone lists the libraries"
      )
    }
    let text = DocumentationText(entry, of: interface)
    var lines = text.lines
    if let capability = interface.capability(of: name), !grants(capability) {
      lines.append("this host does not grant it")
    }
    var result = ReplResult(.ok, text: lines.map(PrintedText.line).joined(separator: "\n"))
    if view.wantsData {
      result.values = [
        ["name": .string(entry.name), "text": .array(lines.map(Value.string))]
      ]
    }
    return result
  }

  private func namesStore(_ text: String) -> Bool {
    if system.registry.has(text) { return true }
    return text.indices.contains { place in
      (text[place] == ":" || text[place] == ".") && system.registry.has(String(text[..<place]))
    }
  }

  private func listLibraries(_ view: ReplView) -> ReplResult {
    let interface = ScriptInterface.current
    var lines: [String] = []
    var data: [Value] = []
    for page in interface.pages {
      let names = page.entries.filter { entry in
        guard !entry.name.contains(where: { $0 == "." || $0 == ":" }) else { return false }
        switch entry {
        case .function, .library, .value: return true
        case .type, .alias: return false
        }
      }.map(\.name)
      guard !names.isEmpty else { continue }
      lines.append("\(page.title): \(names.joined(separator: ", "))")
      data.append(["title": .string(page.title), "names": .array(names.map(Value.string))])
    }
    lines.append(":doc NAME shows one of them, such as :doc bus or :doc bus.send")
    var result = ReplResult(.ok, text: lines.joined(separator: "\n"))
    if view.wantsData { result.values = [.array(data)] }
    return result
  }

  // MARK: Names

  /// Whether scripts have what needs a grant of the host.
  func grants(_ capability: String) -> Bool {
    switch capability {
    case "http": configuration.http != nil
    case "files": configuration.grantsFiles
    default: true
    }
  }

  /// The names of the script interface that scripts have, with what completion says of them.
  var interfaceItems: [ReplCompletion] {
    let interface = ScriptInterface.current
    return interface.pages.flatMap(\.entries).compactMap { entry in
      let library = String(entry.name.prefix { $0 != "." && $0 != ":" })
      if let capability = interface.capability(of: library), !grants(capability) { return nil }
      return switch entry {
      case .function(let function):
        ReplCompletion(function.name, "function", function.parameterList)
      case .library(let library): ReplCompletion(library.name, "library", library.documentation)
      case .value(let value): ReplCompletion(value.name, "value", value.type.text)
      case .type(let type): ReplCompletion(type.name, "type", type.documentation)
      case .alias: nil
      }
    }
  }
}

extension StoreHost {
  /// The names of the globals that a script finds, for what compares them with their description.
  package func globalNames(of script: String) throws -> [String] {
    guard let environment = engine.scripts[script]?.environment else { return [] }
    var names = Set<String>()
    for (key, _) in try environment.pairs() {
      if case .data(.string(let name)) = key { names.insert(name) }
    }
    if case .table(let made) = try engine.preludeFunction("made").call().first,
      let list = try made.value().arrayValue
    {
      names.formUnion(list.compactMap(\.stringValue))
    }
    return names.sorted()
  }
}
