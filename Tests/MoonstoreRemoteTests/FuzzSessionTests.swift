import Dispatch
import MoonValue
import MoonstoreHost
import MoonstoreRemote
import Testing
import TestSupport

/// Mutated conversations with a host that lets sessions in: what is a request has one answer, what is none ends its
/// session, and the host goes on.
@Suite(.serialized) struct FuzzSessionTests {
  private static let opening = [#"{"moonstore":1,"name":"fuzz","rights":"all"}"#]
  private static let lines = [
    #"{"id":1,"do":"submit","text":"1 + 1"}"#,
    #"{"id":"b","do":"submit","text":"counter:add(1)","view":{"width":40,"color":true}}"#,
    #"{"id":[3],"do":"submit","text":"return {1, a = {2}}, 'x'","view":{"data":true,"whole":true}}"#,
    #"{"id":4,"do":"submit","text":"for i = 1, 3 do print(i) end"}"#,
    #"{"id":5,"do":"submit","text":"local x = {"}"#,
    #"{"id":6,"do":"submit","text":"error({ code = 'no' })"}"#,
    #"{"id":7,"do":"submit","text":":stores"}"#,
    #"{"id":8,"do":"submit","text":":watch counter.n"}"#,
    #"{"id":9,"do":"submit","text":":dry counter:add(2)"}"#,
    #"{"id":10,"do":"submit","text":"sleep(1) return 'slept'"}"#,
    #"{"id":11,"do":"complete","text":"counter:a"}"#, #"{"id":12,"do":"complete","text":""}"#,
    #"{"id":13,"do":"stop"}"#, #"{"do":"cancel"}"#,
  ]
  private static let end = Array("\n{\"id\":\"end\",\"do\":\"stop\"}\n".utf8)

  /// The ids of the answers that a conversation is to have, up to where it ends itself.
  private func expected(_ input: [UInt8]) -> (ids: [Value], isEnded: Bool) {
    var ids: [Value] = []
    var isOpen = false
    for line in input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .dropLast()
    {
      guard let message = try? Value(json: line) else { return (ids + [.null], true) }
      let id = message["id"] ?? .null
      let text = message["text"]?.stringValue
      if message["do"] == "cancel" { continue }
      if let version = message["moonstore"]?.integerValue {
        guard version == 1 else { return (ids + [id], true) }
        isOpen = true
        continue
      }
      switch (message["do"]?.stringValue, text) {
      case ("submit", _?), ("complete", _?), ("stop", _): ids.append(id)
      case ("close", _): return (ids, true)
      default: return (ids + [id], true)
      }
      if !isOpen { return (ids, true) }
    }
    return (ids, false)
  }

  @Test func `Whatever comes through the socket, requests have their answers and the host goes on`()
    async throws
  {
    let attached = try await AttachedHost { configuration in
      configuration.scriptLimits.turn = 0.5
      configuration.scriptLimits.memory = 64 << 20
      configuration.scriptLimits.overruns = nil
      configuration.sleep = { _ in await Task.yield() }
      configuration.report = { _ in }
      configuration.log = { _ in }
    }
    var mutator = LineMutator(seed: Fuzzing.seed)
    var fuzzing = Fuzzing("sessions", rounds: 200)
    var requests = 0
    while fuzzing.next() {
      // Fewer than may wait at a time.
      let count = 1 + mutator.random.below(40)
      let input =
        mutator.conversation(
          from: FuzzSessionTests.opening,
          FuzzSessionTests.lines,
          count: count,
          oneIn: 25
        )
        + FuzzSessionTests.end
      fuzzing.leave(input)
      let answers = try await talk(input, to: attached.server.path)
      let place = "round \(fuzzing.round), seed \(Fuzzing.seed)"
      let (ids, isEnded) = expected(input)
      let got = answers.filter { $0["event"] == nil && $0["moonstore"] == nil }
        .map { $0["id"] ?? .null }
      requests += ids.count
      // An entry can end its session, such as ":quit" with a letter changed.
      let hasQuit = answers.contains { $0["result"]?["status"] == "quit" }
      #expect(got == ids || hasQuit && ids.starts(with: got), "\(place)")
      #expect(isEnded || hasQuit || got.last == "end", "\(place)")
      if !fuzzing.round.isMultiple(of: 10) { continue }
      let session = try await attached.attach()
      #expect(await session("1 + 1") == "2", "\(place)")
      await session.close()
    }
    fuzzing.tell(requests, "requests of sessions")
    #expect(await eventually { attached.server.sessionCount == 0 })
    #expect(requests > fuzzing.round)
  }

  /// Sends bytes, and gives what comes back until the last answer, or until the other end closes.
  private func talk(_ bytes: [UInt8], to path: String) async throws -> [Value] {
    let socket = try UnixSocket.connect(to: path)
    let writing = DispatchQueue(label: "fuzz.write")
    // Not on a thread of tasks, of which there are few; and reading meanwhile, so that nobody waits for ever.
    writing.async { _ = socket.write(bytes) }
    let text = await withCheckedContinuation {
      (continuation: CheckedContinuation<[UInt8], Never>) in
      DispatchQueue(label: "fuzz.read").async {
        var bytes: [UInt8] = []
        while case let more = socket.read(upTo: 65_536), !more.isEmpty {
          bytes += more
          if String(decoding: bytes.suffix(200), as: UTF8.self).contains(#"{"id":"end"}"#) { break }
        }
        continuation.resume(returning: bytes)
      }
    }
    writing.async { socket.close() }
    return try text.split(separator: UInt8(ascii: "\n")).map { try Value(json: $0) }
  }
}
