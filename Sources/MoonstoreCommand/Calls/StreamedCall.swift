import MoonValue
import MoonstoreCore

/// One call of a stream: a line such as `{"store":"cart","action":"addItem","args":["85123A",6]}`.
///
/// Takes a line from `CallStream`, and tells it what to ask of the host.
struct StreamedCall {
  enum Request {
    case action(String, [Value])
    case field(String)
  }

  /// Why a line is no call, and the `id` that it has all the same.
  struct Fault: Error {
    let code: StoreError.Code
    let message: String
    /// Where in the line, from 1; nil when it is the line as a whole.
    var column: Int?
    var id: Value?
  }

  let store: String
  let request: Request
  /// What the caller wants to find in the answer.
  let id: Value?

  private static let keys = ["store", "action", "args", "get", "id"]

  init(line: ArraySlice<UInt8>) throws(Fault) {
    let value: Value
    do {
      value = try Value(json: line)
    } catch {
      throw Fault(code: .invalidJSON, message: error.message, column: error.column)
    }
    guard let pairs = value.mapValue else {
      throw Fault(
        code: .invalidArgument,
        message: #"a call is an object such as {"store":…,"action":…}"#
      )
    }
    id = pairs["id"]
    do {
      (store, request) = try Self.read(pairs)
    } catch {
      throw Fault(code: error.code, message: error.message, id: pairs["id"])
    }
  }

  private static func read(_ pairs: ValueMap) throws(Fault) -> (String, Request) {
    let unknown = pairs.keys.map(\.description).filter { !keys.contains($0) }.sorted()
    if let key = unknown.first {
      throw bad("unknown key '\(key)'\(Suggestion.text(for: key, among: keys))")
    }
    guard let store = try text("store", of: pairs) else { throw bad("'store' is missing") }
    let action = try text("action", of: pairs)
    let field = try text("get", of: pairs)
    switch (action, field) {
    case (nil, nil): throw bad("'action' is missing (or 'get', to read a field)")
    case (_?, _?): throw bad("'action' and 'get' in one call: one of them is too much")
    case (nil, let field?):
      guard pairs["args"] == nil else { throw bad("'args' belong to an 'action', not to 'get'") }
      return (store, .field(field))
    case (let action?, nil):
      guard let list = pairs["args"] else { return (store, .action(action, [])) }
      guard let arguments = list.arrayValue else { throw bad("'args' must be an array") }
      return (store, .action(action, arguments))
    }
  }

  private static func text(_ key: String, of pairs: ValueMap) throws(Fault) -> String? {
    guard let value = pairs[.string(key)] else { return nil }
    guard let text = value.stringValue else { throw bad("'\(key)' must be a string") }
    return text
  }

  private static func bad(_ message: String) -> Fault {
    Fault(code: .invalidArgument, message: message)
  }
}
