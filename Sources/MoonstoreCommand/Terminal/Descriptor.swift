import Foundation

/// A file descriptor: what the command reads calls from and writes results to.
///
/// It goes to the system directly, so that a broken pipe is an error and not the end of the process, and
/// so that it is certain what has been written.
struct Descriptor: Sendable {
  let number: Int32

  static let input = Descriptor(number: STDIN_FILENO)
  static let output = Descriptor(number: STDOUT_FILENO)
  static let errors = Descriptor(number: STDERR_FILENO)

  var isTerminal: Bool { isatty(number) == 1 }

  /// Whether the process belongs to a terminal that is still there.
  static var hasTerminal: Bool {
    guard let terminal = try? open("/dev/tty") else { return false }
    _ = Foundation.close(terminal.number)
    return true
  }

  /// Opens a file for reading.
  static func open(_ path: String) throws(SystemError) -> Descriptor {
    // The path is read during the call only.
    let number = unsafe Foundation.open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw .last }
    return Descriptor(number: number)
  }

  /// Writes all bytes, however often the system takes only a part.
  func write(_ bytes: some Collection<UInt8>) throws(SystemError) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      // The pointer is used inside the closure only, where the bytes stay in place.
      let count = unsafe rest.withUnsafeBytes {
        unsafe Foundation.write(number, $0.baseAddress, $0.count)
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
        continue
      }
      let error = SystemError.last
      if error.isNotReady {
        wait(for: POLLOUT)
      } else if !error.isInterruption {
        throw error
      }
    }
  }

  /// Waits for bytes and reads some: none at the end, nil when `wake` became readable before.
  func read(upTo size: Int, unless wake: Descriptor?) throws(SystemError) -> [UInt8]? {
    while true {
      if let wake, !wait(for: POLLIN, unless: wake) { return nil }
      var failure: SystemError?
      // The buffer belongs to the array, which has this capacity; the system fills a part of it.
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        let result = unsafe Foundation.read(number, buffer.baseAddress, size)
        if result < 0 { failure = .last }
        count = max(0, result)
      }
      guard let failure else { return bytes }
      if failure.isNotReady {
        wait(for: POLLIN)
      } else if !failure.isInterruption {
        throw failure
      }
    }
  }

  /// Waits until the descriptor can be used.
  private func wait(for events: Int32) {
    var entry = pollfd(fd: number, events: Int16(events), revents: 0)
    // One entry, which the call changes in place.
    _ = unsafe poll(&entry, 1, -1)
  }

  /// Waits until the descriptor can be used (or has failed: the next use tells), or `wake` is readable.
  private func wait(for events: Int32, unless wake: Descriptor) -> Bool {
    var entries = [
      pollfd(fd: number, events: Int16(events), revents: 0),
      pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0),
    ]
    // As many entries as the array has, which the call changes in place.
    while unsafe poll(&entries, 2, -1) < 0 {
      if !SystemError.last.isInterruption { return true }
    }
    return entries[1].revents == 0
  }

  func close() { _ = Foundation.close(number) }

  /// Both ends of a new pipe; nil when the system has none to give.
  static func pipe() -> (reading: Descriptor, writing: Descriptor)? {
    var numbers: [Int32] = [-1, -1]
    // The call fills the two elements.
    guard unsafe Foundation.pipe(&numbers) == 0 else { return nil }
    return (Descriptor(number: numbers[0]), Descriptor(number: numbers[1]))
  }
}

extension Descriptor {
  /// Puts `/dev/null` where a standard stream is closed.
  ///
  /// Otherwise the next file that is opened would take its number, and be mistaken for it. What is meant
  /// for reading is opened for writing and the other way round, so that using it is still an error.
  static func fillStandardStreams() {
    for stream in [input, output, errors] where fcntl(stream.number, F_GETFD) < 0 {
      // The path is read during the call only; the lowest free number is this one.
      _ = unsafe Foundation.open("/dev/null", stream.number == input.number ? O_WRONLY : O_RDONLY)
    }
  }
}
