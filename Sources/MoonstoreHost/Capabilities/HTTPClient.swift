import MoonValue
import MoonstoreCore

/// The host's side of the library `http`: what a script may do, how many requests at a time, until when,
/// and where redirects lead.
///
/// Takes checked calls from `HTTPFunctions`, gives single exchanges to the transport, and whole
/// responses back. Each host has one.
final class HTTPClient: Sendable {
  let grant: HTTPGrant
  private let queue: HTTPQueue

  init(_ grant: HTTPGrant) {
    self.grant = grant
    queue = HTTPQueue(
      maximumUnderway: grant.maximumConcurrent,
      maximumWaiting: grant.maximumQueued
    )
  }

  /// Refuses a server that scripts may not reach.
  ///
  /// - Throws: `StoreError` with the code `permissionDenied`, which names script and host.
  func check(_ url: HTTPURL, for call: HTTPCall, redirectedFrom: HTTPURL? = nil) throws(StoreError)
  {
    let isAllowed = grant.hosts.contains { $0.matches(url) }
    guard !isAllowed || !grant.schemes.contains(url.scheme) else { return }
    let redirect = redirectedFrom.map { ", to which \($0.authority) redirects," } ?? ""
    let whom = "permission denied: the script '\(call.script)' may not reach \(url.authority)"
    guard !isAllowed else {
      throw StoreError(
        .permissionDenied,
        "\(whom)\(redirect) by \(url.scheme) (\(call.function)): this host allows "
          + grant.schemes.sorted().joined(separator: ", ")
      )
    }
    let allowed = grant.hosts.map(\.description).joined(separator: ", ")
    throw StoreError(
      .permissionDenied,
      "\(whom)\(redirect) by \(call.function): this host allows "
        + "\(allowed.isEmpty ? "no server" : allowed); whoever runs it can add '\(url.authority)' "
        + "(--allow-http, HTTPGrant.hosts)"
    )
  }

  /// Takes a place in the queue.
  ///
  /// - Throws: `StoreError` with the code `overloaded`.
  func enter(_ call: HTTPCall) throws(StoreError) -> HTTPQueue.Place {
    do {
      return try queue.enter()
    } catch {
      throw StoreError(error.code, "\(call.function): \(error.message)")
    }
  }

  /// Makes a call, from its place in the queue to its end.
  ///
  /// - Throws: `StoreError` with `timeout`, `network`, `tooLarge` or, of a redirect, `permissionDenied`.
  func send(_ call: HTTPCall, _ place: HTTPQueue.Place) async throws -> Value {
    defer { place.leave() }
    return try await withThrowingTaskGroup(of: Value.self) { group in
      defer { group.cancelAll() }
      group.addTask {
        try await place.admitted()
        return try await self.follow(call)
      }
      group.addTask {
        try await Alarm.shared.sleep(call.timeout)
        throw StoreError(
          .timeout,
          "\(call.function): \(call.url.place) has not answered within \(call.timeout) s"
        )
      }
      return try await group.next() ?? .null
    }
  }

  private func follow(_ call: HTTPCall) async throws -> Value {
    var url = call.url
    var request = call.request
    var redirects = 0
    while true {
      let response = try await exchange(request, with: url, for: call)
      guard grant.maximumRedirects > 0, let location = response.redirect else {
        return response.value(from: url)
      }
      guard redirects < grant.maximumRedirects else {
        throw StoreError(
          .network,
          "\(call.function): \(call.url.place) redirects more than \(redirects) times, last to "
            + "'\(location.prefix(200))'"
        )
      }
      redirects += 1
      let next: HTTPURL
      do {
        next = try url.resolve(location)
      } catch {
        throw StoreError(
          .network,
          "\(call.function): \(url.place) redirects to '\(location.prefix(200))', which cannot be "
            + "used: \(error.reason)"
        )
      }
      try check(next, for: call, redirectedFrom: url)
      request.redirect(to: next, from: url, status: response.status)
      url = next
    }
  }

  private func exchange(
    _ request: HTTPRequest,
    with url: HTTPURL,
    for call: HTTPCall
  ) async throws -> HTTPResponse {
    let limits = grant.limits
    do {
      let response = try await grant.transport.send(request, limits: limits)
      // What reaches scripts is within the limits, whatever a transport does.
      try limits.check(headers: response.headers)
      try limits.check(bodyBytes: response.body.count)
      return response
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      let known = error as? StoreError
      throw StoreError(
        known?.code ?? .network,
        "\(call.function): \(url.place): \(known?.message ?? "\(error)")",
        underlying: known == nil ? error : known?.underlying
      )
    }
  }
}

extension HTTPResponse {
  /// Where the server sends the client instead.
  fileprivate var redirect: String? {
    switch status {
    case 301, 302, 303, 307, 308: header("location")
    default: nil
    }
  }

  /// The response as scripts get it.
  fileprivate func value(from url: HTTPURL) -> Value {
    var fields: ValueMap = [:]
    for header in headers {
      let key = Value.Key.string(header.name.lowercased())
      if header.name.lowercased() == "set-cookie" {
        // The only field whose values cannot be joined is always a list.
        fields[key] = .array((fields[key]?.arrayValue ?? []) + [.string(header.value)])
      } else if let earlier = fields[key]?.stringValue {
        fields[key] = .string("\(earlier), \(header.value)")
      } else {
        fields[key] = .string(header.value)
      }
    }
    return [
      "status": .integer(Int64(status)),
      "ok": .bool((200..<300).contains(status)),
      "headers": .map(fields),
      "body": Value(utf8: body),
      "url": .string(url.text),
    ]
  }
}

extension HTTPRequest {
  /// Becomes the request that follows a redirect.
  ///
  /// As browsers do it: 303 makes everything but HEAD a GET, 301 and 302 make a POST one, 307 and 308
  /// change nothing; and credentials stay with the origin that they were meant for.
  fileprivate mutating func redirect(to next: HTTPURL, from url: HTTPURL, status: Int) {
    self.url = next.text
    let becomesGET = status == 303 ? method != "HEAD" : status < 303 && method == "POST"
    if becomesGET {
      method = "GET"
      body = []
      headers.removeAll { $0.name.hasPrefix("content-") }
    }
    if next.origin != url.origin {
      let credentials = ["authorization", "cookie", "proxy-authorization"]
      headers.removeAll { credentials.contains($0.name) }
    }
  }
}
