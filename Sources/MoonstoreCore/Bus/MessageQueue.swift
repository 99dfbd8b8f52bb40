/// The messages that wait, by priority and in order.
final class MessageQueue {
  // One line for each priority, the most urgent first; what was taken stays until the line is empty.
  // Not checked for overlapping access: a message is put or taken in one step.
  @exclusivity(unchecked) private var ownLines = [Line(), Line(), Line()]
  private var lines: [Line] {
    get { unsafe ownLines }
    _modify { yield unsafe &ownLines }
  }
  // Most turns send nothing, and ask several times.
  private var count = 0

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

  var isEmpty: Bool { count == 0 }

  func append(_ message: Message) {
    count += 1
    lines[MessageQueue.line(message.priority)].messages.append(message)
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
      count += lines[index].messages.count - waiting.count
    }
  }

  func removeAll() {
    for index in lines.indices { lines[index] = Line() }
    count = 0
  }
}
