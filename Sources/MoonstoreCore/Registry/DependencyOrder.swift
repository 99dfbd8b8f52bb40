/// Brings ids into an order in which each comes after those it depends on.
package struct DependencyOrder {
  /// The direct dependencies of an id; nil when there is no such id.
  let dependencies: (String) -> [String]?

  package init(_ dependencies: @escaping (String) -> [String]?) {
    self.dependencies = dependencies
  }

  /// The ids with all that they depend on.
  ///
  /// - Throws: `missingDependency` or `dependencyCycle`, which shows the circle.
  package mutating func order(of ids: [String]) throws(StoreError) -> [String] {
    var order: [String] = []
    var done: Set<String> = []
    var path: [String] = []

    func visit(_ id: String, from parent: String?) throws(StoreError) {
      if done.contains(id) { return }
      if let start = path.firstIndex(of: id) {
        let circle = (path[start...] + [id]).joined(separator: " -> ")
        throw StoreError(
          .dependencyCycle,
          "stores depend on each other in a circle: \(circle)",
          store: id
        )
      }
      guard let next = dependencies(id) else {
        let who = parent.map { "the store '\($0)' depends on '\(id)', which is not there" }
        throw StoreError(
          .missingDependency,
          who ?? "there is no store '\(id)'",
          store: parent ?? id
        )
      }
      path.append(id)
      for dependency in next { try visit(dependency, from: id) }
      path.removeLast()
      done.insert(id)
      order.append(id)
    }

    for id in ids { try visit(id, from: nil) }
    return order
  }
}
