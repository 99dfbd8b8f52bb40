/// Who sends which messages, and who handles and answers them.
struct MessageMap {
  private struct Entry {
    var senders: [HostDescription.MessageType.Sender] = []
    var isRequested = false
    var isSent = false
    var handlers: [String] = []
    var responders: [String] = []
    var listeners: [String] = []
  }

  private var entries: [String: Entry] = [:]
  /// Sendings whose type is computed.
  private(set) var computed: [HostDescription.ComputedSender] = []

  init(
    senders: [(script: String, sending: ScriptReader.Sending)],
    members: (handlers: [String: [String]], responders: [String: [String]]),
    listeners: [(type: String, script: String)]
  ) {
    for (script, sending) in senders {
      guard let type = sending.type else {
        computed.append(
          HostDescription.ComputedSender(
            script: script,
            line: sending.line,
            request: sending.isRequest
          )
        )
        continue
      }
      entries[type, default: Entry()].senders.append(
        HostDescription.MessageType.Sender(
          script: script,
          line: sending.line,
          kind: sending.isRequest ? .request : .send
        )
      )
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
  var types: [HostDescription.MessageType] {
    entries.keys.sorted().map { type in
      let entry = entries[type] ?? Entry()
      return HostDescription.MessageType(
        type: type,
        senders: entry.senders,
        handlers: entry.handlers,
        responders: entry.responders,
        effects: entry.listeners
      )
    }
  }

  /// Types that are sent or asked for, and that nothing handles or answers.
  var unhandled: [String] {
    entries.filter { _, entry in
      let isHandled = !entry.handlers.isEmpty || !entry.listeners.isEmpty
      let isAnswered = !entry.responders.isEmpty || !entry.handlers.isEmpty
      return entry.isSent && !isHandled && !isAnswered || entry.isRequested && !isAnswered
    }.keys.sorted()
  }

  /// Types that are handled or answered, and that no script sends by this name.
  var unsent: [String] {
    entries.filter { type, entry in entry.senders.isEmpty && type != "*" }.keys.sorted()
  }
}
