import MoonValue
import MoonstoreCore

/// Reads a file line by line, with a buffer of its own.
final class LineReader {
  private var file: ReadableFile?
  private let path: String
  private var buffer: [UInt8] = []
  private var position = 0
  private var isAtEnd = false

  init(_ file: ReadableFile) {
    self.file = file
    path = file.path
  }

  /// Whether it still holds a descriptor of the system's.
  var isOpen: Bool { file != nil }

  /// Gives the file back; what was not read is lost.
  func close() {
    file = nil
    buffer = []
    position = 0
    isAtEnd = true
  }

  /// The next line without its newline; nil at the end.
  func next() throws(StoreError) -> StateSlot? {
    var searched = position
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { position = end + 1 }
        return slot(buffer[position..<end])
      }
      searched = buffer.count
      guard !isAtEnd else {
        guard position < buffer.count else { return nil }
        defer { position = buffer.count }
        return slot(buffer[position...])
      }
      searched -= position
      try fill()
      try checkSize()
    }
  }

  func readAll() throws(StoreError) -> String {
    while !isAtEnd {
      try fill()
      try checkSize()
    }
    return String(decoding: buffer, as: UTF8.self)
  }

  // What it holds is no memory of Lua's, and counts for no quota.
  private func checkSize() throws(StoreError) {
    guard buffer.count - position > LineReader.mostBytes else { return }
    throw StoreError(
      .unreadable,
      "\(path): more than \(LineReader.mostBytes) bytes cannot be read at once"
    )
  }

  private static let mostBytes = 1 << 28

  private func fill() throws(StoreError) {
    buffer.removeFirst(position)
    position = 0
    let chunk = try file?.read(upTo: 65_536) ?? []
    if chunk.isEmpty {
      isAtEnd = true
      file = nil
    }
    buffer += chunk
  }

  private func slot(_ bytes: ArraySlice<UInt8>) -> StateSlot {
    String(validating: bytes, as: UTF8.self).map(StateSlot.string) ?? .bytes(Array(bytes))
  }
}

/// The files that scripts read line by line: a bounded number, each with the script that has opened it.
///
/// A script holds its reader as an object of the machine, and this only knows of it: one that no script can reach any
/// more is closed with its object.
struct OpenFiles {
  /// More at a time are refused, so that descriptors are left for all else that the process does.
  static let most = 64

  private struct Entry {
    weak var reader: LineReader?
    weak var owner: ScriptUnit?
    let hasOwner: Bool
  }
  private var entries: [Entry] = []
  /// The last one, which is given to the machine by its address: it must live until the machine has pushed it.
  private var handedOver: LineReader?

  /// Whether any may be open.
  var isEmpty: Bool { entries.isEmpty }

  mutating func add(_ reader: LineReader, of owner: ScriptUnit?) {
    handedOver = reader
    entries.append(Entry(reader: reader, owner: owner, hasOwner: owner != nil))
  }

  /// Forgets those that are closed, and closes those whose script's version has gone; tells how many are left.
  mutating func sweep() -> Int {
    handedOver = nil
    entries.removeAll { entry in
      guard let reader = entry.reader, reader.isOpen else { return true }
      guard entry.hasOwner, entry.owner == nil else { return false }
      reader.close()
      return true
    }
    return entries.count
  }
}
