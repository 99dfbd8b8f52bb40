import MoonValue

/// Numbers for the strings that name fields and members, so that both are found without hashing or comparing text.
///
/// Shapes and members count as uses of their names. A name that has lost its last use keeps its number until it is
/// given back between turns, where no access is half-done. Keys of data get a part of the numbers only and are
/// bounded by their length as well: beyond that a map keeps its keys itself, which is slower and otherwise the same.
/// So data leaves room for what scripts define, and each script has a share of that room.
package final class SymbolTable {
  /// So many names can come from keys of data.
  package static let dataLimit = 16_384
  /// So many names can come from the members of all stores that one script, or Swift, has defined.
  package static let ownerLimit = 16_384
  /// Keys of data that have more bytes get no number.
  package static let longestKey = 64
  /// Names of members may have so many bytes.
  package static let longestMember = 1_024

  private struct Entry {
    var name: String
    /// How many shapes and members use it.
    var uses: UInt32 = 0
    /// On which account its members are; see `Account`.
    var account: UInt32 = 0
  }

  // Symbol 0 is no symbol.
  private var entries: ContiguousArray<Entry> = [Entry(name: "")]
  private var symbols: [Value.Key: UInt32] = [:]
  /// Numbers that were given back.
  private var free: ContiguousArray<UInt32> = []
  /// How many names each owner of members has brought; account 0 is that of data.
  private var accounts: ContiguousArray<Int> = [0]
  private var accountNumbers: [Value.Key: UInt32] = [:]
  /// How many shapes there are.
  package private(set) var shapeCount = 0
  /// How many names and shapes were made, or refused, since what is no longer used was given back.
  private var pressure = 0

  private struct Recent {
    var name = ""
    var symbol: UInt32 = 0
  }

  // What Swift has asked for last, found by three of its bytes: it names fields and actions by text at each
  // call, and hashing that costs more than the rest of reading a getter. It is emptied before a number is given
  // to another name.
  // Not checked for overlapping access: each place is read or put in one step.
  @exclusivity(unchecked) private var recent = ContiguousArray(repeating: Recent(), count: 64)

  package init() {}

  package func name(of symbol: UInt32) -> String { entries[Int(symbol)].name }

  /// How many names have a number.
  package var count: Int { symbols.count }

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

  // MARK: Naming

  /// The symbol of a key of data; 0 when it gets none.
  package func intern(_ key: String) -> UInt32 {
    if let symbol = symbols[.string(key)] { return symbol }
    guard accounts[0] < SymbolTable.dataLimit, key.utf8.count <= SymbolTable.longestKey else {
      pressure += 1
      return 0
    }
    return make(key, on: 0)
  }

  /// The symbol of a getter or an action.
  ///
  /// - Parameters:
  ///   - member: Its name.
  ///   - owner: The script that defines the store; nil for Swift.
  /// - Returns: The symbol.
  /// - Throws: `invalidDefinition` for a name that is too long, or one too many of this owner.
  package func intern(member: String, of owner: String?) throws(StoreError) -> UInt32 {
    if let symbol = symbols[.string(member)] { return symbol }
    guard member.utf8.count <= SymbolTable.longestMember else {
      throw StoreError(
        .invalidDefinition,
        "the name of a getter or an action has \(member.utf8.count) bytes, and may have "
          + "\(SymbolTable.longestMember): '\(member.prefix(32))...'"
      )
    }
    let account = account(of: owner)
    guard accounts[Int(account)] < SymbolTable.ownerLimit else {
      pressure += 1
      throw StoreError(
        .invalidDefinition,
        "\(owner ?? "this program") has given \(SymbolTable.ownerLimit) names to getters and actions, which is "
          + "as many as it may; '\(member)' would be one more. Keep what is made at run time in state, under keys",
        script: owner
      )
    }
    return make(member, on: account)
  }

  private func account(of owner: String?) -> UInt32 {
    let key = Value.Key.string(owner ?? "")
    if let known = accountNumbers[key] { return known }
    let number = UInt32(accounts.count)
    accounts.append(0)
    accountNumbers[key] = number
    return number
  }

  private func make(_ name: String, on account: UInt32) -> UInt32 {
    let symbol: UInt32
    let entry = Entry(name: name, account: account)
    if let given = free.popLast() {
      symbol = given
      entries[Int(given)] = entry
    } else {
      symbol = UInt32(entries.count)
      entries.append(entry)
    }
    symbols[.string(name)] = symbol
    accounts[Int(account)] += 1
    pressure += 1
    return symbol
  }

  // MARK: Uses

  /// A shape or a member uses a name from now on.
  func retain(_ symbol: UInt32) { entries[Int(symbol)].uses += 1 }

  /// A shape or a member that has used a name is gone.
  func release(_ symbol: UInt32) { entries[Int(symbol)].uses -= 1 }

  /// Shapes live in this table's count, so that they are bounded as names are.
  func noteShape(_ change: Int) { shapeCount += change }

  /// A map has not got the shape that it would have had.
  func noteRefusal() { pressure += 1 }

  // MARK: Giving back

  /// Whether so much was made, or refused, that it is worth the walk to look for what is no longer used.
  package var isReclaimDue: Bool {
    pressure >= 4_096
      && (accounts[0] > 4_096 || shapeCount > Shape.maximumCount / 4 || symbols.count > 8_192)
  }

  /// Gives the names back that nothing uses; `StateTree.reclaimNames` says when.
  package func reclaim() {
    pressure = 0
    unsafe recent = ContiguousArray(repeating: Recent(), count: 64)
    for symbol in entries.indices.dropFirst() where entries[symbol].uses == 0 {
      let name = Value.Key.string(entries[symbol].name)
      guard symbols[name] == UInt32(symbol) else { continue }
      symbols[name] = nil
      accounts[Int(entries[symbol].account)] -= 1
      entries[symbol] = Entry(name: "")
      free.append(UInt32(symbol))
    }
  }
}
