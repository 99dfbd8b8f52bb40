import MoonstoreHost
import MoonstoreInterface
import Testing

/// Every example of the script interface runs, and prints what it says.
@Suite struct InterfaceExampleTests {
  static let examples = ScriptInterface.current.pages.flatMap(\.entries).compactMap {
    entry -> (name: String, lines: [String])? in
    switch entry {
    case .function(let function) where !function.example.isEmpty: (function.name, function.example)
    case .value(let value) where !value.example.isEmpty: (value.name, value.example)
    default: nil
    }
  }

  @Test(arguments: examples.map(\.name)) func `The example runs`(name: String) async throws {
    let example = try #require(InterfaceExampleTests.examples.first { $0.name == name })
    let host = try await InterfaceHost.make()
    try await host.run(example.lines.joined(separator: "\n"))
    let wanted = example.lines.compactMap { line in
      line.firstRange(of: "  --> ").map { String(line[$0.upperBound...]) }
    }
    if !wanted.isEmpty { #expect(host.record.log == wanted) }
    #expect(host.record.reports.isEmpty)
  }
}
