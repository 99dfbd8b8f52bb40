internal import CMoonBridge
public import MoonValue

/// A table that stays in Lua.
///
/// Reads and writes go past its metatable.
///
/// Use it in the isolation domain of its machine. After the machine was closed every call throws
/// `LuaError` with the code `closed`.
public final class LuaTable {
  package let reference: LuaReference

  package init(_ reference: LuaReference) { self.reference = reference }

  private var machine: LuaMachine { reference.machine }

  /// The value under a key.
  public func get(_ key: Value.Key) throws(LuaError) -> LuaValue {
    let raw = try unsafe machine.open()
    let base = machine.tokenCount
    machine.append(key)
    let tables = Int32(MB_AS_REFERENCE)
    try machine.check(unsafe mb_table_get(raw, reference.number, base, tables), base)
    return try machine.takeAll(from: base).first ?? .nil
  }

  /// The value under a key, as a Swift type.
  public func get<T: Decodable>(_ key: Value.Key, as type: T.Type) throws(LuaError) -> T {
    try get(key).decode(as: type)
  }

  /// Puts a value under a key; nil removes it.
  public func set(_ key: Value.Key, to value: LuaValue) throws(LuaError) {
    let raw = try unsafe machine.open()
    let base = machine.tokenCount
    machine.append(key)
    do {
      try machine.append(value)
    } catch {
      machine.truncateTokens(to: base)
      throw error
    }
    try machine.check(unsafe mb_table_set(raw, reference.number, base), base)
  }

  /// The border that `#` gives.
  public func length() throws(LuaError) -> Int {
    Int(unsafe mb_table_length(try unsafe machine.open(), reference.number))
  }

  /// All pairs, in Lua's order, which is no order.
  public func pairs() throws(LuaError) -> [(key: LuaValue, value: LuaValue)] {
    try pairs(upTo: .max).pairs
  }

  /// The first pairs in Lua's order, and whether these are all; no metamethod runs.
  package func pairs(
    upTo limit: Int
  ) throws(LuaError) -> (pairs: [(key: LuaValue, value: LuaValue)], isAll: Bool) {
    var pairs: [(key: LuaValue, value: LuaValue)] = []
    var key = LuaValue.nil
    while pairs.count < limit {
      guard let pair = try pair(after: key) else { return (pairs, true) }
      pairs.append(pair)
      key = pair.key
    }
    return (pairs, try pair(after: key) == nil)
  }

  private func pair(after key: LuaValue) throws(LuaError) -> (key: LuaValue, value: LuaValue)? {
    let raw = try unsafe machine.open()
    let base = machine.tokenCount
    try machine.append(key)
    let tables = Int32(MB_AS_REFERENCE)
    try machine.check(unsafe mb_table_next(raw, reference.number, base, tables), base)
    let pair = try machine.takeAll(from: base)
    return pair.count == 2 ? (pair[0], pair[1]) : nil
  }

  /// The name that the metatable gives, without running any script.
  package var typeName: String? {
    get throws(LuaError) {
      let base = machine.tokenCount
      try machine.check(unsafe mb_type_name(try machine.open(), reference.number), base)
      let found = try machine.takeAll(from: base).first
      guard case .data(.string(let name)) = found else { return nil }
      return name
    }
  }

  /// The table as data, copied.
  ///
  /// - Throws: `LuaError` that names the path to the first part that is no data.
  public func value() throws(LuaError) -> Value {
    let raw = try unsafe machine.open()
    let base = machine.tokenCount
    try machine.check(unsafe mb_table_data(raw, reference.number, false), base)
    return try machine.takeAll(from: base).first?.value() ?? .null
  }
}

@available(*, unavailable)
extension LuaTable: Sendable {}
