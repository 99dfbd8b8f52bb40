/// The last messages that were delivered: bounded by count and by age.
///
/// What is too many goes with each message, and comes back if its turn is undone; what is too old goes now
/// and then. Messages that nobody has handled, or that somebody still works on, do not age.
struct MessageHistory {
  // Oldest first, from `head` on; what was dropped in front of it goes when it is the greater part.
  private var messages: ContiguousArray<Message?> = []
  private var head = 0
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

  var count: Int { messages.count - head }

  mutating func append(_ message: Message, limit: Int) -> Replaced {
    guard limit > 0 else {
      dropped += 1
      return .itself
    }
    var replaced = Replaced.nothing
    while count >= limit, let older = messages[head] {
      replaced = .older(older)
      messages[head] = nil
      head += 1
      dropped += 1
    }
    if head > 64, head > messages.count / 2 {
      messages.removeSubrange(..<head)
      head = 0
    }
    messages.append(message)
    return replaced
  }

  /// Takes back a message; what was dropped for it comes back.
  mutating func takeBack(_ message: Message, _ replaced: Replaced) {
    switch replaced {
    case .itself: dropped -= 1
    case .nothing, .older:
      if let place = messages.lastIndex(where: { $0 === message }) { messages.remove(at: place) }
      guard case .older(let older) = replaced else { return }
      dropped -= 1
      if head > 0 {
        head -= 1
        messages[head] = older
      } else {
        messages.insert(older, at: 0)
      }
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
    let kept = messages[head...].filter { message in
      guard let message else { return false }
      return message.timestamp > time || !message.isHandled || message.isPending
    }
    let removed = count - kept.count
    messages = ContiguousArray(kept)
    head = 0
    dropped += removed
    return removed
  }

  /// Newest first.
  func recent(_ count: Int) -> [Message] {
    messages[head...].suffix(max(0, count)).reversed().compactMap { $0 }
  }
}
