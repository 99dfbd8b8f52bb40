/// How deep state is nested, which is bounded: walks over state and releasing it go level by level on the stack of the
/// thread, and what is deeper could not be shown to a script either.
///
/// Each part that gets another part inside of it is asked for, so that no way of writing leads beyond the bound.
extension StateTree {
  /// The most that `Limits.stateDepth` can ask for: what the stack of any thread is sure to be enough for.
  static let greatestDepth = 256

  /// Whether a part with `level` levels around it would reach deeper than state may.
  package func exceedsDepth(_ node: StateNode, below level: Int) -> Bool {
    guard level < maximumDepth else { return true }
    for case .node(let child) in node.slots where exceedsDepth(child, below: level + 1) {
      return true
    }
    return false
  }

  /// Throws where a value would be nested too deeply in the part that it is put into.
  @inline(__always)
  package func checkDepth(_ slot: StateSlot, in node: StateNode) throws(StoreError) {
    if case .node(let child) = slot { try checkDepth(child, in: node) }
  }

  private func checkDepth(_ child: StateNode, in node: StateNode) throws(StoreError) {
    // Which it has passed already.
    if child.hasStore { return }
    var level = 1
    var outer = node
    while let parent = unsafe outer.parent {
      level += 1
      outer = parent
    }
    guard exceedsDepth(child, below: level) else { return }
    throw StoreError(
      .notData,
      "\(describe(node)): state cannot be nested more than \(maximumDepth) levels deep"
    )
  }

  /// The same for the state that a store begins with.
  package func checkDepth(ofState root: StateNode, of store: String) throws(StoreError) {
    guard exceedsDepth(root, below: 0) else { return }
    throw StoreError(
      .notData,
      "\(store): state cannot be nested more than \(maximumDepth) levels deep",
      store: store
    )
  }
}
