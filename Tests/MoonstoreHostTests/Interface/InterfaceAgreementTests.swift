import MoonValue
import MoonstoreCore
import MoonstoreHost
import MoonstoreInterface
import Testing

/// What scripts find is what the interface describes, and nothing else.
@Suite struct InterfaceAgreementTests {
  private let interface = ScriptInterface.current

  @Test func `The globals of a script are those that are described`() async throws {
    let host = try await InterfaceHost.make()
    let found = try await host.host.globalNames(of: "stores/cart.lua")
    #expect(found == interface.globals)
  }

  @Test func `Without grants the libraries that need them are missing`() async throws {
    let host = try await TestHost(["lib/a.lua": "return 1"])
    for library in ["files", "http"] {
      #expect(interface.capability(of: library) == library)
      #expect(try await host.run("return \(library) == nil") == true)
    }
  }

  @Test func `The members of each library are those that are described`() async throws {
    let host = try await InterfaceHost.make()
    for name in interface.globals {
      guard let library = interface.library(named: name) else { continue }
      let found = try await host.run(
        """
        local names = array()
        for name in pairs(\(library.name)) do names[#names + 1] = name end
        table.sort(names)
        return names
        """
      )
      let members = interface.members(of: name).map { String($0.name.dropFirst(name.count + 1)) }
      if library.isStandard {
        // The system's Lua can be built with functions of earlier versions as well.
        let names = found.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(Set(members).isSubset(of: names), "\(name)")
        continue
      }
      #expect(found == .array(members.sorted().map(Value.string)), "\(name)")
    }
  }

  @Test func `Every function that is described is there`() async throws {
    let host = try await InterfaceHost.make()
    for function in interface.allFunctions {
      let expression = function.name.replacing(":", with: ".")
      let found = try await host.run(
        InterfaceObjects.lua(for: function.name)
          + "\nlocal f = \(expression)\nreturn type(f) == 'function' or f == array or f == map"
      )
      #expect(found == true, "\(function.name)")
    }
  }

  @Test func `Objects have the methods that are described`() async throws {
    let host = try await InterfaceHost.make()
    for variable in ["factory", "namespaced", "api"] {
      let found = try await host.run(
        """
        \(InterfaceObjects.lua(for: variable + "."))
        local names = array()
        for name, value in pairs(\(variable)) do
          if type(value) == "function" then names[#names + 1] = name end
        end
        table.sort(names)
        return names
        """
      )
      let members = interface.members(of: variable)
        .map { String($0.name.dropFirst(variable.count + 1)) }
      #expect(found == .array(members.sorted().map(Value.string)), "\(variable)")
    }
  }

  @Test func `The fields of objects are those that are described`() async throws {
    let host = try await InterfaceHost.make()
    for (type, expression) in [("Message", "message"), ("Task", "task"), ("Response", "response")] {
      let fields = try #require(interface.type(named: type)).fields
      for field in fields where !field.isOptional {
        let found = try await host.run(
          InterfaceObjects.lua(for: expression) + "\nreturn \(expression).\(field.name) ~= nil"
        )
        #expect(found == true, "\(type).\(field.name)")
      }
    }
  }

  @Test func `A definition takes the fields that are described`() async throws {
    let host = try await InterfaceHost.make()
    let type = try #require(interface.type(named: "StoreDefinition"))
    for field in type.fields {
      let value = InterfaceObjects.sample(interface.kinds(of: field.type))
      try await host.run("defineStore('d-\(field.name)', { \(field.name) = \(value) })")
    }
    let error = await #expect(throws: StoreError.self) {
      try await host.run("defineStore('other', { 1 })")
    }
    let listed = try #require(error?.message.split(separator: "the fields are ").last)
    #expect(
      listed.split(separator: ", ").map(String.init).sorted() == type.fields.map(\.name).sorted()
    )
  }

  @Test func `A getter can call what is described so, and nothing else`() async throws {
    let host = try await InterfaceHost.make()
    let functions = interface.allFunctions.filter { function in
      let root = String(function.name.prefix { $0 != "." && $0 != ":" })
      return !function.isStandard && interface.globals.contains(root)
        && !["ref", "computed", "bus.request", "bus.respond"].contains(function.name)
    }
    let getters = functions.map { function in
      let arguments = function.parameters.filter { !$0.isOptional }.map { parameter in
        switch parameter.name {
        case "url": "'https://api.example.com/price'"
        case "request": "{ url = 'https://api.example.com/price' }"
        case "path": "'data/prices.csv'"
        case "name" where function.name == "require": "'lib.money'"
        case "map": "{ goods = 'products' }"
        case "module": "{ id = 'made' }"
        case "handle", "store": "useStore('products')"
        default: InterfaceObjects.sample(interface.kinds(of: parameter.type))
        }
      }
      return "['\(function.name)'] = function(self) "
        + "local ok, err = pcall(function() local r = \(function.name)(\(arguments.joined(separator: ", "))) end) "
        + "return ok and '' or tostring(err) end"
    }
    try await host.run(
      "defineStore('getting', { getters = { \(getters.joined(separator: ",\n")) } })"
    )
    for function in functions {
      let text = try #require(
        try await host.run("return useStore('getting')['\(function.name)']").stringValue
      )
      let isRefused = text.contains("getters only read")
      #expect(isRefused == !function.places.contains(.getter), "\(function.name): \(text)")
    }
  }
}
