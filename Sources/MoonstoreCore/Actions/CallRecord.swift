public import MoonValue

/// A call of an action that has ended.
///
/// As data it has `store`, `action`, `arguments`, `timestamp`, and either `result` or `error`.
public struct CallRecord: Codable, Sendable, Hashable {
  /// The store's id.
  public let store: String
  /// The action's name.
  public let action: String
  /// What it was called with.
  public let arguments: [Value]
  /// When it ended, in seconds since 1970 on the host's clock.
  public let timestamp: Double
  /// What it returned; nil for a call that failed.
  public let result: Value?
  /// Why it failed; nil for a call that succeeded.
  public let error: ErrorRecord?

  private enum CodingKeys: String, CodingKey {
    case store, action, arguments, timestamp, result, error
  }

  package init(
    _ call: ActionCall,
    at timestamp: Double,
    _ outcome: Result<Value, StoreError>
  ) {
    store = call.store
    action = call.action
    arguments = call.arguments
    self.timestamp = timestamp
    switch outcome {
    case .success(let value):
      result = value
      error = nil
    case .failure(let failure):
      result = nil
      error = ErrorRecord(failure)
    }
  }

  /// Decodes it; a result that is null is one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    store = try container.decode(String.self, forKey: .store)
    action = try container.decode(String.self, forKey: .action)
    arguments = try container.decode([Value].self, forKey: .arguments)
    timestamp = try container.decode(Double.self, forKey: .timestamp)
    error = try container.decodeIfPresent(ErrorRecord.self, forKey: .error)
    result = container.contains(.result) ? try container.decode(Value.self, forKey: .result) : nil
  }
}
