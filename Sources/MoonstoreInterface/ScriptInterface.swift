/// The manifest of the script interface: all functions, globals, classes and options that scripts get, described once.
///
/// The description is the files in `Interface`, Lua of the form that editors with LuaLS read (`---@meta`): those who
/// write scripts know it, an editor shows it as it stands, and the type files for projects are a part of it. Beyond the
/// tags of LuaLS it has `@effect`, `@place`, `@right`, `@capability`, `@error`, `@standard` and `@example`. It lives in
/// a target of its own, since the host and tools that run nothing both import it.
///
/// What comes from it:
/// - `ScriptFunction.swift` of the host, written by `Scripts/docs`: a native is registered by a case of this enumeration,
///   so that one that is not described does not compile; effects, names and options are compiled code there, and the
///   start of a host reads no text;
/// - completion, signature hints and `:doc` of sessions, which read the files when they are first asked;
/// - the reference pages, written by `Scripts/docs`;
/// - tests: what scripts really find is what is described, wrong arguments are refused in the same words everywhere,
///   and every example runs.
package struct ScriptInterface: Sendable {
  /// The pages, each one file, in the order of their titles in the documentation.
  package private(set) var pages: [InterfacePage]
  /// What is wrong with the files: `file:line: message`.
  package private(set) var problems: [String]

  private var functions: [String: InterfaceFunction] = [:]
  private var libraries: [String: InterfaceLibrary] = [:]
  private var values: [String: InterfaceValue] = [:]
  private var classes: [String: InterfaceClass] = [:]
  private var aliases: [String: InterfaceAlias] = [:]

  /// The interface that hosts give to scripts, read when it is first asked for.
  package static let current = ScriptInterface(
    files: InterfaceFiles.all.map { ($0.name, String(decoding: $0.bytes, as: UTF8.self)) }
  )

  /// Reads files; what is wrong with them is in `problems`.
  package init(files: [(name: String, text: String)]) {
    pages = []
    problems = []
    for file in files {
      var parser = InterfaceParser(file.name, file.text)
      parser.parse()
      pages.append(parser.page)
      problems += parser.problems
    }
    for entry in pages.flatMap(\.entries) { add(entry) }
  }

  private mutating func add(_ entry: InterfaceEntry) {
    let isKnown = self.entry(named: entry.name) != nil
    if isKnown { problems.append("\(entry.name) is described twice") }
    switch entry {
    case .function(let function): functions[function.name] = function
    case .library(let library): libraries[library.name] = library
    case .value(let value): values[value.name] = value
    case .type(let type): classes[type.name] = type
    case .alias(let alias): aliases[alias.name] = alias
    }
  }

  // MARK: Looking up

  /// What has a name: `bus`, `bus.send`, `task:wait`, `Task`, `SendOptions`, `StoreID`.
  package func entry(named name: String) -> InterfaceEntry? {
    if let function = functions[name] { return .function(function) }
    if let library = libraries[name] { return .library(library) }
    if let value = values[name] { return .value(value) }
    if let type = classes[name] { return .type(type) }
    return aliases[name].map(InterfaceEntry.alias)
  }

  /// A function or method by its name, such as `bus.send` or `task:wait`.
  package func function(named name: String) -> InterfaceFunction? { functions[name] }
  /// A library by the name of its global.
  package func library(named name: String) -> InterfaceLibrary? { libraries[name] }
  /// A class by its name, such as `Message`.
  package func type(named name: String) -> InterfaceClass? { classes[name] }
  /// A name for a type, such as `StoreID`.
  package func alias(named name: String) -> InterfaceAlias? { aliases[name] }

  /// What a function does besides answering; nil for a name that there is not.
  package func effect(of name: String) -> InterfaceEffect? { functions[name]?.effect }

  /// What a host must grant for a function or library to be there; nil where it always is.
  package func capability(of name: String) -> String? {
    functions[name]?.capability ?? libraries[name]?.capability
  }

  /// All functions and methods, in the order of the pages.
  package var allFunctions: [InterfaceFunction] {
    pages.flatMap(\.entries).compactMap {
      if case .function(let function) = $0 { function } else { nil }
    }
  }

  /// The names that scripts find among their globals, sorted.
  package var globals: [String] {
    let plain = functions.keys.filter { !$0.contains { $0 == "." || $0 == ":" } }
    let constants = values.keys.filter { !$0.contains(".") }
    return Set(plain + constants + libraries.keys).sorted()
  }

  /// The names of all that can be looked up, sorted.
  package var names: [String] {
    (Array(functions.keys) + libraries.keys + values.keys + classes.keys + aliases.keys).sorted()
  }

  /// What is in a library, or the methods of a class, by their own names: `send` of `bus`, `wait` of `Task`.
  package func members(of owner: String) -> [InterfaceEntry] {
    let variable = classes[owner]?.variable ?? owner
    return pages.flatMap(\.entries).filter { entry in
      guard entry.name.hasPrefix(variable), entry.name.count > variable.count + 1 else {
        return false
      }
      let mark = entry.name.dropFirst(variable.count).first
      return mark == "." || mark == ":"
    }
  }

  /// The fields of a class with those of the classes that it is made from, these first.
  package func fields(of type: InterfaceClass) -> [InterfaceField] {
    type.parents.compactMap { classes[$0] }.flatMap(fields(of:)) + type.fields
  }

  /// What is said of a parameter: by its description, or by that of the name of its type.
  package func documentation(of parameter: InterfaceParameter) -> String {
    if !parameter.documentation.isEmpty { return parameter.documentation }
    let type = parameter.type.text
    return aliases[type]?.documentation
      ?? (classes[type]?.isExact == true ? classes[type]?.documentation : nil) ?? ""
  }

  /// The class of a parameter that is a table of options, of which no other fields may be given; nil for others.
  package func options(of parameter: InterfaceParameter) -> InterfaceClass? {
    guard let type = classes[parameter.type.text], type.isExact else { return nil }
    return type
  }

  /// What values a type takes; a type of several kinds has all of them.
  package func kinds(of type: InterfaceType) -> [InterfaceKind] {
    var found: [InterfaceKind] = []
    for part in type.alternatives {
      let kinds: [InterfaceKind] =
        if let kind = InterfaceKind(builtIn: part) {
          [kind]
        } else if let alias = aliases[part], part != "data" {
          part == "seconds" ? [.seconds] : self.kinds(of: alias.type)
        } else if part == "data" { [.any] } else { [InterfaceKind(class: part)] }
      for kind in kinds where !found.contains(kind) { found.append(kind) }
    }
    return found
  }
}
