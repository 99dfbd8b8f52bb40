/// Reads one file of the interface, line by line.
///
/// A block of comment lines describes what follows it: a function, a table that is a library, a value, or a class whose
/// methods follow. What it cannot read is a problem with its line.
struct InterfaceParser {
  private(set) var page: InterfacePage
  private(set) var problems: [String] = []
  private let lines: [Substring]
  private var at = 0
  private var block = Block()
  /// The class whose block came last, for the variable of its methods.
  private var lastClass: Int?
  private var variables: [String: Int] = [:]

  /// What the comment lines above a declaration say.
  private struct Block {
    var text: [String] = []
    var tags: [(name: String, rest: Substring, line: Int)] = []
    var example: [String] = []
    var isInExample = false
    var isEmpty: Bool { text.isEmpty && tags.isEmpty && example.isEmpty }

    /// The text, with lines that belong together as one.
    var documentation: String {
      text.split(separator: "", omittingEmptySubsequences: true).map { $0.joined(separator: " ") }
        .joined(separator: "\n\n")
    }

    func first(_ name: String) -> Substring? { tags.first { $0.name == name }?.rest }
    func has(_ name: String) -> Bool { tags.contains { $0.name == name } }
  }

  private static let tags: Set<String> = [
    "meta", "alias", "class", "field", "param", "return", "effect", "place", "right", "capability",
    "error",
    "deprecated", "standard", "example", "type",
  ]

  init(_ name: String, _ text: String) {
    page = InterfacePage(name: name)
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  private mutating func wrong(_ what: String, line: Int? = nil) {
    problems.append("\(page.name).lua:\((line ?? at) + 1): \(what)")
  }

  mutating func parse() {
    while at < lines.count {
      let line = lines[at]
      if line.hasPrefix("---") {
        comment(line)
      } else if line.isEmpty {
        endBlock()
      } else {
        declaration(String(line))
        block = Block()
      }
      at += 1
    }
    endBlock()
  }

  private mutating func comment(_ line: Substring) {
    guard line.hasPrefix("---@") else {
      let text = line.dropFirst(3)
      let content = String(text.first == " " ? text.dropFirst() : text)
      if block.isInExample { block.example.append(content) } else { block.text.append(content) }
      return
    }
    let tag = line.dropFirst(4)
    let name = String(tag.prefix { $0 != " " })
    let rest = tag.dropFirst(name.count).drop { $0 == " " }
    guard InterfaceParser.tags.contains(name) else { return wrong("there is no tag @\(name)") }
    block.isInExample = name == "example"
    if name == "alias" {
      alias(rest)
      block = Block()
    } else if name != "meta", name != "example" {
      block.tags.append((name, rest, at))
    }
  }

  /// A block with nothing below it: the head of the page, or a class without methods.
  private mutating func endBlock() {
    defer { block = Block() }
    if block.isEmpty { return }
    if block.has("class") { return makeClass() }
    guard page.title.isEmpty, let title = block.text.first else {
      return wrong("nothing follows this description")
    }
    page.title = title
    block.text.removeFirst()
    page.documentation = block.documentation
  }

  // MARK: Declarations

  private mutating func declaration(_ line: String) {
    if line.hasPrefix("local "), line.hasSuffix(" = {}") {
      makeClass()
      let variable = String(line.dropFirst(6).dropLast(5))
      guard let place = lastClass, case .type(var type) = page.entries[place] else {
        return wrong("no class is above")
      }
      type.variable = variable
      page.entries[place] = .type(type)
      variables[variable] = place
    } else if line.hasPrefix("function "), line.hasSuffix(") end"),
      let open = line.firstIndex(of: "(")
    {
      let name = String(line[line.index(line.startIndex, offsetBy: 9)..<open])
      let list = line[line.index(after: open)...].dropLast(5)
      function(name, list.split(separator: ",").map { $0.drop { $0 == " " } }.map(String.init))
    } else if let equals = line.firstRange(of: " = ") {
      value(String(line[..<equals.lowerBound]), isTable: line.hasSuffix(" = {}"))
    } else {
      wrong("this is neither a function nor a table")
    }
  }

  private mutating func value(_ name: String, isTable: Bool) {
    if block.documentation.isEmpty { wrong("'\(name)' has no description") }
    if let type = block.first("type") {
      page.entries.append(
        .value(
          InterfaceValue(
            name: name,
            documentation: block.documentation,
            type: InterfaceType(String(type)),
            isStandard: block.has("standard"),
            example: block.example
          )
        )
      )
    } else if isTable {
      page.entries.append(
        .library(
          InterfaceLibrary(
            name: name,
            documentation: block.documentation,
            capability: block.first("capability").map(String.init),
            isStandard: block.has("standard")
          )
        )
      )
    } else {
      wrong("'\(name)' has no type")
    }
  }

  private mutating func alias(_ rest: Substring) {
    let name = rest.prefix { $0 != " " }
    let behind = rest.dropFirst(name.count).drop { $0 == " " }
    let type = InterfaceType.length(in: behind)
    let text = behind.dropFirst(type.count).drop { $0 == " " }
    let documentation = [block.documentation, String(text)].filter { !$0.isEmpty }.joined(
      separator: " "
    )
    if documentation.isEmpty { wrong("the alias '\(name)' has no description") }
    page.entries.append(
      .alias(
        InterfaceAlias(
          name: String(name),
          type: InterfaceType(String(type)),
          documentation: documentation
        )
      )
    )
  }

  private mutating func makeClass() {
    guard var head = block.first("class") else { return }
    let isExact = head.hasPrefix("(exact) ")
    if isExact { head = head.dropFirst(8) }
    let parts = head.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
    guard let name = parts.first else { return wrong("the class has no name") }
    let parents =
      parts.count > 1 ? parts[1].split(separator: ",").map { String($0.drop { $0 == " " }) } : []
    var type = InterfaceClass(
      name: String(name),
      documentation: block.documentation,
      parents: parents,
      isExact: isExact
    )
    if type.documentation.isEmpty { wrong("the class '\(name)' has no description") }
    for tag in block.tags where tag.name == "field" {
      let field = named(tag)
      if field.documentation.isEmpty {
        wrong("the field '\(field.name)' has no description", line: tag.line)
      }
      type.fields.append(
        InterfaceField(
          name: field.name,
          type: field.type,
          isOptional: field.isOptional,
          documentation: field.documentation
        )
      )
    }
    lastClass = page.entries.count
    page.entries.append(.type(type))
  }

  /// Reads `name? type description`.
  private mutating func named(
    _ tag: (name: String, rest: Substring, line: Int)
  ) -> (name: String, type: InterfaceType, isOptional: Bool, documentation: String) {
    var name = tag.rest.prefix { $0 != " " }
    let behind = tag.rest.dropFirst(name.count).drop { $0 == " " }
    let isOptional = name.hasSuffix("?")
    if isOptional { name = name.dropLast() }
    let type = InterfaceType.length(in: behind)
    if type.isEmpty { wrong("@\(tag.name) \(name) has no type", line: tag.line) }
    let text = behind.dropFirst(type.count).drop { $0 == " " }
    return (String(name), InterfaceType(String(type)), isOptional, String(text))
  }

  // MARK: Functions

  private mutating func function(_ name: String, _ parameters: [String]) {
    var function = InterfaceFunction(name: name, documentation: block.documentation)
    if function.documentation.isEmpty { wrong("'\(name)' has no description") }
    function.isStandard = block.has("standard")
    function.example = block.example
    for tag in block.tags { read(tag, into: &function) }
    let names = function.parameters.map(\.name)
    if names != parameters {
      wrong("'\(name)' has the parameters \(parameters), and describes \(names)")
    }
    if !block.has("effect") { wrong("'\(name)' has no effect") }
    if !block.has("place") { function.places = function.effect.places }
    if !function.isStandard, function.example.isEmpty { wrong("'\(name)' has no example") }
    if name.contains(":"), let variable = name.split(separator: ":").first,
      variables[String(variable)] == nil
    {
      wrong("'\(name)' is a method of no class")
    }
    page.entries.append(.function(function))
  }

  private mutating func read(
    _ tag: (name: String, rest: Substring, line: Int),
    into function: inout InterfaceFunction
  ) {
    let text = String(tag.rest)
    switch tag.name {
    case "param":
      let parameter = named(tag)
      function.parameters.append(
        InterfaceParameter(
          name: parameter.name,
          type: parameter.type,
          isOptional: parameter.isOptional || parameter.name == "...",
          documentation: parameter.documentation
        )
      )
    case "return":
      let type = InterfaceType.length(in: tag.rest)
      let rest = tag.rest.dropFirst(type.count).drop { $0 == " " }
      let name = rest.prefix { $0 != " " }
      function.results.append(
        InterfaceResult(
          type: InterfaceType(String(type)),
          name: String(name),
          documentation: String(rest.dropFirst(name.count).drop { $0 == " " })
        )
      )
    case "effect":
      guard let effect = InterfaceEffect(rawValue: text) else {
        return wrong("there is no effect '\(text)'", line: tag.line)
      }
      function.effect = effect
    case "place":
      for name in text.split(separator: ",").map({ String($0.drop { $0 == " " }) }) {
        guard let place = InterfacePlace(rawValue: name) else {
          return wrong("there is no place '\(name)'", line: tag.line)
        }
        function.places.append(place)
      }
    case "right": function.right = text
    case "capability": function.capability = text
    case "deprecated": function.deprecation = text
    case "error":
      let code = tag.rest.prefix { $0 != " " }
      function.errors.append(
        (String(code), String(tag.rest.dropFirst(code.count).drop { $0 == " " }))
      )
    case "standard": break
    default: wrong("@\(tag.name) says nothing of a function", line: tag.line)
    }
  }
}
