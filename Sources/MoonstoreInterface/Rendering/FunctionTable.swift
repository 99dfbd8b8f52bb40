/// The Swift source of the host's table of functions: a case for each, with what the host needs to know at run time.
///
/// It is code, so that a host starts without reading any description, and so that a native whose function is not
/// described does not compile.
package struct FunctionTable {
  private let interface: ScriptInterface

  package init(_ interface: ScriptInterface) { self.interface = interface }

  package static let name = "ScriptFunction"

  private var functions: [InterfaceFunction] { interface.allFunctions.filter { !$0.isStandard } }

  package var text: String {
    """
    // Written by Scripts/docs from Sources/MoonstoreInterface/Interface: change the description, not this file.
    // swift-format-ignore-file

    import MoonstoreInterface

    /// A function of the script interface, by which the host registers what implements it.
    enum ScriptFunction: UInt8, CaseIterable {
    \(functions.map { "  case \(identifier($0))" }.joined(separator: "\n"))

      /// As scripts write it.
      var name: String {
        switch self {
    \(functions.map { "    case .\(identifier($0)): \"\($0.name)\"" }.joined(separator: "\n"))
        }
      }

      /// Whether it leaves a trace, which code that may only look is not allowed to.
      var acts: Bool {
        switch self {
    \(functions.filter { !$0.effect.acts }.map { "    case .\(identifier($0)): false" }.joined(separator: "\n"))
        default: true
        }
      }

      /// The fields of its table of options; empty where it has none.
      var options: [ScriptOption] {
        switch self {
    \(functions.filter { !options(of: $0).isEmpty }.map(entry).joined(separator: "\n"))
        default: []
        }
      }
    }

    """
  }

  private func identifier(_ function: InterfaceFunction) -> String {
    let parts = function.name.split { $0 == "." || $0 == ":" }
    return parts.enumerated().map {
      $0 == 0 ? String($1) : $1.prefix(1).uppercased() + $1.dropFirst()
    }.joined()
  }

  private func options(of function: InterfaceFunction) -> [InterfaceField] {
    function.parameters.compactMap(interface.options(of:)).first.map(interface.fields(of:)) ?? []
  }

  private func entry(_ function: InterfaceFunction) -> String {
    let options = options(of: function).map { field in
      let kinds = interface.kinds(of: field.type).filter { $0 != .nil }
      return
        "          ScriptOption(\"\(field.name)\", [\(kinds.map(code).joined(separator: ", "))]),"
    }
    return
      "    case .\(identifier(function)):\n        [\n\(options.joined(separator: "\n"))\n        ]"
  }

  private func code(_ kind: InterfaceKind) -> String {
    switch kind {
    case .literal(let text): ".literal(\"\(text)\")"
    case .object(let name): ".object(\"\(name)\")"
    case .any: ".any"
    case .nil: ".nil"
    case .string: ".string"
    case .number: ".number"
    case .integer: ".integer"
    case .seconds: ".seconds"
    case .boolean: ".boolean"
    case .table: ".table"
    case .function: ".function"
    case .thread: ".thread"
    }
  }
}
