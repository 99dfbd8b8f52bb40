/// The lines that come through a socket.
struct LineReader {
  private let socket: UnixSocket
  private let limit: Int
  private var buffer: [UInt8] = []
  /// How much of the buffer was looked at.
  private var seen = 0
  /// How much of it was handed out.
  private var taken = 0

  init(_ socket: UnixSocket, limit: Int) {
    self.socket = socket
    self.limit = limit
  }

  /// The next line, without its end; nil at the end, and for one that is longer than the limit.
  mutating func next() -> [UInt8]? {
    while true {
      if let end = buffer[seen...].firstIndex(of: UInt8(ascii: "\n")) {
        defer {
          taken = end + 1
          seen = taken
        }
        return Array(buffer[taken..<end])
      }
      if taken > 0 {
        buffer.removeFirst(taken)
        taken = 0
      }
      seen = buffer.count
      guard buffer.count <= limit else { return nil }
      let more = socket.read(upTo: 65_536)
      if more.isEmpty { return nil }
      buffer += more
    }
  }
}
