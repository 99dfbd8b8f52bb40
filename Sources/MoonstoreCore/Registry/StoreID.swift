/// What the id of a store may look like: parts between slashes, such as `cart` or `shop/cart`.
package enum StoreID {
  static let maximumLength = 200

  package static func check(_ id: String) throws(StoreError) {
    // Most have one part and are made of plain letters.
    let length = id.utf8.count
    if length > 0, length <= maximumLength,
      id.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") })
    {
      return
    }
    guard let problem = problem(with: id) else { return }
    throw StoreError(
      .invalidDefinition,
      "the id '\(id.prefix(60))' \(problem): a store needs an id, a text such as \"cart\" or \"shop/cart\""
    )
  }

  private static func problem(with id: String) -> String? {
    if id.isEmpty { return "is empty" }
    if id.utf8.count > maximumLength { return "is longer than \(maximumLength) bytes" }
    if id.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
      return "has control characters in it"
    }
    let parts = id.split(separator: "/", omittingEmptySubsequences: false)
    if parts.contains(where: \.isEmpty) { return "has an empty part" }
    if parts.contains(where: { $0.first == " " || $0.last == " " }) {
      return "has a space at the end of a part"
    }
    return nil
  }
}
