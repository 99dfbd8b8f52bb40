import MoonValue
import MoonstoreCore

/// The answer to one call of a stream, as a line of JSON.
///
/// `{"ok":true,"result":…}` or `{"ok":false,"error":{"code":…,"message":…}}`, in both with the `id` of
/// the call where it had one. The error has `store`, `member`, `script`, `line`, `traceback` and `value`
/// where they are known, and `inputLine` when the fault was the line's.
struct CallAnswer {
  let isSuccess: Bool
  let line: [UInt8]

  /// The call went well.
  init(id: Value?, result: Value, of call: String) {
    do {
      let line = try Self.line(isSuccess: true, id: id, key: "result", value: result)
      self.init(isSuccess: true, line: line)
    } catch {
      let message = "\(call) went well, but its result cannot be JSON: \(error)"
      self.init(id: id, failure: StoreError(.invalidJSON, message))
    }
  }

  /// The call failed.
  init(id: Value?, failure: StoreError) {
    var fields = Self.fields(failure.code, failure.message)
    fields["store"] = failure.store.map(Value.string)
    fields["member"] = failure.member.map(Value.string)
    fields["script"] = failure.script.map(Value.string)
    fields["line"] = failure.line.map { .integer(Int64($0)) }
    fields["column"] = failure.column.map { .integer(Int64($0)) }
    if !failure.traceback.isEmpty { fields["traceback"] = .string(failure.traceback) }
    fields["value"] = failure.value
    self.init(id: id, error: fields)
  }

  /// The line is no call.
  init(fault: StreamedCall.Fault, inputLine: Int) {
    let place = fault.column.map { "line \(inputLine), column \($0)" } ?? "line \(inputLine)"
    var fields = Self.fields(fault.code, "\(place): \(fault.message)")
    fields["inputLine"] = .integer(Int64(inputLine))
    self.init(id: fault.id, error: fields)
  }

  private init(id: Value?, error fields: ValueMap) {
    var fields = fields
    if let value = fields["value"], (try? value.jsonBytes()) == nil { fields["value"] = nil }
    // Only text and numbers are left, which are always JSON.
    let line = try? Self.line(isSuccess: false, id: id, key: "error", value: .map(fields))
    self.init(isSuccess: false, line: line ?? Array("{\"ok\":false,\"error\":{}}\n".utf8))
  }

  private init(isSuccess: Bool, line: [UInt8]) {
    self.isSuccess = isSuccess
    self.line = line
  }

  private static func fields(_ code: StoreError.Code, _ message: String) -> ValueMap {
    ["code": .string(code.rawValue), "message": .string(message)]
  }

  private static func line(
    isSuccess: Bool,
    id: Value?,
    key: String,
    value: Value
  ) throws(JSONError) -> [UInt8] {
    var line = Array((isSuccess ? #"{"ok":true,"# : #"{"ok":false,"#).utf8)
    if let id {
      line.append(contentsOf: #""id":"#.utf8)
      line.append(contentsOf: try id.jsonBytes())
      line.append(UInt8(ascii: ","))
    }
    line.append(UInt8(ascii: "\""))
    line.append(contentsOf: key.utf8)
    line.append(contentsOf: "\":".utf8)
    line.append(contentsOf: try value.jsonBytes())
    line.append(contentsOf: "}\n".utf8)
    return line
  }
}
