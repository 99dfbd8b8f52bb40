/// Whose rights count, and what narrows them: it allows what all of its layers allow.
///
/// Narrowing adds a layer, so that no grant ever allows more than the one that it was made from.
struct Grant: Hashable {
  enum Layer: Hashable {
    /// What the store permits to others, or everything if it belongs to the holder.
    case declared
    case listed(PermissionSet)
    /// What these layers allow, and to write besides for as long as one `patch` runs.
    indirect case patching(PatchAccess, over: [Layer])
    /// What code has whose script or session is gone.
    case nothing
  }

  let principal: Principal
  let layers: [Layer]

  /// Whether it allows what the store permits, and nothing narrows that: nearly all do.
  var isDeclared: Bool {
    guard layers.count == 1, case .declared = layers[0] else { return false }
    return true
  }
}

/// The time in which a function may write the store that it patches.
package final class PatchAccess: Hashable {
  private var isOpen = true
  private unowned let store: LiveStore

  package init(to store: LiveStore) { self.store = store }

  /// Ends the access, whatever still holds it.
  package func close() { isOpen = false }

  /// Down to parts, since what is written stands in them; but no value, length or key is read.
  func allows(_ access: Access) -> Bool {
    guard isOpen, access.store === store else { return false }
    if access.right == .read { return access.isPassage }
    return access.right == .write || access.right == .patch
  }

  package static func == (left: PatchAccess, right: PatchAccess) -> Bool { left === right }
  package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Keeps a grant from being given back while Swift carries its number.
package final class GrantHold {
  package let number: UInt16
  private let table: AccessTable

  fileprivate init(_ number: UInt16, in table: AccessTable) {
    self.number = number
    self.table = table
    table.retain(number)
  }

  deinit { table.release(number) }
}

extension AccessTable {
  /// What keeps a grant; nil for the owner's, which is always there.
  package func hold(_ number: UInt16) -> GrantHold? {
    number == 0 ? nil : GrantHold(number, in: self)
  }
}
