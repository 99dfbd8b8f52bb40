/// Looking back at a turn.
extension StateTree {
  /// Steps back through the turn's changes, shows each in the state just before it, and steps forth again.
  ///
  /// Parts that the turn itself has made are not taken apart: they stay as the turn leaves them. No reader
  /// is told, since in the end nothing has changed.
  func review(_ visit: (_ position: Int, _ change: Change) -> Void) {
    var forms: [StateNode.Form] = []
    for position in log.indices.reversed() {
      let change = log[position]
      guard let node = change.node, node.birth != turnNumber else { continue }
      if case .form = change.operation { forms.append(node.form) }
      stepBack(change, node)
      visit(position, change)
    }
    for change in log {
      guard let node = change.node, node.birth != turnNumber else { continue }
      if case .form = change.operation, let form = forms.popLast() { node.form = form }
      stepForth(change, node)
    }
  }

  /// Puts a part back to what it was before a change; no reader is told.
  func stepBack(_ change: Change, _ node: StateNode) {
    switch change.operation {
    case .set, .add: place(change.old, in: node, at: change.position)
    case .insert: takeOut(node, change.position)
    case .remove: putIn(change.old, node, change.position)
    case .reorder(let order):
      var inverse = order
      for (new, old) in order.enumerated() { inverse[old] = new }
      arrange(node, inverse)
    case .form(let form, _): node.form = form
    case .event: break
    }
  }

  private func stepForth(_ change: Change, _ node: StateNode) {
    switch change.operation {
    case .set, .add: place(change.new, in: node, at: change.position)
    case .insert: putIn(change.new, node, change.position)
    case .remove: takeOut(node, change.position)
    case .reorder(let order): arrange(node, order)
    case .form, .event: break
    }
  }
}
