import MoonValue
import MoonstoreCore

/// What a script says about a message besides its type and payload.
struct MessageOptions {
  /// What scripts call the function, for errors.
  let function: String
  let type: String
  private let options: ScriptOptions

  /// Reads the options.
  ///
  /// - Throws: `invalidArgument` for an option that there is not.
  init(_ arguments: inout Arguments, type: String) throws {
    function = arguments.name
    self.type = type
    options = try arguments.options()
  }

  var to: String? { options.string("to") }
  var from: String? { options.string("from") }

  var priority: Message.Priority {
    options.string("priority").flatMap(Message.Priority.init(rawValue:)) ?? .normal
  }

  /// In seconds.
  var timeout: Double { options.number("timeout") ?? 5 }
}
