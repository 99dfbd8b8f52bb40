import ArgumentParser
import MoonstoreCore
import MoonstoreHost

/// Where sessions come in: `unix:PATH`.
struct SocketAddress {
  let path: String

  /// Reads an address.
  init(_ text: String) throws {
    guard text.hasPrefix("unix:"), text.count > 5 else {
      throw ValidationError(
        "'\(text)' is no address: it is unix: and the path of a socket, such as unix:/run/shop.sock"
      )
    }
    path = String(text.dropFirst(5))
  }
}

extension ReplRecord {
  /// The entry in one line for logs.
  var line: String {
    let result = error.map { "\(status.rawValue): \($0.message)" } ?? status.rawValue
    let shown = code.count > 500 ? code.prefix(500) + "..." : code
    let milliseconds = (seconds * 1_000).rounded() / 1
    return
      "session \(session) at \(timestamp): \(shown.debugDescription) \(result) (\(milliseconds) ms)"
  }
}
