/// What a quick look at a place has found.
package enum Glance {
  /// Something that takes a longer look, such as an error.
  case elsewhere
  case nothing
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  /// A part, which is not retained: it is kept alive by the place that it stands in.
  case part(ObjectIdentifier)
  /// An action, by its number.
  case action(Int32)

  @inline(__always)
  init(_ slot: borrowing StateSlot) {
    switch slot {
    case .empty: self = .nothing
    case .null: self = .null
    case .bool(let bool): self = .bool(bool)
    case .integer(let integer): self = .integer(integer)
    case .number(let number): self = .number(number)
    case .string(let string): self = .string(string)
    case .node(let child): self = .part(ObjectIdentifier(child))
    case .bytes, .opaque: self = .elsewhere
    }
  }
}

/// The short way to fields and elements, for script engines: no error is made, no right is asked for, and no
/// reference is counted that need not be.
///
/// Whoever asks keeps the part or the store alive.
extension StateTree {
  /// Looks at a field by its symbol, or at an element by its index from 1 where the symbol is 0, and notes that it
  /// was read.
  package func glance(
    at node: Unmanaged<StateNode>,
    symbol: UInt32,
    index: Int64
  ) -> Glance {
    // Safe: the caller keeps the node alive.
    unsafe node._withUnsafeGuaranteedRef { glance(at: $0, symbol, index) }
  }

  @inline(__always)
  private func glance(at node: StateNode, _ symbol: UInt32, _ index: Int64) -> Glance {
    let position: Int
    if symbol == 0 {
      guard node.kind == .array else { return .elsewhere }
      position = index >= 1 && index <= Int64(node.slots.count) ? Int(index) - 1 : -1
    } else {
      guard node.hasShape else { return .elsewhere }
      position = node.position(ofSymbol: symbol)
    }
    if graph.isTracking { track(node, at: position) }
    guard position >= 0 else { return .nothing }
    return Glance(node.slots[position])
  }

  /// Looks at a field, an action or a getter of a store.
  package func glance(in store: Unmanaged<LiveStore>, symbol: UInt32) -> Glance {
    // Safe: the caller keeps the store alive.
    unsafe store._withUnsafeGuaranteedRef { store in
      let root = store.root
      let position = root.position(ofSymbol: symbol)
      if position >= 0 {
        let found = glance(at: root, symbol, 0)
        guard case .nothing = found else { return found }
      }
      switch store.member(symbol) {
      case .action(let index):
        let number = store.actions[index].number
        return number >= 0 ? .action(number) : .elsewhere
      case .getter(let getter): return getter.glance()
      case nil: return .elsewhere
      }
    }
  }

  /// Puts a scalar or a string in the place of what stands under a symbol.
  ///
  /// - Returns: False when it has done nothing, since there is no such place, or nobody may write there.
  package func poke(_ slot: StateSlot, at node: Unmanaged<StateNode>, symbol: UInt32) -> Bool {
    // Safe: the caller keeps the node alive.
    unsafe node._withUnsafeGuaranteedRef { poke(slot, at: $0, symbol) }
  }

  @inline(__always)
  private func poke(_ slot: StateSlot, at node: StateNode, _ symbol: UInt32) -> Bool {
    guard node.hasStore, node.hasShape else { return false }
    let position = node.position(ofSymbol: symbol)
    // A field that comes back may have become the name of a getter meanwhile: the long way looks.
    guard position >= 0, !node.slots[position].isEmpty else { return false }
    write(slot, to: node, at: position)
    return true
  }

  /// The same for a field of a store.
  package func poke(_ slot: StateSlot, in store: Unmanaged<LiveStore>, symbol: UInt32) -> Bool {
    // Safe: the caller keeps the store alive.
    unsafe store._withUnsafeGuaranteedRef { poke(slot, at: $0.root, symbol) }
  }
}
