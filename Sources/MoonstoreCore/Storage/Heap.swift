/// A priority queue: gives its least element first; adding and taking cost the logarithm of its size.
package struct Heap<Element: Comparable> {
  private var elements: ContiguousArray<Element> = []

  package init() {}

  package var count: Int { elements.count }
  package var min: Element? { elements.first }

  package mutating func insert(_ element: Element) {
    elements.append(element)
    var index = elements.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard elements[index] < elements[parent] else { return }
      elements.swapAt(index, parent)
      index = parent
    }
  }

  /// Keeps the elements that `isKept` says yes to.
  package mutating func filter(_ isKept: (Element) -> Bool) {
    let kept = elements.filter(isKept)
    elements = []
    for element in kept { insert(element) }
  }

  @discardableResult
  package mutating func popMin() -> Element? {
    guard let least = elements.first else { return nil }
    let last = elements.removeLast()
    guard !elements.isEmpty else { return least }
    elements[0] = last
    var index = 0
    while true {
      var smallest = index
      let left = 2 * index + 1
      if left < elements.count, elements[left] < elements[smallest] { smallest = left }
      if left + 1 < elements.count, elements[left + 1] < elements[smallest] { smallest = left + 1 }
      guard smallest != index else { return least }
      elements.swapAt(index, smallest)
      index = smallest
    }
  }
}
