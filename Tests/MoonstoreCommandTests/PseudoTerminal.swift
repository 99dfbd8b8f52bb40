import Foundation

/// A terminal that nobody sits at, to see what the command shows to people.
final class PseudoTerminal {
  let slave: FileHandle
  private let master: FileHandle

  init() throws {
    var numbers: (master: Int32, slave: Int32) = (-1, -1)
    // The call writes the two numbers; it takes no name and no settings.
    guard unsafe openpty(&numbers.master, &numbers.slave, nil, nil, nil) == 0 else {
      throw CocoaError(.fileReadUnknown)
    }
    master = FileHandle(fileDescriptor: numbers.master, closeOnDealloc: true)
    slave = FileHandle(fileDescriptor: numbers.slave, closeOnDealloc: true)
  }

  /// What was written; to be asked once the writer has ended.
  func text() throws -> String {
    // A terminal holds its text until it is read, as long as one end of this kind is open.
    try slave.write(contentsOf: Data([0x04]))
    var bytes = Data()
    while bytes.last != 0x04 { bytes.append(master.availableData) }
    return String(decoding: bytes.dropLast(), as: UTF8.self)
      .replacingOccurrences(of: "\r\n", with: "\n")
  }
}
