import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost

/// Answers a stream of calls, one JSON object a line, each by one JSON line in order.
///
/// `{"store":"cart","action":"addItem","args":["85123A",6]}` calls an action, and
/// `{"store":"cart","get":"itemCount"}` reads a field or a getter. An `id` is given back with the answer.
/// A line that is no call is answered by an error that names it, and the next one is read.
struct CallStream {
  let host: StoreHost
  /// How many calls there were, and how many of them failed.
  private(set) var calls = 0
  private(set) var failures = 0

  private static let longestLine = 8 << 20

  init(host: StoreHost) { self.host = host }

  /// Answers lines until the input ends, stdout is closed, or `isInterrupted` says so.
  mutating func answer(
    _ input: FileHandle,
    _ output: FileHandle,
    isInterrupted: () -> Bool
  ) async throws {
    var number = 0
    var buffer: [UInt8] = []
    var answers = Data()
    while !isInterrupted() {
      // Answers go out before the stream waits for more, so that a peer that waits for one gets it.
      let chunk = input.availableData
      let isAtEnd = chunk.isEmpty
      buffer.append(contentsOf: chunk)
      var start = 0
      while let end = buffer[start...].firstIndex(of: 0x0A), !isInterrupted() {
        number += 1
        await answer(buffer[start..<end], number, &answers)
        start = end + 1
        if answers.count > 65_536 { try flush(&answers, output) }
      }
      buffer.removeFirst(start)
      if isAtEnd, !buffer.isEmpty {
        number += 1
        await answer(buffer[...], number, &answers)
      }
      if buffer.count > CallStream.longestLine {
        fail(nil, StoreError(.invalidJSON, "line \(number + 1): longer than 8 MiB"), &answers)
        try flush(&answers, output)
        return
      }
      try flush(&answers, output)
      if isAtEnd { return }
    }
  }

  private func flush(_ answers: inout Data, _ output: FileHandle) throws {
    guard !answers.isEmpty else { return }
    try output.write(contentsOf: answers)
    answers.removeAll(keepingCapacity: true)
  }

  private mutating func answer(_ line: ArraySlice<UInt8>, _ number: Int, _ answers: inout Data)
    async
  {
    if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return }
    calls += 1
    var id: Value?
    do throws(StoreError) {
      let request = try parse(line, number)
      id = request["id"]
      let result = try await perform(request, number)
      var answer: [Value.Key: Value] = ["ok": true, "result": result]
      answer["id"] = id
      guard let text = try? Value.map(answer).json() else {
        throw StoreError(.notData, "line \(number): the result cannot be written as JSON")
      }
      answers.append(contentsOf: text.utf8)
      answers.append(0x0A)
    } catch {
      fail(id, error, &answers)
    }
  }

  private mutating func fail(_ id: Value?, _ error: StoreError, _ answers: inout Data) {
    failures += 1
    var answer: [Value.Key: Value] = ["ok": false, "error": error.record]
    answer["id"] = id
    let text = (try? Value.map(answer).json()) ?? #"{"ok":false}"#
    answers.append(contentsOf: text.utf8)
    answers.append(0x0A)
  }

  private func parse(_ line: ArraySlice<UInt8>, _ number: Int) throws(StoreError) -> Value {
    let value: Value
    do {
      value = try Value(json: line)
    } catch {
      throw StoreError(
        .invalidJSON,
        "line \(number), column \(error.column): \(error.message)",
        line: number
      )
    }
    guard let pairs = value.mapValue else {
      throw StoreError(
        .invalidArgument,
        #"line \#(number): a call is an object such as {"store":"cart","action":"addItem","args":[]}"#
      )
    }
    for key in pairs.keys where !["id", "store", "action", "args", "get"].contains("\(key)") {
      throw StoreError(
        .invalidArgument,
        "line \(number): unknown key '\(key)'; there are store, action, args, get and id"
      )
    }
    return value
  }

  private func perform(_ request: Value, _ number: Int) async throws(StoreError) -> Value {
    guard let store = request["store"]?.stringValue else {
      throw StoreError(.invalidArgument, "line \(number): 'store' must be the id of a store")
    }
    if let field = request["get"]?.stringValue, request["action"] == nil {
      return try await host.store(store).get(field)
    }
    guard let action = request["action"]?.stringValue else {
      throw StoreError(.invalidArgument, "line \(number): 'action' must be the name of an action")
    }
    guard let arguments = (request["args"] ?? []).arrayValue else {
      throw StoreError(.invalidArgument, "line \(number): 'args' must be an array")
    }
    return try await host.call(store, action, arguments)
  }
}

extension StoreError {
  /// The error as data, for programs.
  fileprivate var record: Value {
    var record: [Value.Key: Value] = ["code": .string(code.rawValue), "message": .string(message)]
    record["store"] = store.map(Value.string)
    record["member"] = member.map(Value.string)
    record["script"] = script.map(Value.string)
    record["line"] = line.map { .integer(Int64($0)) }
    if !traceback.isEmpty { record["traceback"] = .string(traceback) }
    record["value"] = value
    return .map(record)
  }
}
