import Foundation

/// Why the system refused to read or write.
struct SystemError: Error {
  let number: Int32

  /// The error of the system call that was made last.
  static var last: SystemError { SystemError(number: errno) }

  var isBrokenPipe: Bool { number == EPIPE }

  /// Whether the call should be made again, since it was only interrupted.
  var isInterruption: Bool { number == EINTR }

  /// Whether the descriptor is non-blocking and not ready.
  var isNotReady: Bool { number == EAGAIN || number == EWOULDBLOCK }
}

extension SystemError: CustomStringConvertible {
  /// What happened, as the rest of Moonstore says it where it does, else in the system's words.
  var description: String {
    switch number {
    case ENOENT: "there is no such file"
    case EACCES: "no permission to read it"
    case EISDIR: "this is a folder"
    case EBADF: "it is closed"
    // The text is copied before anybody else can ask for another one.
    default: unsafe String(cString: strerror(number))
    }
  }
}
