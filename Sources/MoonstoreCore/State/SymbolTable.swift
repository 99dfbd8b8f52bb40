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

  private struct Recent {
    var name = ""
    var symbol: UInt32 = 0
  }

  // What Swift has asked for last, found by three of its bytes: it names fields and actions by text at each
  // call, and hashing that costs more than the rest of reading a getter. A symbol is never given away, so
  // what stands here stays right.
  // Not checked for overlapping access: each place is read or put in one step.
  @exclusivity(unchecked) private var recent = ContiguousArray(repeating: Recent(), count: 64)

  package init() {}

  package func name(of symbol: UInt32) -> String { names[Int(symbol)] }

  /// The symbol of a string, if it has one.
  package func symbol(of name: String) -> UInt32 {
    let place = SymbolTable.place(of: name)
    let known = unsafe recent[place]
    if known.symbol != 0, known.name.hasSameBytes(as: name) { return known.symbol }
    guard let symbol = symbols[.string(name)] else { return 0 }
    unsafe recent[place] = Recent(name: self.name(of: symbol), symbol: symbol)
    return symbol
  }

  private static func place(of name: String) -> Int {
    // The bytes are looked at inside the closure only, which is as long as they are there.
    let place = unsafe name.utf8.withContiguousStorageIfAvailable { bytes in
      guard let first = unsafe bytes.first, let last = unsafe bytes.last else { return 0 }
      // Odd for both, so that names of one letter do not share a few places.
      return (bytes.count &* 11 &+ Int(first) &* 37 &+ Int(last) &* 8) & 63
    }
    return place ?? 0
  }

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
