import MoonValue

/// Who sends which messages, and who handles and answers them.
struct MessageMap {
  private struct Entry {
    var senders: [Value] = []
    var isRequested = false
    var isSent = false
    var handlers: [String] = []
    var responders: [String] = []
    var listeners: [String] = []
  }

  private var entries: [String: Entry] = [:]
  /// Sendings whose type is computed.
  private(set) var computed: [Value] = []

  init(
    senders: [(script: String, sending: ScriptReader.Sending)],
    members: (handlers: [String: [String]], responders: [String: [String]]),
    listeners: [(type: String, script: String)]
  ) {
    for (script, sending) in senders {
      var place: ValueMap = [
        "script": .string(script), "line": .integer(Int64(sending.line)),
        "request": .bool(sending.isRequest),
      ]
      guard let type = sending.type else {
        computed.append(.map(place))
        continue
      }
      place["request"] = nil
      place["kind"] = sending.isRequest ? "request" : "send"
      entries[type, default: Entry()].senders.append(.map(place))
      if sending.isRequest {
        entries[type, default: Entry()].isRequested = true
      } else {
        entries[type, default: Entry()].isSent = true
      }
    }
    for (type, owners) in members.handlers { entries[type, default: Entry()].handlers = owners }
    for (type, owners) in members.responders { entries[type, default: Entry()].responders = owners }
    for (type, script) in listeners { entries[type, default: Entry()].listeners.append(script) }
  }

  /// The types in order of their names; `*` stands for all.
  var types: [Value] {
    entries.keys.sorted().map { type in
      let entry = entries[type] ?? Entry()
      return [
        "type": .string(type), "senders": .array(entry.senders),
        "handlers": .array(entry.handlers.map(Value.string)),
        "responders": .array(entry.responders.map(Value.string)),
        "effects": .array(entry.listeners.map(Value.string)),
      ]
    }
  }

  /// Types that are sent or asked for, and for which nobody is there.
  var unhandled: [String] {
    entries.filter { _, entry in
      let isHandled = !entry.handlers.isEmpty || !entry.listeners.isEmpty
      let isAnswered = !entry.responders.isEmpty || !entry.handlers.isEmpty
      return entry.isSent && !isHandled && !isAnswered || entry.isRequested && !isAnswered
    }.keys.sorted()
  }

  /// Types for which somebody is there, and that no script sends by this name.
  var unsent: [String] {
    entries.filter { type, entry in entry.senders.isEmpty && type != "*" }.keys.sorted()
  }
}
