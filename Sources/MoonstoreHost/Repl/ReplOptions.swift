public import MoonstoreCore

/// What a session may do, and who hears of what it does.
public struct ReplOptions: Sendable {
  /// What the stores allow to the session, whatever they permit to others: `read`, `call` and `write` as in
  /// permissions, or `*`.
  ///
  /// A session without `call` and `write` only looks: nothing that it runs leaves a trace, and it cannot send,
  /// register or wait.
  public var rights: [Permission] = ["*"]
  /// Who it is, for errors, events and logs; the host counts those of one name.
  public var name = "repl"
  /// How much of a value is printed.
  public var printing = ReplPrinting()
  /// Hears what the session's code prints and logs, that it waits, and what its watches and traces see.
  ///
  /// Called on the host's thread, in order; what takes long holds up the host.
  public var onEvent: @Sendable (ReplEvent) -> Void = { _ in }
  /// Hears of each entry when it has ended: who, what, and how it went.
  public var onEntry: (@Sendable (ReplRecord) -> Void)?

  /// Makes options with all rights.
  public init() {}

  /// Whether the session may do everything.
  var allowsAll: Bool {
    rights.contains {
      ["*", "admin"].contains($0.text) && $0.principal == nil && !$0.isConditional
    }
  }

  /// Whether the session only looks.
  var onlyLooks: Bool {
    rights.allSatisfy { $0.text == "read" || $0.text.hasPrefix("read:") || $0.text == "$state" }
  }
}

/// How much of a value is printed.
public struct ReplPrinting: Sendable, Hashable {
  /// How deep tables are opened.
  public var depth = 4
  /// How many parts of one table are shown.
  public var items = 50
  /// How many bytes of one string are shown.
  public var stringBytes = 2_048
  /// How many parts of one value are shown in all.
  public var parts = 2_000

  /// The bounds as they are by default.
  public init() {}
}

/// What one entry was and how it went, for logs.
public struct ReplRecord: Sendable {
  /// The session.
  public let session: String
  /// When it began, in seconds since 1970 on the host's clock.
  public let timestamp: Double
  /// What was entered.
  public let code: String
  /// How it went.
  public let status: ReplResult.Status
  /// Why it failed.
  public let error: StoreError?
  /// How long it took.
  public let seconds: Double
}
