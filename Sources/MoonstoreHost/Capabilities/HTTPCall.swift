import MoonValue
import MoonstoreCore

/// What a script has asked for, checked: one call of `http.get` or another function of the library.
struct HTTPCall: Sendable {
  /// The function, as the script wrote it.
  let function: String
  /// The script, as errors name it.
  let script: String
  let url: HTTPURL
  let request: HTTPRequest
  /// Seconds.
  let timeout: Double

  /// What the client itself has to say about a request.
  private static let ownHeaders: Set<String> = [
    "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
  ]
  private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

  /// Reads what the script gave.
  ///
  /// - Parameters:
  ///   - function: Its name in the script.
  ///   - script: The script.
  ///   - method: The method that the function stands for; nil where the options say it.
  ///   - url: The address; nil where the options say it.
  ///   - options: The table of options, or null.
  ///   - grant: Whose bounds hold.
  /// - Throws: `StoreError` that names the function and the option.
  init(
    _ function: String,
    of script: String,
    method: String?,
    url: Value?,
    options: Value,
    grant: HTTPGrant
  ) throws(StoreError) {
    self.function = function
    self.script = script
    let reader = try HTTPOptionsReader(function, options)
    let fromOptions = try reader.method(among: Self.methods)
    let address = try reader.url(url)
    self.url = address
    var headers = try reader.headers(refusing: Self.ownHeaders)
    let body = try reader.body()
    if let type = body.type, !headers.contains(where: { $0.name == "content-type" }) {
      headers.append(HTTPHeader("content-type", type))
    }
    if !headers.contains(where: { $0.name == "user-agent" }) {
      headers.append(HTTPHeader("user-agent", "moonstore"))
    }
    guard body.bytes.count <= grant.maximumRequestBytes else {
      throw StoreError(
        .tooLarge,
        "\(function): the body has \(body.bytes.count) bytes; this host allows "
          + "\(grant.maximumRequestBytes)"
      )
    }
    let size = headers.reduce(address.text.utf8.count) { $0 + $1.size }
    guard size <= grant.maximumHeaderBytes else {
      throw StoreError(
        .tooLarge,
        "\(function): the address and the headers have \(size) bytes; this host allows "
          + "\(grant.maximumHeaderBytes)"
      )
    }
    request = HTTPRequest(
      method: method ?? fromOptions,
      url: address.text,
      headers: headers,
      body: body.bytes
    )
    let wanted = try reader.timeout()
    timeout = wanted.map { min($0, grant.deadline) } ?? grant.deadline
  }
}

/// Reads the options of a call, and says in the script's words what is wrong with them.
private struct HTTPOptionsReader {
  private let function: String
  private let options: ValueMap

  /// Takes the options, whose names the native has checked.
  init(_ function: String, _ options: Value) throws(StoreError) {
    self.function = function
    switch options {
    case .null: self.options = [:]
    case .map(let map): self.options = map
    case .empty: self.options = [:]
    case .array([]): self.options = [:]
    default:
      throw StoreError(
        .invalidArgument,
        "\(function): the options must be a table, such as { json = { ... } }"
      )
    }
  }

  func wrong(_ what: String) -> StoreError {
    StoreError(.invalidArgument, "\(function): \(what)")
  }

  private subscript(name: String) -> Value? {
    guard let value = options[.string(name)], !value.isNull else { return nil }
    return value
  }

  func method(among known: [String]) throws(StoreError) -> String {
    guard let value = self["method"] else { return "GET" }
    guard let name = value.stringValue?.uppercased(), known.contains(name) else {
      throw wrong("the method must be one of \(known.joined(separator: ", "))")
    }
    return name
  }

  func url(_ given: Value?) throws(StoreError) -> HTTPURL {
    guard let text = (given ?? self["url"] ?? .null).stringValue else {
      throw wrong("the URL must be a text, such as \"https://example.com/items\"")
    }
    let query = try query()
    do {
      return try HTTPURL(text).adding(query: query)
    } catch {
      throw wrong("'\(text.prefix(200))' is no URL that can be used: \(error.reason)")
    }
  }

  func timeout() throws(StoreError) -> Double? {
    guard let value = self["timeout"] else { return nil }
    guard let seconds = value.doubleValue, seconds > 0, seconds < .infinity else {
      throw wrong("the timeout must be a number of seconds above 0")
    }
    return seconds
  }

  // MARK: Query

  func query() throws(StoreError) -> String {
    guard let value = self["query"] else { return "" }
    var pairs: [String] = []
    for (key, value) in try map(value, "query", "{ page = 2 }") {
      let name = HTTPURL.encoded(key.utf8)
      for value in list(value) where !value.isNull {
        guard let text = plainText(value) else {
          throw wrong("query.\(key) must be a text, a number, a boolean, or a list of such")
        }
        pairs.append(name + "=" + HTTPURL.encoded(text))
      }
    }
    return pairs.joined(separator: "&")
  }

  /// The values of a field that may have several; an empty table is a list of none.
  private func list(_ value: Value) -> [Value] {
    value == .map([:]) ? [] : value.arrayValue ?? [value]
  }

  private func plainText(_ value: Value) -> [UInt8]? {
    switch value {
    case .bool, .integer: Array(value.description.utf8)
    case .number(let number): number.isFinite ? Array(value.description.utf8) : nil
    default: value.bytesValue
    }
  }

  /// The pairs of a table, sorted by their keys, so that the same call is the same request.
  private func map(
    _ value: Value,
    _ option: String,
    _ example: String
  ) throws(StoreError) -> [(key: String, value: Value)] {
    if value == .array([]) { return [] }
    guard let map = value.mapValue else {
      throw wrong("\(option) must be a table, such as \(example)")
    }
    var pairs: [(key: String, value: Value)] = []
    for (key, value) in map.sorted(by: { $0.key < $1.key }) {
      guard case .bytes = key else {
        pairs.append((key.description, value))
        continue
      }
      throw wrong("\(option) has a name that is not UTF-8 text")
    }
    return pairs
  }

  // MARK: Head

  func headers(refusing own: Set<String>) throws(StoreError) -> [HTTPHeader] {
    guard let value = self["headers"] else { return [] }
    var headers: [HTTPHeader] = []
    for (name, value) in try map(value, "headers", "{ accept = \"application/json\" }") {
      let lowered = name.lowercased()
      guard !name.isEmpty, name.utf8.allSatisfy(isPartOfToken) else {
        throw wrong("'\(name)' cannot be the name of a header")
      }
      guard !own.contains(lowered) else {
        throw wrong("the header '\(lowered)' follows from the rest of the request; leave it out")
      }
      guard !headers.contains(where: { $0.name == lowered }) else {
        throw wrong("the header '\(lowered)' stands twice; give it a list of values")
      }
      for value in list(value) where !value.isNull {
        guard let bytes = plainText(value), let text = String(validating: bytes, as: UTF8.self)
        else { throw wrong("the header '\(lowered)' must be a text, or a list of texts") }
        guard text.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
          throw wrong("the header '\(lowered)' has a control character in its value")
        }
        headers.append(HTTPHeader(lowered, text))
      }
    }
    return headers
  }

  private func isPartOfToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  // MARK: Body

  func body() throws(StoreError) -> (bytes: [UInt8], type: String?) {
    // An explicit null is JSON too.
    if let json = options["json"] {
      guard self["body"] == nil else { throw wrong("either json or body, but not both") }
      do {
        return (try json.jsonBytes(), "application/json")
      } catch {
        throw StoreError(.invalidJSON, "\(function): json: \(error)", underlying: error)
      }
    }
    guard let body = self["body"] else { return ([], nil) }
    guard let bytes = body.bytesValue else {
      throw wrong("the body must be a text; a table goes into json")
    }
    return (bytes, nil)
  }
}
