import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What the chapter `http` is built from; scripts get that library only where the host grants it.
  func addHTTPFunctions(_ natives: Natives) throws {
    guard let grant = configuration.http else { return }
    let client = HTTPClient(grant)
    natives.add("http", as: .httpRequest, hidden: 3) { arguments in
      let script = try arguments.string()
      let function = try arguments.string()
      let method = try arguments.optionalString()
      // http.request takes all in one table.
      let url: Value
      let options: Value
      if let called = ScriptFunction.allCases.first(where: { $0.name == function }) {
        arguments.speak(as: called)
      }
      if method == nil {
        arguments.skip()
        guard !arguments.isNil else { throw arguments.mustBe("a table", at: 1) }
        (url, options) = (.null, .map(try arguments.options(at: 1).values))
      } else {
        url = .string(try arguments.string())
        options = .map(try arguments.options().values)
      }
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
    natives.add("responseJSON", as: .responseJson, hidden: 3) { arguments in
      let body = try arguments.value()
      let status = try arguments.integer()
      let url = try arguments.string()
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
