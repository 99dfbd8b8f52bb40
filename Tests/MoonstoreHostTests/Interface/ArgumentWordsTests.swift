import MoonValue
import MoonstoreCore
import MoonstoreHost
import MoonstoreInterface
import Testing

/// Wrong arguments are refused in the same words by every function, whatever language it is written in.
@Suite struct ArgumentWordsTests {
  /// Values of each kind, as Lua and as errors call them.
  private static let values: [(lua: String, kind: InterfaceKind, words: String)] = [
    ("nil", .nil, "nil"), ("true", .boolean, "a boolean"), ("1", .number, "a number"),
    ("'text'", .string, "a string"), ("{}", .table, "a table"),
    ("function() end", .function, "a function"),
    ("coroutine.create(function() end)", .thread, "a coroutine"),
    ("useStore('cart')", .object("Store"), "a store"), ("null", .object("null"), "null"),
  ]

  static let functions = ScriptInterface.current.allFunctions.filter {
    !$0.isStandard && !$0.parameters.isEmpty
  }.map(\.name)

  private let interface = ScriptInterface.current

  private func takes(_ kinds: [InterfaceKind], _ kind: InterfaceKind) -> Bool {
    kinds.contains { each in
      switch (each, kind) {
      case (.any, _): true
      case (.number, .number), (.integer, .number), (.seconds, .number): true
      case (.literal, .string): true
      default: each == kind
      }
    }
  }

  /// A call with wrong values in one place, and what it must say of each.
  private func cases(_ function: InterfaceFunction) -> [(call: String, error: String)] {
    var found: [(String, String)] = []
    for (place, parameter) in function.parameters.enumerated() where !parameter.isVariadic {
      let kinds = interface.kinds(of: parameter.type)
      let before = function.parameters[..<place].map {
        InterfaceObjects.sample(interface.kinds(of: $0.type))
      }
      for value in ArgumentWordsTests.values {
        if takes(kinds, value.kind) || value.kind == .nil && parameter.isOptional { continue }
        let words = InterfaceKind.words(kinds)
        found.append(
          (
            "\(function.name)(\((before + [value.lua]).joined(separator: ", ")))",
            "\(function.name): argument \(place + 1) must be \(words), not \(value.words)"
          )
        )
      }
    }
    return found
  }

  @Test(arguments: functions) func `Wrong arguments`(name: String) async throws {
    let function = try #require(interface.function(named: name))
    let cases = cases(function)
    guard !cases.isEmpty else { return }
    let host = try await InterfaceHost.make()
    let calls = cases.map { "function() local r = \($0.call) end," }
    let errors = try await host.run(
      """
      local errors, message = array()
      \(InterfaceObjects.lua(for: name == "bus.respond" ? "message" : name))
      for _, call in ipairs {
        \(calls.joined(separator: "\n"))
      } do
        if '\(name)' == 'computed' then
          local inner = call
          call = function() return defineStore('made', function() return { f = inner() } end) end
        end
        local ok, err = pcall(call)
        errors[#errors + 1] = ok and "no error" or tostring(err)
      end
      return errors
      """
    )
    for (error, wanted) in zip(try #require(errors.arrayValue), cases) {
      let text = try #require(error.stringValue)
      #expect(text.contains(wanted.error), "\(wanted.call) says: \(text)")
    }
  }

  static let withOptions = ScriptInterface.current.allFunctions.filter { function in
    function.parameters.contains { ScriptInterface.current.options(of: $0) != nil }
  }.map(\.name)

  @Test(arguments: withOptions) func `Unknown and wrong options`(name: String) async throws {
    let function = try #require(interface.function(named: name))
    let place = try #require(
      function.parameters.firstIndex { interface.options(of: $0) != nil }
    )
    let type = try #require(interface.options(of: function.parameters[place]))
    let fields = interface.fields(of: type)
    let before = function.parameters[..<place].map {
      $0.name == "url"
        ? "'https://api.example.com/a'" : InterfaceObjects.sample(interface.kinds(of: $0.type))
    }
    let last = try #require(fields.first?.name)
    func call(_ options: String) -> String {
      let behind = name == "registry.register" ? ["{}"] : []
      return "\(name)(\((before + [options] + behind).joined(separator: ", ")))"
    }
    let host = try await InterfaceHost.make()
    for option in [last + "x", "colour"] {
      let text = try await failure(of: call("{ \(option) = true }"), host)
      let names = fields.map(\.name).sorted().joined(separator: ", ")
      #expect(text.contains("\(name): there is no option '\(option)' among \(names)"), "\(text)")
      if option != "colour" { #expect(text.contains("; did you mean '\(last)'?"), "\(text)") }
    }
    for field in fields {
      let kinds = interface.kinds(of: field.type)
      if takes(kinds, .function) || kinds.contains(.any) { continue }
      let value = takes(kinds, .table) ? "12" : "{ 1 }"
      let text = try await failure(of: call("{ \(field.name) = \(value) }"), host)
      let wanted = "\(name): the option '\(field.name)' must be \(InterfaceKind.words(kinds)), not "
      #expect(text.contains(wanted), "\(text)")
    }
  }

  private func failure(of call: String, _ host: TestHost) async throws -> String {
    try await host.run(
      "local ok, err = pcall(function() local r = \(call) end) return ok and 'no error' or tostring(err)"
    ).stringValue ?? ""
  }

  @Test func `What is no data is refused with its function and its place`() async throws {
    let host = try await InterfaceHost.make()
    let text = try await failure(of: "bus.send('a', { b = { print } })", host)
    #expect(text.contains("bus.send: argument 2 at .b[1]: "), "\(text)")
  }
}
