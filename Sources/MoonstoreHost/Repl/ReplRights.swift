public import MoonstoreCore

/// The rights of sessions in steps, each with those before it.
public enum ReplRights: String, CaseIterable, Comparable, Sendable {
  /// To look.
  case read
  /// To call actions and send messages.
  case call
  /// To change the state of every store.
  case write
  /// To do everything.
  case all

  /// What the stores allow.
  public var permissions: [Permission] {
    switch self {
    case .read: ["read"]
    case .call: ["read", "call"]
    case .write: ["read", "call", "write"]
    case .all: ["*"]
    }
  }

  /// Whether the left one allows less.
  public static func < (left: ReplRights, right: ReplRights) -> Bool {
    let order = allCases
    return order.firstIndex(of: left) ?? 0 < order.firstIndex(of: right) ?? 0
  }
}
