/// An error as data, for records and for what is sent elsewhere: all of it but the error that caused it.
public struct ErrorRecord: Codable, Sendable, Hashable {
  /// The name of its kind, such as `permissionDenied`.
  public let code: String
  /// What happened, in one sentence.
  public let message: String
  /// The store in whose code it happened.
  public let store: String?
  /// The action, getter or handler in which it happened.
  public let member: String?
  /// The script, relative to its project.
  public let script: String?
  /// The line in the script, from 1.
  public let line: Int?
  /// Lua's traceback, one level a line; empty when there was none.
  public let traceback: String

  /// Takes down an error.
  public init(_ error: StoreError) {
    code = error.code.rawValue
    message = error.message
    store = error.store
    member = error.member
    script = error.script
    line = error.line
    traceback = error.traceback
  }

  private enum CodingKeys: String, CodingKey {
    case code, message, store, member, script, line, traceback
  }

  /// Encodes it with nulls for what is not known.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(code, forKey: .code)
    try container.encode(message, forKey: .message)
    try container.encode(store, forKey: .store)
    try container.encode(member, forKey: .member)
    try container.encode(script, forKey: .script)
    try container.encode(line, forKey: .line)
    try container.encode(traceback, forKey: .traceback)
  }

  /// Decodes it; only the code has to be there.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    code = try container.decode(String.self, forKey: .code)
    message = try container.decodeIfPresent(String.self, forKey: .message) ?? ""
    store = try container.decodeIfPresent(String.self, forKey: .store)
    member = try container.decodeIfPresent(String.self, forKey: .member)
    script = try container.decodeIfPresent(String.self, forKey: .script)
    line = try container.decodeIfPresent(Int.self, forKey: .line)
    traceback = try container.decodeIfPresent(String.self, forKey: .traceback) ?? ""
  }
}

extension StoreError {
  /// The error that a record tells of.
  public init(_ record: ErrorRecord) {
    self.init(
      Code(rawValue: record.code),
      record.message,
      store: record.store,
      member: record.member,
      script: record.script,
      line: record.line,
      traceback: record.traceback
    )
  }
}
