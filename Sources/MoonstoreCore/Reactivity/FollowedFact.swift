/// What getters and watchers follow of something that is no state, such as what the bus has delivered.
///
/// The graph's node is made when something first follows it; until then a change costs one comparison.
struct FollowedFact {
  private var node = NodeID.none

  /// Notes that it was read.
  @inline(__always)
  mutating func track(in graph: ReactiveGraph) {
    guard graph.isTracking else { return }
    if node == .none { node = graph.makeSource() }
    graph.track(node)
  }

  /// Those who have read it look again.
  @inline(__always)
  func change(in graph: ReactiveGraph) {
    if node != .none { tell(graph) }
  }

  @inline(never)
  private func tell(_ graph: ReactiveGraph) {
    // Not all of it is undone with the turn.
    graph.noteUnlogged()
    graph.markChanged(node)
  }
}
