import Foundation
import MoonstoreInterface
import TestSupport
import Testing

/// The description of the script interface is whole, and what comes from it is as it would be written now.
@Suite struct ScriptInterfaceTests {
  private let interface = ScriptInterface.current

  @Test func `The description has no faults`() {
    #expect(interface.problems == [])
    #expect(interface.allFunctions.count > 150)
  }

  @Test func `What is committed is what is written from it`() throws {
    for file in GeneratedFile.all(of: interface) {
      let path = TestProject.checkout + "/" + file.path
      let committed = try String(contentsOfFile: path, encoding: .utf8)
      #expect(committed == file.text, "\(file.path) is old: run Scripts/docs --write")
    }
  }

  @Test func `Names are looked up with dots and colons`() throws {
    #expect(interface.effect(of: "bus.send") == .sends)
    #expect(interface.effect(of: "task:wait") == .waits)
    #expect(interface.effect(of: "bus.sned") == nil)
    #expect(interface.capability(of: "http.get") == "http")
    #expect(interface.capability(of: "bus.send") == nil)
    #expect(interface.members(of: "Task").map(\.name) == ["task:wait", "task:cancel"])
    let subscribe = try #require(interface.function(named: "store.subscribe"))
    let options = try #require(interface.options(of: subscribe.parameters[2]))
    #expect(options.fields.map(\.name) == ["path", "once", "immediate"])
    #expect(subscribe.places == [.load, .onLoad, .action, .driver])
  }

  @Test func `Types name every kind of value that they take`() {
    func kinds(_ type: String) -> [InterfaceKind] { interface.kinds(of: InterfaceType(type)) }
    #expect(kinds("string?") == [.string, .nil])
    #expect(kinds("\"a\"|\"b\"") == [.literal("a"), .literal("b")])
    #expect(kinds("Ref|Computed|fun(): any") == [.object("Ref"), .object("Computed"), .function])
    #expect(kinds("(string|table)[]") == [.table])
    #expect(kinds("StoreID") == [.string])
    #expect(kinds("seconds") == [.seconds])
    #expect(kinds("EventMatcher") == [.string, .table, .function])
    #expect(InterfaceKind.words(kinds("Store|StoreID")) == "a store or a string")
  }

  @Test func `Faults of a description are told with their lines`() {
    let text = """
      ---@meta
      --- Title

      --- Does it.
      ---@param a string
      ---@effekt pure
      function f(a, b) end

      --- Nothing follows.

      x = 1
      """
    let faulty = ScriptInterface(files: [("bad", text)])
    #expect(
      faulty.problems == [
        "bad.lua:6: there is no tag @effekt",
        "bad.lua:7: 'f' has the parameters [\"a\", \"b\"], and describes [\"a\"]",
        "bad.lua:7: 'f' has no effect", "bad.lua:7: 'f' has no example",
        "bad.lua:10: nothing follows this description",
        "bad.lua:11: 'x' has no description", "bad.lua:11: 'x' has no type",
      ]
    )
  }

  @Test func `The types that code names are described`() {
    for function in interface.allFunctions {
      for type in function.parameters.map(\.type) + function.results.map(\.type) {
        for part in type.alternatives where part.first?.isUppercase == true {
          let name = part.hasSuffix("[]") ? String(part.dropLast(2)) : part
          #expect(interface.entry(named: name) != nil, "\(function.name): \(part)")
        }
      }
    }
  }
}
