/// A field of the head of a request or a response.
public struct HTTPHeader: Sendable, Hashable {
  /// The name as it is sent; case makes no difference.
  public var name: String
  /// The value, without surrounding spaces.
  public var value: String

  /// Makes a field.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// The bytes that the field takes in a head, with the colon and the line's end.
  var size: Int { name.utf8.count + value.utf8.count + 4 }
}

/// A request as a transport gets it: checked, complete, and to one host.
public struct HTTPRequest: Sendable, Hashable {
  /// The method in capitals, such as `GET`.
  public var method: String
  /// The address: `http` or `https`, with a host that is allowed, and with nothing left to encode.
  public var url: String
  /// The fields of the head, without those that follow from the rest, such as `host`.
  public var headers: [HTTPHeader]
  /// The body; empty for none.
  public var body: [UInt8]

  /// Makes a request.
  public init(
    method: String = "GET",
    url: String,
    headers: [HTTPHeader] = [],
    body: [UInt8] = []
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }
}

/// What a server has answered.
public struct HTTPResponse: Sendable, Hashable {
  /// The status, such as 200.
  public var status: Int
  /// The fields of the head, in the order in which they came.
  public var headers: [HTTPHeader]
  /// The body, whole.
  public var body: [UInt8]

  /// Makes a response.
  public init(status: Int, headers: [HTTPHeader] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The first value of a field; `name` is in lower case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name }?.value
  }
}
