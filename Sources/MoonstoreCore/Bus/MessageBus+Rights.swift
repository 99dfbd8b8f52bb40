import MoonValue

/// Whose requests are whose: a type that begins with the id of a store and a colon is answered by that store alone.
extension MessageBus {
  /// The store whose id a type begins with, before a colon.
  private func owner(of type: String) -> LiveStore? {
    var from = type.startIndex
    while let colon = type[from...].firstIndex(of: ":") {
      if let store = system.registry.find(String(type[..<colon])) { return store }
      from = type.index(after: colon)
    }
    return nil
  }

  /// Whether one who acts under a name may answer requests of a type: the store itself, its script, or the program.
  func mayAnswer(_ type: String, _ name: String) -> Bool {
    guard let store = owner(of: type) else { return true }
    return store.id.hasSameBytes(as: name) || store.isOwned(by: name) || name == "swift"
  }

  /// The same for a handler or responder, which is asked for each request.
  func mayAnswer(_ type: String, _ member: MessageHandler) -> Bool {
    let stores = system.registry.generation
    if let standing = member.standing, standing.stores == stores { return standing.mayAnswer }
    let may = mayAnswer(type, member.owner.id) || mayAnswer(type, member.owner.name)
    member.standing = (stores, may)
    return may
  }

  /// Throws where a type is another store's, or has a responder.
  func checkAnswers(_ type: String, by owner: BusAddress) throws(StoreError) {
    let name = owner.name
    if let store = self.owner(of: type), !mayAnswer(type, owner.id), !mayAnswer(type, name) {
      throw StoreError(
        .permissionDenied,
        "permission denied: '\(name)' may not answer '\(type)': requests that begin with the id of a store are "
          + "answered by the store '\(store.id)' alone; give the request another name",
        store: store.id
      )
    }
    guard let other = find(in: responders[type], for: type, to: nil) else { return }
    throw StoreError(
      .duplicateResponder,
      "'\(type)' is answered by '\(other.owner.name)' already, so '\(name)' cannot answer it as well: one type of "
        + "request has one responder; end the one, or give the request another name",
      store: name
    )
  }

  /// The first of those that hear of a type and may answer it, and that a message is addressed to.
  func find(
    in list: Registrations<MessageHandler>?,
    for type: String,
    to name: String?
  ) -> MessageHandler? {
    guard let list else { return nil }
    for each in list.all where each.isActive {
      guard let member = each.member, name.map(member.owner.name.hasSameBytes) ?? true,
        mayAnswer(type, member)
      else { continue }
      return member
    }
    return nil
  }
}
