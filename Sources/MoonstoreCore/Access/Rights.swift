/// What somebody may do with a store.
public struct Rights: OptionSet, Hashable, Sendable {
  /// The bits.
  public let rawValue: UInt16

  /// Makes rights from bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Read fields and getters.
  public static let read = Rights(rawValue: 1)
  /// Call actions, and send messages that are addressed to the store.
  public static let call = Rights(rawValue: 2)
  /// Change the state from outside of its actions.
  public static let write = Rights(rawValue: 4)
  /// `store.state` and `store.copy`, which `read` includes.
  public static let state = Rights(rawValue: 8)
  /// `store.subscribe`, which `read` includes.
  public static let subscribe = Rights(rawValue: 16)
  /// `store.onAction`, which `read` includes.
  public static let onAction = Rights(rawValue: 32)
  /// `store.patch`, which `write` includes.
  public static let patch = Rights(rawValue: 64)
  /// `store.reset`, which `write` includes.
  public static let reset = Rights(rawValue: 128)
  /// `store.dispose` and `registry.unregister`, which only `admin` includes.
  public static let dispose = Rights(rawValue: 256)
  /// `admin` and `*`: everything.
  public static let admin = Rights(rawValue: 511)

  /// The names by which permissions list them, with all that each includes.
  static let named: [(name: String, rights: Rights)] = [
    ("read", [.read, .state, .subscribe, .onAction]), ("call", .call),
    ("write", [.write, .patch, .reset]), ("admin", .admin), ("*", .admin), ("$state", .state),
    ("$subscribe", .subscribe), ("$onAction", .onAction), ("$patch", .patch), ("$reset", .reset),
    ("$dispose", .dispose),
  ]

  /// The first of them, which gives the others their name.
  var first: Rights { Rights(rawValue: rawValue & (~rawValue &+ 1)) }

  /// The name of a single right.
  var name: String {
    Rights.named.reversed().first { $0.rights == self }?.name
      ?? Rights.named.first { $0.rights.first == self }?.name ?? "admin"
  }
}
