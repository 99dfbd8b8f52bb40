import MoonLua
import MoonValue
import MoonstoreCore
import MoonstoreInterface

/// A field of a table of options.
struct ScriptOption {
  let name: String
  /// What its value may be.
  let kinds: [InterfaceKind]

  init(_ name: String, _ kinds: [InterfaceKind]) {
    self.name = name
    self.kinds = kinds
  }
}

/// The options of a call, checked: only names that the interface describes, with values of their kinds.
struct ScriptOptions {
  private(set) var values: ValueMap = [:]

  /// The value of an option; null counts as none.
  subscript(name: String) -> Value? {
    guard let value = values[.string(name)], !value.isNull else { return nil }
    return value
  }

  func flag(_ name: String) -> Bool { self[name]?.boolValue ?? false }
  func string(_ name: String) -> String? { self[name]?.stringValue }
  func number(_ name: String) -> Double? { self[name]?.doubleValue }

  /// Refuses unknown options and wrong values of data.
  static func check(
    _ values: ValueMap,
    of function: ScriptFunction?,
    as name: String
  ) throws(StoreError) {
    let known = function?.options ?? []
    for (key, value) in values.count > 1 ? values.sorted(by: { $0.key < $1.key }) : Array(values) {
      let option = try option(key, among: known, of: name)
      if case .bytes(let bytes) = value, option.kinds == [.string] {
        throw StoreError(
          .invalidArgument,
          "\(name): '\(option.name)' is not valid UTF-8 at byte \(bytes.firstInvalidByte + 1)"
        )
      }
      if !value.isNull, !option.kinds.contains(where: { $0.fits(value) }) {
        throw wrong(option, of: name, not: value.words(among: option.kinds))
      }
    }
  }

  /// The same for a table that can have functions in it.
  static func check(
    _ table: LuaTable,
    of function: ScriptFunction,
    as name: String
  ) throws {
    for (key, value) in try table.pairs() {
      guard case .data(.string(let key)) = key else {
        throw StoreError(.invalidArgument, "\(name): an option has a name, which is a string")
      }
      let option = try option(.string(key), among: function.options, of: name)
      switch value {
      case .function where option.kinds.contains(.function): continue
      case .table where option.kinds.contains(.table): continue
      case .data(let data) where option.kinds.contains { $0.fits(data) }: continue
      case .function: throw wrong(option, of: name, not: "a function")
      case .table: throw wrong(option, of: name, not: "a table")
      case .data(let data): throw wrong(option, of: name, not: data.words(among: option.kinds))
      case .opaque: throw wrong(option, of: name, not: "an object")
      case .nil: continue
      }
    }
  }

  private static func option(
    _ key: Value.Key,
    among known: [ScriptOption],
    of name: String
  ) throws(StoreError) -> ScriptOption {
    if case .string(let text) = key, let option = known.first(where: { $0.name == text }) {
      return option
    }
    let names = known.map(\.name).sorted()
    throw StoreError(
      .invalidArgument,
      "\(name): there is no option '\(key)' among \(names.joined(separator: ", "))"
        + Suggestion.text(for: "\(key)", among: names)
    )
  }

  private static func wrong(
    _ option: ScriptOption,
    of name: String,
    not found: String
  ) -> StoreError {
    StoreError(
      .invalidArgument,
      "\(name): the option '\(option.name)' must be \(InterfaceKind.words(option.kinds)), not \(found)"
    )
  }
}

extension InterfaceKind {
  /// Whether a value is of this kind.
  fileprivate func fits(_ value: Value) -> Bool {
    switch self {
    case .any: true
    case .nil: value.isNull
    case .string: value.stringValue != nil
    case .number: value.doubleValue != nil
    case .integer: value.integerValue != nil
    case .seconds: value.doubleValue.map { $0 >= 0 && $0 < 1e9 } ?? false
    case .boolean: value.boolValue != nil
    case .table: value.mapValue != nil || value.arrayValue != nil || value == .empty
    case .literal(let text): value.stringValue == text
    case .function, .thread, .object: false
    }
  }
}

extension Value {
  /// What the value is, for messages; itself where it is only one of those that are not allowed.
  fileprivate func words(among kinds: [InterfaceKind]) -> String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .number:
      kinds.contains { $0 == .seconds || $0 == .integer } ? "\(self)" : "a number"
    case .string(let text):
      kinds.contains { if case .literal = $0 { true } else { false } } ? "'\(text)'" : "a string"
    case .bytes: kinds.contains(.string) ? "bytes that are no UTF-8" : "a string"
    default: "a table"
    }
  }
}
