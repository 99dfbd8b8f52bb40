import MoonValue

/// A name as rights know it: compared by its bytes, where Swift's `==` calls both spellings of "é" equal.
package struct ExactName: Hashable {
  package let text: String

  package init(_ text: String) { self.text = text }

  package static func == (left: ExactName, right: ExactName) -> Bool {
    left.text.hasSameBytes(as: right.text)
  }

  package func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

/// What is known by the names of scripts, so that none is taken for another that only looks the same.
package struct NameTable<Content>: Sequence, ExpressibleByDictionaryLiteral {
  private var contents: [ExactName: Content] = [:]

  package init() {}

  package init(dictionaryLiteral elements: (String, Content)...) {
    for (name, content) in elements { self[name] = content }
  }

  package init(_ elements: some Sequence<(key: String, value: Content)>) {
    for (name, content) in elements { self[name] = content }
  }

  package subscript(name: String) -> Content? {
    get { contents[ExactName(name)] }
    _modify { yield &contents[ExactName(name)] }
  }

  /// In place, so that what is kept under a name is not copied for each change of it.
  package subscript(name: String, default content: @autoclosure () -> Content) -> Content {
    get { contents[ExactName(name)] ?? content() }
    _modify { yield &contents[ExactName(name), default: content()] }
  }

  package var keys: [String] { contents.keys.map(\.text) }
  package var values: Dictionary<ExactName, Content>.Values { contents.values }
  package var isEmpty: Bool { contents.isEmpty }

  @discardableResult
  package mutating func removeValue(forKey name: String) -> Content? {
    contents.removeValue(forKey: ExactName(name))
  }

  package func makeIterator() -> AnyIterator<(key: String, value: Content)> {
    var rest = contents.makeIterator()
    return AnyIterator { rest.next().map { ($0.key.text, $0.value) } }
  }
}

extension NameTable: Equatable where Content: Equatable {}
extension NameTable: Sendable where Content: Sendable {}

/// Names of scripts.
package struct NameSet: Sequence, Sendable {
  private var names: Set<ExactName>

  package init() { names = [] }

  package init(_ names: some Sequence<String>) { self.names = Set(names.map(ExactName.init)) }

  package var isEmpty: Bool { names.isEmpty }
  package var count: Int { names.count }

  package func contains(_ name: String) -> Bool { names.contains(ExactName(name)) }

  /// Tells whether it is new.
  @discardableResult
  package mutating func insert(_ name: String) -> Bool { names.insert(ExactName(name)).inserted }

  package mutating func formUnion(_ others: some Sequence<String>) {
    names.formUnion(others.map(ExactName.init))
  }

  package mutating func subtract(_ others: some Sequence<String>) {
    names.subtract(others.map(ExactName.init))
  }

  package func subtracting(_ others: some Sequence<String>) -> NameSet {
    var rest = self
    rest.subtract(others)
    return rest
  }

  package func intersection(_ others: some Sequence<String>) -> NameSet {
    NameSet(others.filter(contains))
  }

  package func makeIterator() -> AnyIterator<String> {
    var rest = names.makeIterator()
    return AnyIterator { rest.next()?.text }
  }
}
