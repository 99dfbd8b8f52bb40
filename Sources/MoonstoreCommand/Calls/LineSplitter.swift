/// Cuts a stream of bytes into lines, and holds no more than one line and one piece of the stream.
///
/// Takes pieces from `CallStream`, gives lines back to it.
struct LineSplitter {
  /// The next line, without its line break.
  enum Line {
    case text(ArraySlice<UInt8>)
    /// A line beyond the limit; its content is dropped.
    case tooLong
  }

  private let limit: Int
  private var buffer: [UInt8] = []
  private var start = 0
  private var searched = 0
  private var isSkipping = false

  init(limit: Int) { self.limit = limit }

  mutating func append(_ piece: [UInt8]) {
    // What was taken goes now, all lines of a piece at once.
    buffer.removeFirst(start)
    searched -= start
    start = 0
    buffer.append(contentsOf: piece)
  }

  /// The next whole line; nil when the next piece is needed.
  mutating func next() -> Line? {
    guard let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      searched = buffer.count
      if searched - start > limit {
        isSkipping = true
        start = searched
      }
      return nil
    }
    defer {
      start = end + 1
      searched = start
    }
    return line(endingAt: end)
  }

  /// What stands behind the last line break, when the stream has ended.
  mutating func last() -> Line? {
    guard isSkipping || start < buffer.count else { return nil }
    defer { start = buffer.count }
    return line(endingAt: buffer.count)
  }

  private mutating func line(endingAt end: Int) -> Line {
    if isSkipping || end - start > limit {
      isSkipping = false
      return .tooLong
    }
    return .text(buffer[start..<end])
  }
}
