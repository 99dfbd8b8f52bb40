import MoonValue

/// Numbers for the strings that name fields, so that a field is found without hashing or comparing text.
///
/// Symbols live as long as their host. Only names of shapes and members become symbols, and there is a
/// bound on both, so that keys which are data cannot grow this table.
package final class SymbolTable {
  /// Symbol 0 is no symbol.
  private var names: [String] = [""]
  private var symbols: [Value.Key: UInt32] = [:]
  /// Beyond this many, maps keep their keys themselves.
  package static let limit = 16_384

  package init() {}

  package func name(of symbol: UInt32) -> String { names[Int(symbol)] }

  /// The symbol of a string, if it has one.
  package func symbol(of name: String) -> UInt32 { symbols[.string(name)] ?? 0 }

  /// The symbol of a string; 0 when the table is full.
  package func intern(_ name: String) -> UInt32 {
    if let symbol = symbols[.string(name)] { return symbol }
    guard names.count < SymbolTable.limit else { return 0 }
    let symbol = UInt32(names.count)
    names.append(name)
    symbols[.string(name)] = symbol
    return symbol
  }
}
