import MoonValue
import MoonstoreCore

/// What a script says about a message besides its type and payload.
struct MessageOptions {
  /// What scripts call the function, for errors.
  let function: String
  let type: String
  private let options: Value

  /// Those of `bus.send` and of `bus.request`.
  static let ofSending = ["to", "from", "priority"]
  static let ofRequests = ["to", "from", "timeout"]

  /// Reads the options.
  ///
  /// - Throws: `invalidArgument` for an option that there is not.
  init(_ arguments: inout Arguments, type: String, allowed: [String]) throws {
    function = arguments.name
    self.type = type
    if arguments.isNil {
      arguments.skip()
      options = .null
      return
    }
    options = try arguments.value()
    if options.isNull { return }
    guard let pairs = options.mapValue else { throw wrong("the options are a table") }
    for key in pairs.keys.sorted() {
      guard case .string(let name) = key, allowed.contains(name) else {
        let known = allowed.joined(separator: ", ")
        let hint = Suggestion.text(for: "\(key)", among: allowed)
        throw wrong("there is no option '\(key)'; there are \(known)\(hint)")
      }
      if case .bytes(let bytes) = pairs[key] {
        throw wrong("'\(name)' is not valid UTF-8 at byte \(bytes.firstInvalidByte + 1)")
      }
      // Passed over, what is no name would send to all.
      if name == "to" || name == "from", pairs[key]?.stringValue == nil {
        throw wrong(
          "'\(name)' is the id of a store, or the name of a script, as text: \(name) = \"cart\""
        )
      }
    }
  }

  private func wrong(_ what: String) -> StoreError {
    StoreError(.invalidArgument, "\(function): \(what)")
  }

  private func text(_ name: String) -> String? {
    options.isNull ? nil : options[.string(name)]?.stringValue
  }

  var to: String? { text("to") }
  var from: String? { text("from") }

  var priority: Message.Priority {
    get throws {
      if options.isNull { return .normal }
      guard let name = options["priority"] else { return .normal }
      guard let priority = name.stringValue.flatMap(Message.Priority.init(rawValue:)) else {
        throw wrong("the priority is 'high', 'normal' or 'low', not \(name)")
      }
      return priority
    }
  }

  /// In seconds.
  var timeout: Double {
    get throws {
      guard let value = options["timeout"] else { return 5 }
      guard let seconds = value.doubleValue, seconds >= 0, seconds < 1e9 else {
        throw wrong("the timeout is 0 or more seconds, not \(value)")
      }
      return seconds
    }
  }
}
