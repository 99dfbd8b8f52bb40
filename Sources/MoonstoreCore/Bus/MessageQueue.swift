/// The messages that wait, by priority and in order.
final class MessageQueue {
  // One line for each priority, the most urgent first.
  // Not checked for overlapping access: a message is put or taken in one step.
  @exclusivity(unchecked) private var ownLines = MessageQueue.emptyLines()
  private static func emptyLines() -> [Deque<Message>] { [Deque(), Deque(), Deque()] }
  private var lines: [Deque<Message>] {
    get { unsafe ownLines }
    _modify { yield unsafe &ownLines }
  }
  // Most turns send nothing, and ask several times.
  private var count = 0

  private static func line(_ priority: Message.Priority) -> Int {
    switch priority {
    case .high: 0
    case .normal: 1
    case .low: 2
    }
  }

  var isEmpty: Bool { count == 0 }

  func append(_ message: Message) {
    count += 1
    lines[MessageQueue.line(message.priority)].append(message)
  }

  func prepend(_ message: Message) {
    count += 1
    lines[MessageQueue.line(message.priority)].prepend(message)
  }

  func popFirst() -> Message? {
    guard count > 0 else { return nil }
    for index in lines.indices {
      if let message = lines[index].popFirst() {
        count -= 1
        return message
      }
    }
    return nil
  }

  /// Forgets what was sent by something that was undone.
  func dropWithdrawn() {
    for index in lines.indices where !lines[index].isEmpty {
      let before = lines[index].count
      lines[index].keep { !$0.isWithdrawn }
      count += lines[index].count - before
    }
  }

  func removeAll() {
    lines = MessageQueue.emptyLines()
    count = 0
  }
}
