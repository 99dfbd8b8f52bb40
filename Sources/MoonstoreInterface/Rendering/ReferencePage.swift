/// The reference of one page of the interface as Markdown for DocC.
package struct ReferencePage {
  private let interface: ScriptInterface
  private let page: InterfacePage

  package init(_ page: InterfacePage, of interface: ScriptInterface) {
    self.page = page
    self.interface = interface
  }

  /// The name of the file, without its ending.
  package var name: String {
    "Reference" + page.name.prefix(1).uppercased() + page.name.dropFirst()
  }

  package var text: String {
    let parts = page.documentation.split(separator: "\n\n", maxSplits: 1).map(String.init)
    let head = parts.first ?? ""
    let sections =
      [head, "## Overview", parts.count > 1 ? parts[1] : ReferencePage.overview]
      + page.entries.map { section($0).joined(separator: "\n\n") }
    let text = "# Reference: \(page.title)\n\n" + sections.joined(separator: "\n\n") + "\n"
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(wrapped)
      .joined(separator: "\n")
  }

  private static let overview =
    "Written by `Scripts/docs` from `Sources/MoonstoreInterface/Interface`. In a session `:doc NAME` shows the same."

  // MARK: Entries

  private func section(_ entry: InterfaceEntry) -> [String] {
    switch entry {
    case .function(let function): section(function)
    case .library(let library):
      ["## \(library.name)", library.documentation] + granted(library.capability)
    case .value(let value):
      ["### \(value.name)", value.documentation, "A \(code(value.type.text))."]
        + example(value.example)
    case .type(let type): section(type)
    case .alias(let alias):
      ["### \(alias.name)", alias.documentation, "It is \(code(alias.type.text))."]
    }
  }

  private func granted(_ capability: String?) -> [String] {
    capability.map { ["Only where the host grants `\($0)`."] } ?? []
  }

  private func section(_ type: InterfaceClass) -> [String] {
    var parts = ["### \(type.name)", type.documentation]
    let fields = interface.fields(of: type)
    if !fields.isEmpty {
      parts.append(
        table(
          ["field", "type", "what"],
          fields.map {
            [code($0.name + ($0.isOptional ? "?" : "")), code($0.type.text), $0.documentation]
          }
        )
      )
    }
    return parts
  }

  private func section(_ function: InterfaceFunction) -> [String] {
    var parts = ["### \(function.signature)", function.documentation]
    if let deprecation = function.deprecation { parts.append("**Deprecated:** \(deprecation)") }
    if !function.parameters.isEmpty {
      parts.append(
        table(
          ["parameter", "type", "what"],
          function.parameters.map {
            [
              code($0.name + ($0.isOptional && !$0.isVariadic ? "?" : "")), code($0.type.text),
              interface.documentation(of: $0),
            ]
          }
        )
      )
    }
    if !function.results.isEmpty {
      let results = function.results.map { result in
        let name = result.name.isEmpty ? "" : " \(code(result.name))"
        let text = result.documentation.isEmpty ? "" : ": \(result.documentation)"
        return "- \(code(result.type.text))\(name)\(text)"
      }
      parts.append("It gives\n" + results.joined(separator: "\n"))
    }
    parts.append(facts(function))
    if !function.errors.isEmpty {
      let errors = function.errors.map { "- `\($0.code)`: \($0.documentation)" }
      parts.append("Errors:\n" + errors.joined(separator: "\n"))
    }
    return parts + example(function.example)
  }

  private func facts(_ function: InterfaceFunction) -> String {
    var facts = ["Effect: \(function.effect.rawValue)."]
    if function.places.count < InterfacePlace.allCases.count {
      facts.append("Called in: \(function.places.map(\.words).joined(separator: ", ")).")
    }
    if let right = function.right { facts.append("Right: `\(right)`.") }
    if let capability = function.capability {
      facts.append("Only where the host grants `\(capability)`.")
    }
    return facts.joined(separator: " ")
  }

  private func example(_ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["```lua\n" + lines.joined(separator: "\n") + "\n```"]
  }

  // MARK: Markdown

  /// A line of text as lines of at most 120 characters; rows of tables stay as they are.
  private func wrapped(_ line: Substring) -> String {
    guard line.count > 120, line.first != "|", line.first != "#" else { return String(line) }
    let indent = line.hasPrefix("- ") ? "  " : ""
    var lines: [String] = []
    var current = ""
    for word in line.split(separator: " ") {
      if current.isEmpty {
        current = String(word)
      } else if current.count + 1 + word.count > 120 {
        lines.append(current)
        current = indent + word
      } else {
        current += " " + word
      }
    }
    return (lines + [current]).joined(separator: "\n")
  }

  private func code(_ text: String) -> String { "`\(text)`" }

  private func table(_ head: [String], _ rows: [[String]]) -> String {
    let lines =
      [head, head.map { _ in "---" }] + rows.map { $0.map { $0.replacing("|", with: "\\|") } }
    return lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
  }
}

extension InterfacePlace {
  /// How people are told of it.
  package var words: String {
    switch self {
    case .load: "scripts that are loaded"
    case .onLoad: "`onLoad`"
    case .action: "actions, handlers and tasks"
    case .getter: "getters"
    case .driver: "scripts that are run"
    }
  }
}
