/// What is described, as lines for a terminal.
package struct DocumentationText {
  private let interface: ScriptInterface
  private let entry: InterfaceEntry

  package init(_ entry: InterfaceEntry, of interface: ScriptInterface) {
    self.entry = entry
    self.interface = interface
  }

  package var lines: [String] {
    switch entry {
    case .function(let function): lines(function)
    case .library(let library): [library.name, library.documentation] + members(of: library.name)
    case .value(let value):
      ["\(value.name): \(value.type)", value.documentation] + example(value.example)
    case .type(let type):
      ["\(type.name)", type.documentation]
        + columns(interface.fields(of: type).map(row)) + members(of: type.name)
    case .alias(let alias): ["\(alias.name): \(alias.type)", alias.documentation]
    }
  }

  private func lines(_ function: InterfaceFunction) -> [String] {
    var lines = [function.signature, function.documentation]
    if let deprecation = function.deprecation { lines.append("deprecated: \(deprecation)") }
    let rows = function.parameters.map { parameter in
      let mark = parameter.isOptional && !parameter.isVariadic ? "?" : ""
      return [parameter.name + mark, parameter.type.text, interface.documentation(of: parameter)]
    }
    for (parameter, line) in zip(function.parameters, columns(rows)) {
      lines.append(line)
      if let type = interface.options(of: parameter) {
        lines += columns(interface.fields(of: type).map(row)).map { "  " + $0 }
      }
    }
    for result in function.results {
      let name = result.name.isEmpty ? "" : " " + result.name
      let text = result.documentation.isEmpty ? "" : "  " + result.documentation
      lines.append("gives   \(result.type)\(name)\(text)")
    }
    lines.append("effect  \(function.effect.rawValue)")
    if function.places.count < InterfacePlace.allCases.count {
      lines.append(
        "in      " + function.places.map(\.words).joined(separator: ", ").replacing("`", with: "")
      )
    }
    if let right = function.right { lines.append("right   \(right)") }
    if let capability = function.capability { lines.append("grant   \(capability)") }
    for error in function.errors { lines.append("error   \(error.code): \(error.documentation)") }
    return lines + example(function.example)
  }

  private func row(_ field: InterfaceField) -> [String] {
    [field.name + (field.isOptional ? "?" : ""), field.type.text, field.documentation]
  }

  private func members(of owner: String) -> [String] {
    columns(
      interface.members(of: owner).map { member in
        switch member {
        case .function(let function): [function.signature, function.documentation]
        default: [member.name, member.documentation]
        }
      }
    )
  }

  private func example(_ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["example"] + lines.map { "  " + $0 }
  }

  /// Rows whose parts stand below each other.
  private func columns(_ rows: [[String]]) -> [String] {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = " "
      for (column, text) in row.enumerated() {
        line += " " + text
        if column < row.count - 1 {
          line += String(repeating: " ", count: widths[column] - text.count + 1)
        }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

extension InterfaceFunction {
  /// The function with its parameters, and what the one is that is being typed.
  package func hint(argument: Int) -> String {
    let places = parameters.indices
    let place = places.contains(argument) ? argument : places.last
    guard let place, argument < parameters.count || parameters[place].isVariadic else {
      return signature
    }
    let parameter = parameters[place]
    let text = parameter.documentation.isEmpty ? "" : "  " + parameter.documentation
    return "\(signature)  \(parameter.name): \(parameter.type)\(text)"
  }
}
