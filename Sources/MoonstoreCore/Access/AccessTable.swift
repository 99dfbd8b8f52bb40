import MoonValue

/// The rights that handles carry: by number, since a handle in a script has room for no more.
///
/// Takes who holds a handle and what narrows it, gives a number; takes a number and an access, and throws where
/// it is refused. Number 0 is the owner, who may do everything.
package final class AccessTable {
  // What a handle allows: everything that all of its layers allow. Narrowing adds a layer, so that no handle
  // can ever allow more than the one that it was made from.
  private struct Grant {
    enum Layer {
      /// What the store permits to others, or everything if it belongs to the holder.
      case declared
      case listed(PermissionSet)
    }

    let principal: Principal
    let layers: [Layer]

    var isDeclared: Bool {
      guard layers.count == 1, case .declared = layers[0] else { return false }
      return true
    }
  }

  /// More different handles than this are refused: numbers are never given back.
  static let maximumGrants = 32_768

  // The system owns its table, which no program can keep: it is not public.
  private unowned(unsafe) let world: StoreSystem
  private var system: StoreSystem { unsafe world }
  private var grants: ContiguousArray<Grant> = []
  private var numbers: [String: UInt16] = [:]
  /// Whether what a condition reads counts as read by who asks.
  private(set) var followsConditions = false

  init(system: StoreSystem) { unsafe world = system }

  // MARK: Handles

  /// The handle of somebody who is not the owner.
  package func number(for principal: Principal) throws(StoreError) -> UInt16 {
    try intern(key(of: principal), Grant(principal: principal, layers: [.declared]))
  }

  /// A handle that allows nothing but what the list says, of what another one allows.
  ///
  /// - Parameters:
  ///   - number: The other handle's.
  ///   - permissions: The list.
  ///   - principal: Who holds it, where the other is the owner's.
  /// - Returns: The number of the narrowed handle.
  /// - Throws: `permissionDenied` when there are too many different ones.
  package func narrow(
    _ number: UInt16,
    to permissions: PermissionSet,
    for principal: Principal
  ) throws(StoreError) -> UInt16 {
    var layers: [Grant.Layer] = []
    var holder = principal
    var key = "owner"
    if number != 0 {
      let grant = grants[Int(number) - 1]
      layers = grant.layers
      holder = grant.principal
      key = "\(number)"
    }
    layers.append(.listed(permissions))
    let text = "\(key)>\(self.key(of: holder))>\(permissions.key)"
    return try intern(text, Grant(principal: holder, layers: layers))
  }

  private func key(of principal: Principal) -> String {
    "\(principal.kind.rawValue) \(principal.name)"
  }

  private func intern(_ key: String, _ grant: Grant) throws(StoreError) -> UInt16 {
    if let number = numbers[key] { return number }
    guard grants.count < AccessTable.maximumGrants else {
      throw StoreError(
        .permissionDenied,
        "this host has made \(AccessTable.maximumGrants) different secured handles, which is the limit: "
          + "keep handles instead of making new ones"
      )
    }
    grants.append(grant)
    let number = UInt16(grants.count)
    numbers[key] = number
    return number
  }

  /// Who holds a handle; nil for the owner.
  package func principal(of number: UInt16) -> Principal? {
    number == 0 ? nil : grants[Int(number) - 1].principal
  }

  // MARK: Checks

  /// Whether a handle allows an access.
  @inline(__always)
  package func allows(_ number: UInt16, _ right: Rights, on store: LiveStore) -> Bool {
    guard number != 0 else { return true }
    let grant = grants[Int(number) - 1]
    return grant.isDeclared && store.permissions.mask.contains(right)
  }

  package func allows(_ number: UInt16, _ access: Access) -> Bool {
    guard number != 0 else { return true }
    let grant = grants[Int(number) - 1]
    return grant.layers.allSatisfy { layer in
      switch layer {
      case .declared:
        isOwner(grant.principal, of: access.store)
          || access.store.permissions.allows(access, to: grant.principal, in: system)
      case .listed(let set): set.allows(access, to: grant.principal, in: system)
      }
    }
  }

  /// The same for a script that asks whether it is allowed: a getter that asks follows what the answer depends on,
  /// also what a condition reads.
  package func answers(_ number: UInt16, _ access: Access) -> Bool {
    system.registry.trackPresence()
    let outer = followsConditions
    followsConditions = true
    defer { followsConditions = outer }
    return allows(number, access)
  }

  private func isOwner(_ principal: Principal, of store: LiveStore) -> Bool {
    principal.kind == .script && store.owner == principal.name
  }

  /// Throws what is refused, and tells the registry's listeners.
  package func check(_ number: UInt16, _ access: Access) throws(StoreError) {
    guard !allows(number, access) else { return }
    throw refusal(number, access)
  }

  /// The refusal of something that somebody who may only look was about to do.
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

  package func refusal(_ number: UInt16, _ access: Access) -> StoreError {
    let principal = number == 0 ? nil : grants[Int(number) - 1].principal
    let who = principal.map { "\($0)" } ?? "this caller"
    let message = "permission denied: \(who) may not \(access.verb) '\(access.place)'"
    system.registry.emitRefusal(
      "permission:denied",
      source: principal?.name ?? "host",
      target: access.store.id,
      payload: [
        "principal": .string(principal?.name ?? ""),
        "kind": .string(principal?.kind.rawValue ?? ""), "right": .string(access.right.name),
        "what": .string(access.place),
      ]
    )
    return StoreError(.permissionDenied, message, store: access.store.id)
  }
}
