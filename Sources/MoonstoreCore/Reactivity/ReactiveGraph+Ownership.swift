/// Who owns which effect or scope.
///
/// Effects and scopes have an ownership record from the beginning; a computed gets one with the
/// first effect that it creates.
extension ReactiveGraph {
  func insertOwner(_ kind: NodeMarks, _ observer: GraphObserver) -> UInt32 {
    var record = NodeRecord(marks: kind, observer: StoredReference(retaining: observer))
    record.ownership = ownerships.insert(OwnershipRecord())
    let id = nodes.insert(record)
    let owning = context.value.owning
    if owning != 0 { attach(id, to: owning) }
    return id
  }

  /// Disposes what a node owns, the newest first.
  @inline(never)
  func disposeChildren(of owner: UInt32) {
    while let ownership = ownership(of: owner), ownerships[ownership].newestChild != 0 {
      free(NodeID(rawValue: ownerships[ownership].newestChild))
    }
    nodes[owner].marks.remove(.owning)
  }

  func detachFromOwner(_ id: UInt32) {
    let record = ownerships[nodes[id].ownership]
    if record.newerSibling != 0 {
      ownerships[nodes[record.newerSibling].ownership].olderSibling = record.olderSibling
    } else if let ownership = ownership(of: record.owner) {
      ownerships[ownership].newestChild = record.olderSibling
    }
    if record.olderSibling != 0 {
      ownerships[nodes[record.olderSibling].ownership].newerSibling = record.newerSibling
    }
    nodes[id].marks.remove(.owned)
  }

  /// Gives the ownership record back when the node ends.
  func dropOwnership(of id: UInt32) {
    guard let ownership = ownership(of: id) else { return }
    ownerships.remove(ownership)
    if nodes[id].marks.contains(.owner) {
      nodes[id].ownership = 0
    } else {
      ownershipsOfComputeds[id] = nil
    }
  }

  /// The owner of an effect or scope; 0 if nothing owns it.
  func owner(of id: UInt32) -> UInt32 {
    nodes[id].marks.contains(.owned) ? ownerships[nodes[id].ownership].owner : 0
  }

  private func attach(_ id: UInt32, to owner: UInt32) {
    let ownership = ownership(of: owner) ?? addOwnership(to: owner)
    let older = ownerships[ownership].newestChild
    let own = nodes[id].ownership
    ownerships[own].owner = owner
    ownerships[own].olderSibling = older
    if older != 0 { ownerships[nodes[older].ownership].newerSibling = id }
    ownerships[ownership].newestChild = id
    nodes[owner].marks.insert(.owning)
    nodes[id].marks.insert(.owned)
  }

  private func addOwnership(to computed: UInt32) -> UInt32 {
    let ownership = ownerships.insert(OwnershipRecord())
    ownershipsOfComputeds[computed] = ownership
    return ownership
  }

  private func ownership(of id: UInt32) -> UInt32? {
    if nodes[id].marks.contains(.owner) { return nodes[id].ownership }
    return ownershipsOfComputeds.isEmpty ? nil : ownershipsOfComputeds[id]
  }
}
