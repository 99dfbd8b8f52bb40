/// An address that is safe to hand on: every reader of its text sees the same host in it.
///
/// Whatever could be read in two ways (a user name, a backslash, a control character, a host that is
/// no plain name) is refused, and what is left is written anew from its parts.
struct HTTPURL: Sendable, Hashable {
  /// Why a text is no address.
  struct Fault: Error {
    let reason: String
  }

  let scheme: String
  /// In lower case; an address of IPv6 with its brackets.
  let host: String
  let port: Int
  /// The path and the query, encoded.
  let target: String

  init(_ text: String) throws(Fault) {
    for byte in text.utf8 where byte < 0x20 || byte == 0x7F {
      throw Fault(reason: "it has a control character")
    }
    guard let separator = text.firstRange(of: "://") else {
      throw Fault(reason: "it must begin with http:// or https://")
    }
    scheme = text[..<separator.lowerBound].lowercased()
    guard scheme == "http" || scheme == "https" else {
      throw Fault(reason: "it must begin with http:// or https://")
    }
    let rest = text[separator.upperBound...]
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    let authority = rest[..<end]
    guard !authority.contains("@") else {
      throw Fault(reason: "it has a user name or password; send them in the header 'authorization'")
    }
    let port: Int?
    (host, port) = try HTTPURL.hostAndPort(String(authority))
    self.port = port ?? HTTPURL.defaultPort(of: scheme)
    target = try HTTPURL.target(rest[end...])
  }

  private init(of url: HTTPURL, target: Substring) throws(Fault) {
    scheme = url.scheme
    host = url.host
    port = url.port
    self.target = try HTTPURL.target(target)
  }

  /// The whole address, without a fragment.
  var text: String { origin + target }

  /// Scheme, host and port: what credentials belong to.
  var origin: String { "\(scheme)://\(authority)" }

  /// The host, with the port where it is not the usual one.
  var authority: String {
    port == HTTPURL.defaultPort(of: scheme) ? host : "\(host):\(port)"
  }

  /// The address without its query, which may hold secrets, for messages.
  var place: String { origin + target.prefix { $0 != "?" } }

  /// The same address with more fields in its query.
  func adding(query: String) throws(Fault) -> HTTPURL {
    guard !query.isEmpty else { return self }
    let separator = !target.contains("?") ? "?" : target.hasSuffix("?") ? "" : "&"
    return try HTTPURL(of: self, target: (target + separator + query)[...])
  }

  /// Where a redirect leads, which may be said relative to here.
  func resolve(_ reference: String) throws(Fault) -> HTTPURL {
    for byte in reference.utf8 where byte < 0x20 || byte == 0x7F {
      throw Fault(reason: "it has a control character")
    }
    if reference.hasPrefix("//") { return try HTTPURL("\(scheme):\(reference)") }
    if HTTPURL.hasScheme(reference) { return try HTTPURL(reference) }
    let path = target.prefix { $0 != "?" }
    switch reference.first {
    case "/": return try HTTPURL(of: self, target: reference[...])
    case nil, "#": return self
    case "?": return try HTTPURL(of: self, target: (path + reference)[...])
    default:
      let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
      let end = reference.firstIndex { "?#".contains($0) } ?? reference.endIndex
      let merged = HTTPURL.withoutDots(folder + reference[..<end]) + reference[end...]
      return try HTTPURL(of: self, target: merged[...])
    }
  }

  // MARK: Parts

  static func defaultPort(of scheme: String) -> Int { scheme == "https" ? 443 : 80 }

  /// Reads `host` or `host:port`.
  static func hostAndPort(_ text: String) throws(Fault) -> (host: String, port: Int?) {
    var host = text[...]
    var port: Int?
    let colon = text.lastIndex(of: ":")
    if let colon, text.last != "]" {
      let digits = text[text.index(after: colon)...]
      guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits),
        (1...65_535).contains(number)
      else { throw Fault(reason: "'\(digits)' is no port") }
      host = text[..<colon]
      port = number
    }
    guard !host.isEmpty else { throw Fault(reason: "the host is missing") }
    if host.hasPrefix("[") {
      let address = host.dropFirst().dropLast()
      guard host.hasSuffix("]"), address.contains(":"),
        address.allSatisfy({ $0.isASCII && ($0.isHexDigit || $0 == ":" || $0 == ".") })
      else { throw Fault(reason: "'\(host)' is no address") }
    } else {
      let labels = host.split(separator: ".", omittingEmptySubsequences: false)
      guard host.utf8.count <= 253, labels.allSatisfy(isLabel) else {
        throw Fault(
          reason: "'\(host)' is no host name"
            + (host.allSatisfy(\.isASCII) ? "" : " (write it in its ASCII form, xn--…)")
        )
      }
    }
    return (host.lowercased(), port)
  }

  private static func isLabel(_ label: Substring) -> Bool {
    !label.isEmpty && label.utf8.count <= 63
      && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
  }

  private static func hasScheme(_ reference: String) -> Bool {
    guard let colon = reference.firstIndex(of: ":"), let first = reference.first else {
      return false
    }
    return first.isASCII && first.isLetter
      && reference[..<colon].allSatisfy {
        $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0))
      }
  }

  /// A path and a query in which everything is encoded that must be; the fragment stays here.
  private static func target(_ text: Substring) throws(Fault) -> String {
    let whole = text.prefix { $0 != "#" }
    var encoded = whole.first == "/" ? "" : "/"
    let bytes = Array(whole.utf8)
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "%") {
        let digits = bytes[(index + 1)...].prefix(2)
        guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        else { throw Fault(reason: "it has a '%' that begins no escape; write %25") }
      }
      encoded.append(percent: byte, unless: isPartOfTarget)
    }
    return encoded
  }

  private static func isPartOfTarget(_ byte: UInt8) -> Bool {
    isUnreserved(byte) || "!$&'()*+,;=:@/?%".utf8.contains(byte)
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~".utf8.contains(byte)
    }
  }

  /// A text encoded so that it is one part of a path or a query, whatever is in it.
  static func encoded(_ bytes: some Sequence<UInt8>) -> String {
    var encoded = ""
    for byte in bytes { encoded.append(percent: byte, unless: isUnreserved) }
    return encoded
  }

  private static func withoutDots(_ path: some StringProtocol) -> String {
    var kept: [Substring] = []
    let segments = String(path).split(separator: "/", omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated() {
      let isLast = index == segments.count - 1
      switch segment {
      case ".": if isLast { kept.append("") }
      case "..":
        if kept.count > 1 { kept.removeLast() }
        if isLast { kept.append("") }
      default: kept.append(segment)
      }
    }
    return kept.joined(separator: "/")
  }
}

extension String {
  fileprivate mutating func append(percent byte: UInt8, unless isKept: (UInt8) -> Bool) {
    if isKept(byte) {
      append(Character(Unicode.Scalar(byte)))
    } else {
      append(byte < 16 ? "%0" : "%")
      append(String(byte, radix: 16, uppercase: true))
    }
  }
}
