/// What readers last saw of places that were written since, so that a place which got its value back is no change.
///
/// The tree puts a place's old value here at the first write that readers have not looked at; the graph names it by
/// its number, and asks once before a reader looks again.
struct SeenValues {
  private struct Entry {
    // The place's source is freed by its node at the latest, and takes its entry with it.
    unowned(unsafe) var node: StateNode?
    var position: Int
    var slot: StateSlot
  }

  // Number 0 stands for "none".
  private var entries: ContiguousArray<Entry> = [Entry(node: nil, position: 0, slot: .empty)]
  private var vacant: ContiguousArray<UInt32> = []

  mutating func keep(_ slot: StateSlot, of node: StateNode, at position: Int) -> UInt32 {
    let entry = Entry(node: node, position: position, slot: slot)
    if let number = vacant.popLast() {
      entries[Int(number)] = entry
      return number
    }
    entries.append(entry)
    return UInt32(entries.count - 1)
  }

  /// Gives an entry back, and tells whether the place has another value now than readers saw.
  mutating func takeDifference(_ number: UInt32) -> Bool {
    let entry = entries[Int(number)]
    drop(number)
    // Safe: an entry is given back before its node goes.
    guard let node = unsafe entry.node else { return true }
    let now = entry.position < node.slots.count ? node.slots[entry.position] : .empty
    return !now.isSame(as: entry.slot)
  }

  mutating func drop(_ number: UInt32) {
    entries[Int(number)] = Entry(node: nil, position: 0, slot: .empty)
    vacant.append(number)
  }
}

extension StateSlot {
  /// Whether it takes next to nothing to keep it and to compare it: longer texts count as changed when they are
  /// written.
  var isCheapToCompare: Bool {
    switch self {
    case .empty, .null, .bool, .integer, .number: true
    case .string(let text): text.utf8.count <= 64
    case .bytes, .node, .opaque: false
    }
  }
}
