/// The keys of a small map in their order, shared by all maps that got the same keys in the same order.
///
/// A map finds a field in its shape by symbol; adding a field moves it to another shape. A shape is kept by the one
/// that it continues until `prune` finds that no map has it and none continues it.
package final class Shape {
  /// Maps with more fields keep their keys themselves.
  package static let maximumFields = 24
  /// A shape that branches more often has data for keys, which does not belong here.
  private static let maximumTransitions = 128
  /// When there are so many, further maps keep their keys themselves.
  package static let maximumCount = 65_536

  package let symbols: ContiguousArray<UInt32>
  /// The shape without the last field; it holds this one.
  unowned let parent: Shape?
  private let table: SymbolTable
  private var transitions: [UInt32: Shape] = [:]

  /// Makes the shape of an empty map.
  package convenience init(in table: SymbolTable) { self.init(in: table, [], parent: nil) }

  private init(in table: SymbolTable, _ symbols: ContiguousArray<UInt32>, parent: Shape?) {
    self.table = table
    self.symbols = symbols
    self.parent = parent
    table.noteShape(1)
    if let own = symbols.last { table.retain(own) }
  }

  deinit {
    table.noteShape(-1)
    if let own = symbols.last { table.release(own) }
  }

  /// The position of a field, or -1.
  @inline(__always)
  package func position(of symbol: UInt32) -> Int {
    // So few that comparing them in a row beats any hashing.
    for position in symbols.indices where symbols[position] == symbol { return position }
    return -1
  }

  /// Whether it can be continued by a field by which it is not.
  var hasRoom: Bool {
    symbols.count < Shape.maximumFields && transitions.count < Shape.maximumTransitions
      && table.shapeCount < Shape.maximumCount
  }

  /// The shape with one field more; `nil` when maps should not go on in this form.
  package func adding(_ symbol: UInt32) -> Shape? {
    if let next = transitions[symbol] { return next }
    guard hasRoom else {
      table.noteRefusal()
      return nil
    }
    let next = Shape(in: table, symbols + [symbol], parent: self)
    transitions[symbol] = next
    return next
  }

  /// Drops the continuations that no map has, and that lead to none that a map has.
  func prune() {
    for symbol in Array(transitions.keys) {
      transitions[symbol]?.prune()
      guard transitions[symbol]?.transitions.isEmpty == true else { continue }
      if isKnownUniquelyReferenced(&transitions[symbol]) { transitions[symbol] = nil }
    }
  }
}
