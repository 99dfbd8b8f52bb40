package import MoonValue

/// One thing that somebody is about to do with a store.
package struct Access {
  /// What it is done to.
  package enum Subject {
    case store
    /// A field of the state or a getter, by name.
    case member(String)
    /// An action, or a message that is addressed to the store, by its type.
    case action(String)
    /// A part of the state as a whole.
    case part(StateNode)
    /// What stands under a key of a part.
    case element(StateNode, Value.Key)
    /// What stands at a path below the store.
    case path([StatePath.Component])
  }

  package let right: Rights
  package let store: LiveStore
  package let subject: Subject
  /// Whether a part is only passed through, on the way to something below it.
  package let isPassage: Bool

  package init(_ right: Rights, _ store: LiveStore, _ subject: Subject, isPassage: Bool = false) {
    self.right = right
    self.store = store
    self.subject = subject
    self.isPassage = isPassage
  }

  var action: String? {
    if case .action(let name) = subject { return name }
    return nil
  }

  /// Where in the store it is; nil for what has no place.
  var path: [StatePath.Component]? {
    switch subject {
    case .store: []
    case .member(let name): [.field(.string(name))]
    case .action: nil
    case .part(let node): node.path.map { Array($0.components.dropFirst()) }
    case .element(let node, let key):
      node.path.map { $0.components.dropFirst() + [.field(key)] }
    case .path(let path): path
    }
  }

  /// Whether all of it stands at or below a path.
  func isWithin(_ limit: [StatePath.Component]) -> Bool {
    guard let path else { return false }
    // In text, an element and the field of an integer key look the same.
    guard zip(path, limit).allSatisfy({ $0.key == $1.key }) else { return false }
    return path.count >= limit.count || isPassage
  }

  /// What errors call it.
  var place: String {
    switch subject {
    case .store: "\(store.id)"
    case .action(let name): "\(store.id):\(name)"
    default: path.map { "\(StatePath([.field(.string(store.id))] + $0))" } ?? store.id
    }
  }

  var verb: String {
    switch right {
    case .read: "read"
    case .call: "call"
    case .write: "write to"
    case .state: "read the state of"
    case .subscribe: "subscribe to"
    case .onAction: "observe the actions of"
    case .patch: "patch"
    case .reset: "reset"
    default: "dispose of"
    }
  }
}
