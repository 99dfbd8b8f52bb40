internal import CMoonBridge
import MoonValue

/// What a table that describes something, such as a store, has under one name.
package struct LuaField {
  package enum Content {
    /// A table of functions with names, in Lua's order, and nothing else; it is not empty.
    case functions([(name: String, function: LuaReference)])
    case value(LuaValue)
  }

  /// Nil for a key that is no text.
  package let name: String?
  package let content: Content
  /// The line at which the first of its functions begins.
  package fileprivate(set) var line: Int?
}

extension LuaTable {
  /// All fields in Lua's order, which is no order, in one crossing and past the metatable.
  package func fields() throws -> [LuaField] {
    let machine = reference.machine
    let base = machine.tokenCount
    try machine.check(unsafe mb_table_fields(try machine.open(), reference.number), base)
    defer { machine.truncateTokens(to: base) }
    var fields: [LuaField] = []
    fields.reserveCapacity(4)
    var token = try machine.token(at: base)
    while token.position < machine.tokenCount {
      let name = token.kind == .string ? token.string : nil
      token.advance()
      guard token.kind == .map else {
        let line = token.line
        fields.append(LuaField(name: name, content: .value(try machine.take(&token)), line: line))
        continue
      }
      let (functions, line) = takeFunctions(&token)
      if let functions {
        fields.append(LuaField(name: name, content: .functions(functions), line: line))
      } else {
        let table = try name.map { (name) throws in try get(.string(name)) } ?? .nil
        fields.append(LuaField(name: name, content: .value(table), line: line))
      }
    }
    return fields
  }

  /// The functions of a table, and the first line; nil when bytes that are no text name one.
  private func takeFunctions(
    _ token: inout LuaToken
  ) -> (functions: [(name: String, function: LuaReference)]?, line: Int?) {
    let count = token.count
    token.advance()
    var functions: [(name: String, function: LuaReference)] = []
    functions.reserveCapacity(count)
    var line: Int?
    for _ in 0..<count {
      let name = token.string
      token.advance()
      if let own = token.line { line = min(line ?? own, own) }
      if let name {
        functions.append((name, LuaReference(adopting: token, machine: reference.machine)))
      }
      token.advance()
    }
    return (functions.count == count ? functions : nil, line)
  }
}
