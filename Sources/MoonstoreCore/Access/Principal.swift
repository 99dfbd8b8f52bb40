/// Who holds a handle: whose rights count.
public struct Principal: Hashable, Sendable {
  /// What kind of holder it is.
  public enum Kind: String, Sendable {
    /// A script of the project, or one that drives it.
    case script
    /// Swift code that was given a handle with less than all rights.
    case swift
    /// Somebody at a REPL or another tool.
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
