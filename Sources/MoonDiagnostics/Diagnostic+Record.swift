public import MoonValue

extension Diagnostic {
  /// The diagnostic as data: `severity`, `code` and `message`, and where they are known `file`, `line`, `column`,
  /// `endLine`, `endColumn`, `notes`, `traceback` and `fix`.
  public var record: Value {
    var fields = place?.fields ?? [:]
    fields["severity"] = .string(severity.rawValue)
    fields["code"] = .string(code)
    fields["message"] = .string(message)
    if !notes.isEmpty {
      fields["notes"] = .array(
        notes.map { note in
          var fields = note.place?.fields ?? [:]
          fields["message"] = .string(note.message)
          return .map(fields)
        }
      )
    }
    if !traceback.isEmpty { fields["traceback"] = .array(traceback.map(Value.string)) }
    if let fix {
      fields["fix"] = [
        "title": .string(fix.title), "start": .integer(Int64(fix.range.lowerBound)),
        "end": .integer(Int64(fix.range.upperBound)), "replacement": .string(fix.replacement),
      ]
    }
    return .map(fields)
  }

  /// The record as one line of JSON, without a line break.
  public var json: String {
    let options = JSONOptions(bytes: .lossy)
    // Only text and numbers are in it, which are always JSON.
    return String(decoding: (try? record.jsonBytes(options)) ?? [], as: UTF8.self)
  }
}

extension Diagnostic.Place {
  fileprivate var fields: ValueMap {
    var fields: ValueMap = ["file": .string(file)]
    for (name, number) in [
      ("line", line), ("column", column), ("endLine", endLine), ("endColumn", endColumn),
    ] {
      if let number { fields[.string(name)] = .integer(Int64(number)) }
    }
    return fields
  }
}
