import MoonValue

/// One that rights are given to: the holder of a handle.
///
/// Two are the same if kind and name are, byte for byte: Swift's `==` on texts takes both spellings of "é" for one.
public struct Principal: Hashable, Sendable {
  /// What kind of holder it is.
  public enum Kind: String, Sendable {
    /// A script of the project, or one that drives it.
    case script
    /// Swift code that was given a handle with less than all rights.
    case swift
    /// A person or program at a REPL or another tool.
    case session
  }

  /// The kind.
  public let kind: Kind
  /// A script's path, or the name that Swift or a session has given itself.
  public let name: String

  /// Names a holder.
  public init(_ kind: Kind, _ name: String) {
    self.kind = kind
    self.name = name
  }

  /// Whether both are the same, byte for byte.
  public static func == (left: Principal, right: Principal) -> Bool {
    left.kind == right.kind && left.name.hasSameBytes(as: right.name)
  }

  /// Feeds the kind and the bytes of the name.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    name.hashBytes(into: &hasher)
  }
}

extension Principal: CustomStringConvertible {
  /// What errors call it, such as `the script 'stores/cart.lua'`.
  public var description: String {
    switch kind {
    case .script: "the script '\(name)'"
    case .swift: "the Swift caller '\(name)'"
    case .session: "the session '\(name)'"
    }
  }
}
