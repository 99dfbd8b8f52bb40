import MoonValue

/// The grants that handles carry: by number, since a handle in a script has room for no more.
///
/// Takes a principal and what narrows its rights, gives a number; takes a number and an access, and throws where
/// it is refused. Number 0 is the owner, who may do everything.
///
/// A number is given back when nothing carries it any more: no userdata of the host's Lua machine, which `isCarried`
/// is asked about, and no `GrantHold` in Swift.
package final class AccessTable {
  private struct Issued {
    var grant: Grant
    var isDeclared: Bool
    /// Its principal has gone.
    var isRevoked = false
    var holds = 0

    init(_ grant: Grant, holds: Int = 0) {
      self.grant = grant
      self.holds = holds
      isDeclared = grant.isDeclared
    }
  }

  /// More grants at a time than this are refused, to all and to one principal.
  static let maximumGrants = 32_768
  static let maximumGrantsOfOne = 4_096
  /// What code has whose script or session is gone: no rights on anything.
  package static let nothing: UInt16 = 1

  // The system owns its table, which no program can keep: it is not public.
  private unowned(unsafe) let world: StoreSystem
  private var system: StoreSystem { unsafe world }
  private var grants: ContiguousArray<Issued?> = []
  private var numbers: [Grant: UInt16] = [:]
  private var counts: [Principal: Int] = [:]
  // Oldest first, so that a number that has just been given back is the last to be issued again.
  private var vacant: ContiguousArray<UInt16> = []
  private var nextVacant = 0
  // When there are more, those that nothing carries are looked for.
  private var reviewLimit = 1_024
  /// Whether what a condition reads counts as read by who asks.
  private(set) var followsConditions = false

  /// Whether something in Lua carries a number; after `collect` only what is in use does.
  package var isCarried: ((UInt16) -> Bool)?
  package var collect: (() -> Void)?

  init(system: StoreSystem) {
    unsafe world = system
    let none = Grant(principal: Principal(.script, ""), layers: [.nothing])
    grants.append(Issued(none, holds: 1))
  }

  // MARK: Issuing

  /// The grant of a holder who is not the owner.
  package func number(for principal: Principal) throws(StoreError) -> UInt16 {
    try issue(Grant(principal: principal, layers: [.declared]))
  }

  /// A grant that allows nothing but what the list says, of what another one allows.
  ///
  /// - Parameters:
  ///   - number: The other grant's.
  ///   - permissions: The list.
  ///   - principal: The holder, where the other is the owner's.
  /// - Returns: The number of the narrowed grant.
  /// - Throws: `permissionDenied` when there are too many different ones.
  package func narrow(
    _ number: UInt16,
    to permissions: PermissionSet,
    for principal: Principal
  ) throws(StoreError) -> UInt16 {
    try narrow(number, by: .listed(permissions), for: principal)
  }

  /// A grant to write what `store.patch` changes until `access` is closed, besides what `number` allows.
  package func patching(_ number: UInt16, _ access: PatchAccess) throws(StoreError) -> UInt16 {
    guard number != 0, let base = issued(number)?.grant else { return number }
    let layer = Grant.Layer.patching(access, over: base.layers)
    return try issue(Grant(principal: base.principal, layers: [layer]))
  }

  private func narrow(
    _ number: UInt16,
    by layer: Grant.Layer,
    for principal: Principal
  ) throws(StoreError) -> UInt16 {
    guard number != 0 else { return try issue(Grant(principal: principal, layers: [layer])) }
    guard let base = issued(number)?.grant else { return AccessTable.nothing }
    return try issue(Grant(principal: base.principal, layers: base.layers + [layer]))
  }

  private func issue(_ grant: Grant) throws(StoreError) -> UInt16 {
    if let number = numbers[grant] { return number }
    if isFull(for: grant.principal) {
      collect?()
      review()
      guard !isFull(for: grant.principal) else {
        throw StoreError(
          .permissionDenied,
          "\(grant.principal) holds \(counts[grant.principal] ?? 0) different secured handles, and this host "
            + "\(numbers.count): there is a limit of \(AccessTable.maximumGrantsOfOne) for one holder and of "
            + "\(AccessTable.maximumGrants) for a host. Keep handles instead of making new ones"
        )
      }
    }
    let issued = Issued(grant)
    let number: UInt16
    if nextVacant < vacant.count {
      number = vacant[nextVacant]
      nextVacant += 1
      grants[Int(number) - 1] = issued
    } else {
      grants.append(issued)
      number = UInt16(grants.count)
    }
    numbers[grant] = number
    counts[grant.principal, default: 0] += 1
    system.hasManyGrants = numbers.count > reviewLimit
    return number
  }

  private func isFull(for principal: Principal) -> Bool {
    grants.count - (vacant.count - nextVacant) >= AccessTable.maximumGrants
      || counts[principal] ?? 0 >= AccessTable.maximumGrantsOfOne
  }

  @inline(__always)
  private func issued(_ number: UInt16) -> Issued? {
    let place = Int(number) - 1
    return place < grants.count ? grants[place] : nil
  }

  /// The holder of a grant; nil for the owner's.
  package func principal(of number: UInt16) -> Principal? {
    number == 0 ? nil : issued(number)?.grant.principal
  }

  // MARK: Giving back

  /// Takes all rights from a principal that has gone, whatever carries its grants; one of its name that comes later
  /// gets others.
  package func revoke(_ principal: Principal) {
    guard counts.removeValue(forKey: principal) != nil else { return }
    for (place, issued) in grants.enumerated() {
      guard let issued, !issued.isRevoked, issued.grant.principal == principal else { continue }
      numbers[issued.grant] = nil
      var revoked = Issued(Grant(principal: principal, layers: [.nothing]), holds: issued.holds)
      revoked.isRevoked = true
      grants[place] = revoked
    }
  }

  func retain(_ number: UInt16) { grants[Int(number) - 1]?.holds += 1 }
  func release(_ number: UInt16) { grants[Int(number) - 1]?.holds -= 1 }

  /// How many grants are issued.
  package var count: Int { numbers.count }

  /// Gives back what nothing carries any more, where nothing is half-done and there are many.
  package func reviewIfMany() {
    guard numbers.count > reviewLimit else {
      system.hasManyGrants = false
      return
    }
    review()
    if numbers.count > reviewLimit / 2 {
      collect?()
      review()
    }
    reviewLimit = max(1_024, numbers.count * 2)
    system.hasManyGrants = false
  }

  private func review() {
    for (place, issued) in grants.enumerated() {
      guard let issued, issued.holds == 0 else { continue }
      let number = UInt16(place + 1)
      if isCarried?(number) ?? true { continue }
      grants[place] = nil
      vacant.append(number)
      if issued.isRevoked { continue }
      numbers[issued.grant] = nil
      let rest = (counts[issued.grant.principal] ?? 1) - 1
      counts[issued.grant.principal] = rest > 0 ? rest : nil
    }
    if nextVacant > vacant.count / 2 {
      vacant.removeFirst(nextVacant)
      nextVacant = 0
    }
  }

  // MARK: Checks

  /// Whether a grant allows an access that takes in the whole store; a quick no is no refusal.
  @inline(__always)
  package func allows(_ number: UInt16, _ right: Rights, on store: LiveStore) -> Bool {
    guard number != 0 else { return true }
    guard let issued = issued(number) else { return false }
    return issued.isDeclared && store.permissions.mask.contains(right)
  }

  package func allows(_ number: UInt16, _ access: Access) -> Bool {
    guard number != 0 else { return true }
    // A number that was given back means nothing.
    guard let grant = issued(number)?.grant else { return false }
    return allow(grant.layers, access, grant.principal)
  }

  private func allow(
    _ layers: [Grant.Layer],
    _ access: Access,
    _ principal: Principal
  ) -> Bool {
    layers.allSatisfy { layer in
      switch layer {
      case .declared:
        isOwner(principal, of: access.store)
          || access.store.permissions.allows(access, to: principal, in: system)
      case .listed(let set): set.allows(access, to: principal, in: system)
      case .patching(let patch, let base):
        patch.allows(access) || allow(base, access, principal)
      case .nothing: false
      }
    }
  }

  /// The same for a script that asks whether it is allowed: a getter that asks follows what the answer depends on,
  /// also what a condition reads.
  package func answers(_ number: UInt16, _ access: Access) -> Bool {
    system.registry.trackPresence()
    return following { allows(number, access) }
  }

  /// What a condition reads counts as read by the getter that is evaluated.
  private func following(_ body: () -> Bool) -> Bool {
    let outer = followsConditions
    followsConditions = true
    defer { followsConditions = outer }
    return body()
  }

  private func isOwner(_ principal: Principal, of store: LiveStore) -> Bool {
    principal.kind == .script && store.isOwned(by: principal.name)
  }

  /// Whether what a grant allows on a store can differ from one time to the next.
  package func asksConditions(_ number: UInt16, on store: LiveStore) -> Bool {
    if store.permissions.asksConditions { return true }
    return issued(number)?.grant.layers.contains { layer in
      switch layer {
      case .declared, .nothing: false
      case .listed(let set): set.asksConditions
      case .patching: true
      }
    } ?? false
  }

  /// Throws what is refused, and tells the registry's listeners.
  package func check(_ number: UInt16, _ access: Access) throws(StoreError) {
    guard number != 0 else { return }
    if following({ allows(number, access) }) { return }
    // A getter that was refused is evaluated again once the store permits something else.
    system.tree.trackStructure(access.store.root)
    throw refusal(number, access)
  }

  /// The refusal of something that a session which may only look was about to do.
  package func refusal(of onlooker: Principal, _ what: String) -> StoreError {
    system.registry.emitRefusal(
      "permission:denied",
      source: onlooker.name,
      target: "",
      payload: [
        "principal": .string(onlooker.name), "kind": .string(onlooker.kind.rawValue),
        "right": "read", "what": .string(what),
      ]
    )
    return StoreError(
      .permissionDenied,
      "permission denied: \(onlooker) may only read, and cannot \(what)"
    )
  }

  /// Throws unless a holder may read all of a part, with the live parts in a getter's result or a message.
  package func checkAll(of node: StateNode, _ number: UInt16) throws(StoreError) {
    guard number != 0 else { return }
    if let store = node.store {
      if allows(number, .read, on: store) { return }
      return try check(number, Access(.read, store, .part(node)))
    }
    try checkPlace(of: node, number)
    for case .node(let child) in node.slots { try checkAll(of: child, number) }
  }

  /// Throws for a part that stands in no store any more, unless the holder may read all of the store that it has left.
  package func checkPlace(of node: StateNode, _ number: UInt16) throws(StoreError) {
    // What is frozen was made for others to read: the content of a message, the result of a getter.
    guard number != 0, node.store == nil, !node.isFrozen else { return }
    if let former = node.former {
      if let store = former.store {
        if allows(number, Access(.read, store, .store)) { return }
      } else if former.lastRights.contains(.read), issued(number)?.isDeclared == true {
        return
      }
    }
    throw refuse(
      number,
      "read or write",
      "a part that has left its store",
      right: .read,
      store: nil
    )
  }

  package func refusal(_ number: UInt16, _ access: Access) -> StoreError {
    refuse(number, access.verb, access.place, right: access.right, store: access.store.id)
  }

  private func refuse(
    _ number: UInt16,
    _ verb: String,
    _ place: String,
    right: Rights,
    store: String?
  ) -> StoreError {
    let principal = principal(of: number)
    let who =
      if number == AccessTable.nothing {
        "code whose script or session is gone"
      } else if let principal {
        issued(number)?.isRevoked == true ? "code of \(principal), which is gone," : "\(principal)"
      } else {
        "this caller"
      }
    let message = "permission denied: \(who) may not \(verb) '\(place)'"
    system.registry.emitRefusal(
      "permission:denied",
      source: principal?.name ?? "host",
      target: store ?? "",
      payload: [
        "principal": .string(principal?.name ?? ""),
        "kind": .string(principal?.kind.rawValue ?? ""), "right": .string(right.name),
        "what": .string(place),
      ]
    )
    return StoreError(.permissionDenied, message, store: store)
  }
}
