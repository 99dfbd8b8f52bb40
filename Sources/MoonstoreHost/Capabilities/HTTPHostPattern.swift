public import MoonstoreCore

/// Servers that scripts may reach: `api.example.com`, `localhost:8080`, `*.example.com`, `[::1]:8080`.
///
/// Without a port all ports are meant. A star stands for one or more labels in front, so
/// `*.example.com` is not `example.com` itself. Names are compared as they are written: an allowed name
/// says nothing about the addresses behind it, and an address is allowed only where it is named.
public struct HTTPHostPattern: Sendable, Hashable {
  let name: String
  let port: Int?
  let takesSubdomains: Bool

  /// Reads a pattern.
  ///
  /// - Throws: `StoreError` with the code `invalidArgument`, which says what is wrong with it.
  public init(_ text: String) throws(StoreError) {
    func wrong(_ why: String) -> StoreError {
      StoreError(
        .invalidArgument,
        "'\(text)' names no host: \(why); write such as api.example.com, localhost:8080 or "
          + "*.example.com"
      )
    }
    guard !text.contains("/") else { throw wrong("a host has neither scheme nor path") }
    guard !text.contains("@") else { throw wrong("a host has no user name") }
    takesSubdomains = text.hasPrefix("*.")
    let rest = takesSubdomains ? String(text.dropFirst(2)) : text
    guard !rest.contains("*") else {
      throw wrong("a star stands only for the labels in front, and never alone")
    }
    do {
      (name, port) = try HTTPURL.hostAndPort(rest)
    } catch {
      throw wrong(error.reason)
    }
    guard !takesSubdomains || !name.hasPrefix("[") else { throw wrong("an address has no labels") }
  }

  func matches(_ url: HTTPURL) -> Bool {
    guard port == nil || port == url.port else { return false }
    return takesSubdomains ? url.host.hasSuffix("." + name) : url.host == name
  }
}

extension HTTPHostPattern: CustomStringConvertible {
  /// The pattern as it is written.
  public var description: String {
    (takesSubdomains ? "*." : "") + name + (port.map { ":\($0)" } ?? "")
  }
}
