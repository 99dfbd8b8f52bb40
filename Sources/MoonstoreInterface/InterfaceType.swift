/// A type as LuaLS writes it: `string`, `Store?`, `fun(message: Message): any`, `"high"|"low"`, `table<string, data>`.
package struct InterfaceType: Sendable, Hashable, CustomStringConvertible {
  /// As it was written.
  package let text: String

  package init(_ text: String) { self.text = text }

  package var description: String { text }

  /// The types of which a value must be one: what stands between `|` outside of parentheses; `?` adds `nil`.
  package var alternatives: [String] {
    var parts: [String] = []
    var part = ""
    var depth = 0
    var isQuoted = false
    for character in text {
      switch character {
      case "\"": isQuoted.toggle()
      case "(", "<", "[", "{": depth += 1
      case ")", ">", "]", "}": depth -= 1
      default: break
      }
      if character == "|", depth == 0, !isQuoted {
        parts.append(part)
        part = ""
      } else {
        part.append(character)
      }
    }
    parts.append(part)
    return parts.flatMap { part -> [String] in
      if part.hasPrefix("(") && part.hasSuffix(")") {
        return InterfaceType(String(part.dropFirst().dropLast())).alternatives
      }
      let isFunction = part.hasPrefix("fun(")
      return part.hasSuffix("?") && !isFunction ? [String(part.dropLast()), "nil"] : [part]
    }
  }

  /// The length of the type that a text begins with: it ends at the first space that does not belong to it.
  static func length(in text: Substring) -> Substring {
    var depth = 0
    var isQuoted = false
    var last: Character = " "
    var index = text.startIndex
    while index < text.endIndex {
      let character = text[index]
      switch character {
      case "\"": isQuoted.toggle()
      case "(", "<", "[", "{": depth += 1
      case ")", ">", "]", "}": depth -= 1
      case " " where depth == 0 && !isQuoted:
        // `fun(): any` goes on behind its colon.
        if last != ":" { return text[..<index] }
      default: break
      }
      last = character
      index = text.index(after: index)
    }
    return text
  }
}

/// What a value is, as checks of arguments tell it.
package enum InterfaceKind: Sendable, Hashable {
  case any, `nil`, string, number, integer, seconds, boolean, table, function, thread
  /// One of several texts.
  case literal(String)
  /// An object of the host: a store, a message, a ref, a task.
  case object(String)

  /// The kind of a type that has no other name; nil for names of classes and aliases.
  init?(builtIn type: String) {
    switch type {
    case "any": self = .any
    case "nil", "null": self = .nil
    case "string": self = .string
    case "number": self = .number
    case "integer": self = .integer
    case "boolean": self = .boolean
    case "table": self = .table
    case "function": self = .function
    case "thread": self = .thread
    default:
      if type.hasPrefix("\"") {
        self = .literal(String(type.dropFirst().dropLast()))
      } else if type.hasPrefix("fun(") {
        self = .function
      } else if type.hasSuffix("[]") || type.hasPrefix("table<") || type.hasPrefix("{") {
        self = .table
      } else {
        return nil
      }
    }
  }

  /// The classes of objects that are no tables for those who check arguments.
  private static let objects = ["Store", "Message", "Ref", "Computed", "Task"]

  init(class name: String) {
    self = InterfaceKind.objects.contains(name) ? .object(name) : .table
  }

  /// How errors name several, such as `a ref, a computed or a function`.
  package static func words(_ kinds: [InterfaceKind]) -> String {
    let words = kinds.filter { $0 != .nil }.map(\.words)
    guard let last = words.last, words.count > 1 else { return words.first ?? "a value" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }

  /// How errors name it, such as `a function`.
  package var words: String {
    switch self {
    case .any: "a value"
    case .nil: "nil"
    case .string: "a string"
    case .number: "a number"
    case .integer: "an integer"
    case .seconds: "a number of seconds from 0"
    case .boolean: "a boolean"
    case .table: "a table"
    case .function: "a function"
    case .thread: "a coroutine"
    case .literal(let text): "'\(text)'"
    case .object(let name): "a " + name.lowercased()
    }
  }
}
