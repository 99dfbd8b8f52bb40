import MoonValue
import MoonstoreCore
import MoonstoreHost

/// What goes through the socket: one JSON object a line.
///
/// To the host: `{"moonstore":1,"name":...,"rights":...}` first, then requests with `id` and `do`: `submit` with
/// `text` and `view`, `complete` with `text`, `stop`, `close`; and `{"do":"cancel"}`, which is not answered.
/// From the host: `{"moonstore":1,"session":...,"project":...,"rights":...,"stores":n}` or `{"error":{...}}` first,
/// then answers with the `id` and `result` or `completions`, and between them events with `event`.
enum Wire {
  static let version: Int64 = 1
  static let longestRequest = 16 << 20
  static let longestAnswer = 256 << 20

  // MARK: Views

  static func record(_ view: ReplView) -> Value {
    [
      "width": .integer(Int64(view.width)), "color": .bool(view.hasColor),
      "data": .bool(view.wantsData), "whole": .bool(view.isWhole),
    ]
  }

  static func view(_ record: Value?) -> ReplView {
    var view = ReplView()
    view.width = min(10_000, max(20, Int(record?["width"]?.integerValue ?? 80)))
    view.hasColor = record?["color"]?.boolValue ?? false
    view.wantsData = record?["data"]?.boolValue ?? false
    view.isWhole = record?["whole"]?.boolValue ?? false
    return view
  }

  // MARK: Results

  static func record(_ result: ReplResult) -> Value {
    [
      "status": .string(result.status.rawValue), "text": .string(result.text),
      // What JSON has no place for, such as nan, is null to whoever asked for JSON.
      "values": .array(
        result.values.map { (try? $0.jsonBytes(JSONOptions(bytes: .lossy))) == nil ? .null : $0 }
      ),
      "error": result.error.map(record) ?? .null, "notes": .array(result.notes.map(Value.string)),
      "entry": .integer(Int64(result.entry)), "changes": .integer(Int64(result.changes)),
      "seconds": .number(result.seconds), "streaming": .bool(result.isStreaming),
    ]
  }

  static func result(_ record: Value) -> ReplResult {
    var result = ReplResult(
      status: record["status"]?.stringValue.flatMap(ReplResult.Status.init) ?? .failed,
      text: safe(record["text"]?.stringValue ?? ""),
      error: record["error"].flatMap(error)
    )
    result.values = record["values"]?.arrayValue ?? []
    result.notes = (record["notes"]?.arrayValue ?? []).compactMap(\.stringValue)
      .map { TerminalText.clean($0) }
    result.entry = count(record["entry"])
    result.changes = count(record["changes"])
    let seconds = record["seconds"]?.doubleValue ?? 0
    result.seconds = seconds >= 0 && seconds < 1e9 ? seconds : 0
    result.isStreaming = record["streaming"]?.boolValue ?? false
    return result
  }

  static func record(_ error: StoreError) -> Value {
    [
      "code": .string(error.code.rawValue), "message": .string(error.message),
      "store": error.store.map(Value.string) ?? .null,
      "member": error.member.map(Value.string) ?? .null,
      "script": error.script.map(Value.string) ?? .null,
      "line": error.line.map { .integer(Int64($0)) } ?? .null,
      "column": error.column.map { .integer(Int64($0)) } ?? .null,
      "traceback": .string(error.traceback),
    ]
  }

  static func error(_ record: Value) -> StoreError? {
    guard let code = record["code"]?.stringValue else { return nil }
    var error = StoreError(
      StoreError.Code(rawValue: code),
      record["message"]?.stringValue ?? "",
      store: record["store"]?.stringValue,
      member: record["member"]?.stringValue,
      script: record["script"]?.stringValue,
      line: record["line"]?.integerValue.map { Int($0) },
      traceback: record["traceback"]?.stringValue ?? ""
    )
    error.column = record["column"]?.integerValue.map { Int($0) }
    return error
  }

  // MARK: Completions

  static func record(_ completions: ReplCompletions) -> Value {
    [
      "replaced": .integer(Int64(completions.replaced)), "hint": .string(completions.hint),
      "items": .array(
        completions.items.map { [.string($0.text), .string($0.kind), .string($0.detail)] }
      ),
    ]
  }

  static func completions(_ record: Value) -> ReplCompletions {
    let items = (record["items"]?.arrayValue ?? []).compactMap { item -> ReplCompletion? in
      let parts = (item.arrayValue ?? []).compactMap(\.stringValue)
      return parts.count == 3 ? ReplCompletion(parts[0], parts[1], parts[2]) : nil
    }
    var completions = ReplCompletions(
      replacing: min(count(record["replaced"]), 1 << 20),
      items
    )
    completions.hint = record["hint"]?.stringValue ?? ""
    return completions
  }

  // MARK: Events

  static func record(_ event: ReplEvent) -> Value {
    switch event {
    case .printed(let text): ["event": "printed", "text": .string(text)]
    case .logged(let level, let text):
      ["event": "logged", "level": .string(level), "text": .string(text)]
    case .waiting(let what): ["event": "waiting", "text": .string(what)]
    case .watched(let text): ["event": "watched", "text": .string(text)]
    case .traced(let text): ["event": "traced", "text": .string(text)]
    case .ended(let reason): ["event": "ended", "text": .string(reason)]
    }
  }

  static func event(_ record: Value) -> ReplEvent? {
    let text = record["text"]?.stringValue ?? ""
    switch record["event"]?.stringValue {
    case "printed": return .printed(text)
    case "logged": return .logged(level: record["level"]?.stringValue ?? "info", text: text)
    case "waiting": return .waiting(text)
    case "watched": return .watched(safe(text))
    case "traced": return .traced(safe(text))
    case "ended": return .ended(text)
    case "left out":
      let count = Self.count(record["count"])
      return .logged(
        level: "warning",
        text: "\(count) lines came faster than they could be shown, and were left out"
      )
    default: return nil
    }
  }

  /// A text that was laid out by the other side, with no codes for terminals but those that colour.
  static func safe(_ text: String) -> String { TerminalText.clean(text, keepsColors: true) }

  /// A count as the other side tells it, which may be anything.
  static func count(_ value: Value?) -> Int {
    Int(min(max(value?.integerValue ?? 0, 0), 1 << 48))
  }
}
