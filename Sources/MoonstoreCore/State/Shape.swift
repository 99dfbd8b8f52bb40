/// The keys of a small map in their order, shared by all maps that got the same keys in the same order.
///
/// A map finds a field in its shape by symbol; adding a field moves it to another shape. Shapes live as
/// long as their host.
package final class Shape {
  /// Maps with more fields keep their keys themselves.
  package static let maximumFields = 24
  /// A shape that branches more often has data for keys, which does not belong here.
  private static let maximumTransitions = 128

  package let symbols: ContiguousArray<UInt32>
  /// The shape without the last field; it holds this one.
  unowned let parent: Shape?
  private var transitions: [UInt32: Shape] = [:]

  package init(symbols: ContiguousArray<UInt32> = [], parent: Shape? = nil) {
    self.symbols = symbols
    self.parent = parent
  }

  /// The position of a field, or -1.
  @inline(__always)
  package func position(of symbol: UInt32) -> Int {
    // So few that comparing them in a row beats any hashing.
    for position in symbols.indices where symbols[position] == symbol { return position }
    return -1
  }

  /// The shape with one field more; `nil` when maps should not go on in this form.
  package func adding(_ symbol: UInt32) -> Shape? {
    if let next = transitions[symbol] { return next }
    guard symbols.count < Shape.maximumFields, transitions.count < Shape.maximumTransitions else {
      return nil
    }
    let next = Shape(symbols: symbols + [symbol], parent: self)
    transitions[symbol] = next
    return next
  }
}
