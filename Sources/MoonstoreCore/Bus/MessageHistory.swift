/// The last messages that were delivered: bounded by count and by age.
///
/// What is too many goes with each message, and comes back if its turn is undone; what is too old goes now
/// and then. Messages that nobody has handled, or that somebody still works on, do not age.
struct MessageHistory {
  // Oldest first.
  private var messages = Deque<Message>()
  private var nextTidying = -Double.infinity
  var unhandled = 0
  private(set) var dropped = 0

  /// What had to go for a message.
  enum Replaced {
    case nothing
    case older(Message)
    /// There is no history; the message itself.
    case itself
  }

  var count: Int { messages.count }

  mutating func append(_ message: Message, limit: Int) -> Replaced {
    guard limit > 0 else {
      dropped += 1
      return .itself
    }
    var replaced = Replaced.nothing
    while count >= limit, let older = messages.popFirst() {
      older.isRetained = false
      replaced = .older(older)
      dropped += 1
    }
    message.isRetained = true
    messages.append(message)
    return replaced
  }

  /// Takes back a message; what was dropped for it comes back.
  mutating func takeBack(_ message: Message, _ replaced: Replaced) {
    switch replaced {
    case .itself: dropped -= 1
    case .nothing, .older:
      remove(message)
      guard case .older(let older) = replaced else { return }
      dropped -= 1
      older.isRetained = true
      messages.prepend(older)
    }
  }

  private mutating func remove(_ message: Message) {
    guard message.isRetained else { return }
    message.isRetained = false
    // Turns are undone from their end, so it is the last one.
    if messages.last === message {
      _ = messages.popLast()
    } else {
      messages.keep { $0 !== message }
    }
  }

  /// Drops what has grown old; looks at all of it no more often than four times in the life of a message.
  mutating func age(_ limit: Double, now: Double) {
    guard now >= nextTidying else { return }
    nextTidying = now + limit / 4
    _ = removeAll(before: now - limit)
  }

  /// Drops the messages that were sent up to a time, and tells how many there were.
  mutating func removeAll(before time: Double) -> Int {
    let before = count
    messages.keep { message in
      message.isRetained = message.timestamp > time || !message.isHandled || message.isPending
      return message.isRetained
    }
    let removed = before - count
    dropped += removed
    return removed
  }

  /// Newest first.
  func recent(_ count: Int) -> [Message] { messages.newest(count) }
}
