/// The messages that wait, by priority and in order.
final class MessageQueue {
  // One line for each priority, the most urgent first; what was taken stays until the line is empty.
  private var lines = [Line(), Line(), Line()]

  private struct Line {
    var messages: ContiguousArray<Message?> = []
    var head = 0

    mutating func popFirst() -> Message? {
      guard head < messages.count else { return nil }
      defer {
        messages[head] = nil
        head += 1
        if head == messages.count {
          messages.removeAll(keepingCapacity: head < 4_096)
          head = 0
        }
      }
      return messages[head]
    }

    mutating func prepend(_ message: Message) {
      if head > 0 {
        head -= 1
        messages[head] = message
      } else {
        messages.insert(message, at: 0)
      }
    }
  }

  private static func line(_ priority: Message.Priority) -> Int {
    switch priority {
    case .high: 0
    case .normal: 1
    case .low: 2
    }
  }

  var isEmpty: Bool { lines.allSatisfy { $0.messages.isEmpty } }

  func append(_ message: Message) {
    lines[MessageQueue.line(message.priority)].messages.append(message)
  }

  func prepend(_ message: Message) {
    lines[MessageQueue.line(message.priority)].prepend(message)
  }

  func popFirst() -> Message? {
    for index in lines.indices {
      if let message = lines[index].popFirst() { return message }
    }
    return nil
  }

  func contains(where predicate: (Message) -> Bool) -> Bool {
    lines.contains { line in
      line.messages[line.head...].contains { message in message.map(predicate) ?? false }
    }
  }

  /// Forgets what was sent by something that was undone.
  func dropWithdrawn() {
    for index in lines.indices where !lines[index].messages.isEmpty {
      let waiting = lines[index].messages[lines[index].head...]
      lines[index] = Line(
        messages: ContiguousArray(waiting.filter { $0?.isWithdrawn == false })
      )
    }
  }

  func removeAll() {
    for index in lines.indices { lines[index] = Line() }
  }
}

/// The last messages, in a ring.
struct MessageHistory {
  private var ring: ContiguousArray<Message> = []
  private var next = 0
  var unhandled = 0
  private(set) var dropped = 0

  /// What had to go for a message.
  enum Replaced {
    case nothing
    case older(Message)
    /// There is no history; the message itself.
    case itself
  }

  mutating func append(_ message: Message, limit: Int) -> Replaced {
    guard limit > 0 else {
      dropped += 1
      return .itself
    }
    guard ring.count >= limit else {
      if next > 0 {
        // There is more room than there was: the oldest goes to the front, so that new ones follow the newest.
        ring = ContiguousArray(ring[next...] + ring[..<next])
        next = 0
      }
      ring.append(message)
      return .nothing
    }
    let older = ring[next]
    ring[next] = message
    next = (next + 1) % ring.count
    dropped += 1
    return .older(older)
  }

  /// Takes back the newest message.
  mutating func takeBack(_ replaced: Replaced) {
    switch replaced {
    case .nothing: ring.removeLast()
    case .older(let older):
      next = (next + ring.count - 1) % ring.count
      ring[next] = older
      dropped -= 1
    case .itself: dropped -= 1
    }
  }

  /// Newest first.
  func recent(_ count: Int) -> [Message] {
    let wanted = min(count, ring.count)
    return (0..<wanted).map { back in
      ring[(next + ring.count - 1 - back) % ring.count]
    }
  }
}
