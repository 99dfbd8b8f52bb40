/// A list that grows and shrinks at both ends in constant time: a ring in one buffer.
struct Deque<Element> {
  // As many places as a power of two, so that positions wrap by a mask.
  private var places: ContiguousArray<Element?> = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var last: Element? { isEmpty ? nil : places[place(count - 1)] }

  private func place(_ index: Int) -> Int { (head + index) & (places.count - 1) }

  mutating func append(_ element: Element) {
    if count == places.count { grow() }
    places[place(count)] = element
    count += 1
  }

  /// Appends another list, which takes no copy where this one is empty.
  mutating func append(contentsOf other: Deque) {
    if isEmpty {
      self = other
    } else {
      for element in other { append(element) }
    }
  }

  mutating func prepend(_ element: Element) {
    if count == places.count { grow() }
    head = place(places.count - 1)
    places[head] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = places[head]
    places[head] = nil
    head = place(1)
    count -= 1
    shrinkIfEmpty()
    return element
  }

  mutating func popLast() -> Element? {
    guard count > 0 else { return nil }
    let last = place(count - 1)
    let element = places[last]
    places[last] = nil
    count -= 1
    shrinkIfEmpty()
    return element
  }

  /// Keeps what `isKept` says yes to, in order.
  mutating func keep(where isKept: (Element) -> Bool) {
    var kept = Deque()
    for element in self where isKept(element) { kept.append(element) }
    self = kept
  }

  mutating func removeAll() { self = Deque() }

  private mutating func grow() {
    var larger = ContiguousArray<Element?>()
    let capacity = Swift.max(8, places.count * 2)
    larger.reserveCapacity(capacity)
    for index in 0..<count { larger.append(places[place(index)]) }
    larger.append(contentsOf: repeatElement(nil, count: capacity - count))
    places = larger
    head = 0
  }

  // The room of a burst is not kept for ever.
  private mutating func shrinkIfEmpty() {
    if count == 0, places.count > 4_096 { self = Deque() }
  }
}

extension Deque: Sequence {
  struct Iterator: IteratorProtocol {
    fileprivate let deque: Deque
    fileprivate var index = 0

    mutating func next() -> Element? {
      guard index < deque.count else { return nil }
      defer { index += 1 }
      return deque.places[deque.place(index)]
    }
  }

  func makeIterator() -> Iterator { Iterator(deque: self) }

  /// The last elements, newest first.
  func newest(_ count: Int) -> [Element] {
    let wanted = Swift.min(count, self.count)
    return (0..<Swift.max(0, wanted)).compactMap { places[place(self.count - 1 - $0)] }
  }
}
