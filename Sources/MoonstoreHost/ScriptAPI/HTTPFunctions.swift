import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What the chapter `http` is built from; scripts get that library only where the host grants it.
  func addHTTPFunctions(_ natives: Natives) throws {
    guard let grant = configuration.http else { return }
    let client = HTTPClient(grant)
    try natives.add("http", as: "http") { arguments in
      let script = try arguments.string("the script")
      let function = try arguments.string("the function")
      let method = try arguments.optionalString("the method")
      let url = try arguments.value()
      let options = try arguments.value()
      let call = try HTTPCall(
        function,
        of: script,
        method: method,
        url: method == nil ? nil : url,
        options: options,
        grant: client.grant
      )
      // Whatever can be refused is refused before the wait, which commits what the turn has done so far.
      try client.check(call.url, for: call)
      try arguments.checkWait(function)
      let place = try client.enter(call)
      return try arguments.wait(as: function) { try await client.send(call, place) }
    }
    try natives.add("responseJSON", as: "response:json") { arguments in
      let body = try arguments.value()
      let status = try arguments.integer("the status")
      let url = try arguments.string("the address")
      let place = url.prefix { $0 != "?" }
      guard let bytes = body.bytesValue else {
        throw StoreError(.invalidJSON, "response:json(): the body is no longer a text")
      }
      do {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        return arguments.answer(
          try Value(json: bytes.starts(with: mark) ? bytes.dropFirst(3) : bytes[...])
        )
      } catch {
        let what = bytes.isEmpty ? "has no body" : "is no JSON: \(error)"
        throw StoreError(
          .invalidJSON,
          "response:json(): the answer of \(place) (status \(status)) \(what)",
          underlying: error
        )
      }
    }
  }
}
