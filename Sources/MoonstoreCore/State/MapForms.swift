import MoonValue

/// How maps of the last few kinds are laid out, so that one more of a kind is made without sorting or hashing.
///
/// Takes fields in the order in which a script's table gives them, which is the same for all tables that one
/// line of code makes, gives their places and the shape.
struct MapForms {
  struct Form {
    /// As they were given.
    let fields: ContiguousArray<UInt32>
    /// Which of those stands at each position.
    let order: ContiguousArray<Int>
    let shape: Shape
    /// Whether they stand as they were given.
    let isInOrder: Bool
  }

  private static let count = 16
  // Found by a number that is made of the fields; the last one of each number stays.
  private var recent: ContiguousArray<Form?> = []

  private static func place(of fields: ContiguousArray<UInt32>) -> Int {
    var number: UInt32 = 0
    for field in fields { number = number &* 31 &+ field }
    return Int((number ^ (number >> 7)) & UInt32(count - 1))
  }

  /// The form of a map with these fields; nil for one whose keys are no names of a shape.
  mutating func form(
    of fields: ContiguousArray<UInt32>,
    make: () -> Form?
  ) -> Form? {
    let place = MapForms.place(of: fields)
    if !recent.isEmpty, let known = recent[place], known.fields == fields { return known }
    guard let form = make() else { return nil }
    if recent.isEmpty { recent = ContiguousArray(repeating: nil, count: MapForms.count) }
    recent[place] = form
    return form
  }
}

extension StateTree {
  /// Fills a map that nobody has seen yet, in the order of its names.
  ///
  /// - Parameters:
  ///   - node: The map.
  ///   - fields: The symbols of its names, no two of them the same.
  ///   - slots: What stands under each of them.
  /// - Returns: Whether it could; otherwise the map has to be filled by key.
  package func fill(
    _ node: StateNode,
    _ fields: ContiguousArray<UInt32>,
    _ slots: ContiguousArray<StateSlot>
  ) -> Bool {
    guard !fields.isEmpty, let form = mapForms.form(of: fields, make: { makeForm(of: fields) })
    else { return false }
    node.shape = form.shape
    var placed = slots
    if !form.isInOrder {
      for (position, index) in form.order.enumerated() { placed[position] = slots[index] }
    }
    if !node.isFrozen {
      for (position, slot) in placed.enumerated() {
        guard case .node(let child) = slot else { continue }
        unsafe child.parent = node
        child.hint = position
      }
    }
    node.slots = placed
    noteGrowth(placed.count * StateNode.elementSize)
    return true
  }

  private func makeForm(of fields: ContiguousArray<UInt32>) -> MapForms.Form? {
    let names = fields.map { symbols.name(of: $0) }
    let order = fields.indices.sorted { names[$0].comesBeforeByBytes(names[$1]) }
    var shape = emptyShape
    for index in order {
      guard let next = shape.adding(fields[index]) else { return nil }
      shape = next
    }
    return MapForms.Form(
      fields: fields,
      order: ContiguousArray(order),
      shape: shape,
      isInOrder: order == Array(order.indices)
    )
  }
}
