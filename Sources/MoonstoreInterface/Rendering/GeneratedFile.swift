/// A file that comes from the interface and is committed.
package struct GeneratedFile: Sendable {
  /// Below the root of the repository.
  package let path: String
  package let text: String

  /// All of them.
  package static func all(of interface: ScriptInterface) -> [GeneratedFile] {
    let host = "Sources/MoonstoreHost/"
    let table = GeneratedFile(
      path: host + "ScriptAPI/\(FunctionTable.name).swift",
      text: FunctionTable(interface).text
    )
    let pages = interface.pages.map { page in
      let reference = ReferencePage(page, of: interface)
      return GeneratedFile(
        path: host + "Documentation.docc/\(reference.name).md",
        text: reference.text
      )
    }
    return [table] + pages
  }
}
