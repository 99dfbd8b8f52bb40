import MoonValue

/// A list of permissions in the form in which accesses are checked against it.
package struct PermissionSet: Hashable {
  /// What all others may do with the whole store: all that most checks look at.
  let mask: Rights
  /// The permissions with a part, a holder or a condition.
  private let rules: [Rule]
  /// Equal for equal lists.
  let key: [Permission.Key]

  private struct Rule {
    let rights: Rights
    /// Only this action.
    var action: String?
    /// Only what stands at or below this path.
    var path: [StatePath.Component] = []
    let permission: Permission
  }

  /// What others may do with a store that says nothing about it.
  package static let standard = PermissionSet(
    mask: [.read, .state, .subscribe, .onAction, .call],
    rules: [],
    key: [Permission("read"), Permission("call")].map(\.key)
  )

  private init(mask: Rights, rules: [Rule], key: [Permission.Key]) {
    self.mask = mask
    self.rules = rules
    self.key = key
  }

  /// Reads a list.
  ///
  /// - Throws: `invalidDefinition`, which names the permission that is none.
  package init(_ permissions: [Permission], of store: String) throws(StoreError) {
    var mask: Rights = []
    var rules: [Rule] = []
    for permission in permissions {
      let rule = try PermissionSet.rule(permission, store)
      if rule.action == nil, rule.path.isEmpty, permission.principal == nil,
        permission.condition == nil
      {
        mask.formUnion(rule.rights)
      } else {
        rules.append(rule)
      }
    }
    self.init(mask: mask, rules: rules, key: permissions.map(\.key))
  }

  private static func rule(_ permission: Permission, _ store: String) throws(StoreError) -> Rule {
    let parts = permission.text.split(
      separator: ":",
      maxSplits: 1,
      omittingEmptySubsequences: false
    )
    let name = parts.first.map(String.init) ?? ""
    guard let rights = Rights.named.first(where: { $0.name == name })?.rights else {
      let known = Rights.named.map(\.name)
      throw StoreError(
        .invalidDefinition,
        "the store '\(store)' lists the permission '\(permission.text)'; there are "
          + known.joined(separator: ", ") + ", call:<action>, read:<path>, write:<path>"
          + Suggestion.text(for: name, among: known),
        store: store
      )
    }
    var rule = Rule(rights: rights, permission: permission)
    guard parts.count == 2 else { return rule }
    let part = String(parts[1])
    switch name {
    case "call" where !part.isEmpty: rule.action = part
    case "read" where !part.isEmpty, "write" where !part.isEmpty:
      do {
        rule.path = try StatePath(parsing: part).components
      } catch {
        throw StoreError(
          .invalidDefinition,
          "the store '\(store)' lists the permission '\(permission.text)': \(error)",
          store: store,
          underlying: error
        )
      }
    default:
      throw StoreError(
        .invalidDefinition,
        "the store '\(store)' lists the permission '\(permission.text)'; a part is for call "
          + "(call:<action>), read and write (write:<path>)",
        store: store
      )
    }
    return rule
  }

  /// The access that a permission such as `read`, `call:addItem` or `write:items` is about, for those who ask
  /// whether they have it.
  package static func request(_ text: String, of store: LiveStore) throws(StoreError) -> Access {
    let rule = try rule(Permission(text), store.id)
    let right = rule.rights.contains(.dispose) ? Rights.dispose : rule.rights.first
    if let action = rule.action { return Access(right, store, .action(action)) }
    return Access(right, store, rule.path.isEmpty ? .store : .path(rule.path))
  }

  /// Whether some permission has a condition.
  var asksConditions: Bool { rules.contains { $0.permission.condition != nil } }

  /// Whether an access is allowed to a principal.
  func allows(_ access: Access, to principal: Principal, in system: StoreSystem) -> Bool {
    if mask.contains(access.right) { return true }
    for rule in rules where rule.rights.contains(access.right) {
      if let action = rule.action, access.action?.hasSameBytes(as: action) != true { continue }
      if !rule.path.isEmpty, !access.isWithin(rule.path) { continue }
      if let only = rule.permission.principal, only != principal { continue }
      guard let condition = rule.permission.condition else { return true }
      if holds(condition, access, principal, system) { return true }
    }
    return false
  }

  package static func == (left: PermissionSet, right: PermissionSet) -> Bool {
    left.key == right.key
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(key) }

  private func holds(
    _ condition: Permission.Condition,
    _ access: Access,
    _ principal: Principal,
    _ system: StoreSystem
  ) -> Bool {
    let request = Permission.Request(
      principal: principal,
      store: access.store.id,
      right: access.right.name,
      action: access.action,
      path: access.path.map { StatePath($0) }
    )
    do {
      // Conditions only look: what they read is no dependency of what is accessed, only of who asks for the answer.
      func ask() throws -> Bool {
        system.getterDepth += 1
        defer { system.getterDepth -= 1 }
        switch condition {
        case .swift(let body, _): return try body(request)
        case .script(let condition):
          return try system.scriptEngine?.holds(condition: condition.number, request)
            ?? false
        }
      }
      return try system.access.followsConditions ? ask() : system.graph.untracked { try ask() }
    } catch {
      system.report(
        StoreError(wrapping: error)
          .located(store: access.store.id, member: "a permission's condition")
      )
      return false
    }
  }
}
