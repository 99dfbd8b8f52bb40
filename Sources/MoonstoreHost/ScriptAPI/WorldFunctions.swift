import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// Time, randomness, ids, JSON, logs and progress: all that a script knows of the world without a grant.
  func addWorldFunctions(_ natives: Natives) throws {
    let system = system
    let configuration = configuration
    natives.add("now", as: .timeNow) { arguments in
      let now = system.clock.now
      system.noteInput("time.now", .number(now))
      return arguments.answer(.number(now))
    }
    natives.add("iso", as: .timeIso) { arguments in
      let time = try arguments.optionalNumber() ?? system.clock.now
      guard let text = Timestamp.iso(time) else {
        throw StoreError(
          .invalidArgument,
          "time.iso: \(time.isNaN ? "nan" : "\(time)") is no time: it takes seconds since 1970, for the years 0 to 9999"
        )
      }
      return arguments.answer(.string(text))
    }
    natives.add("nextID", as: .randomId) { arguments in
      let prefix = try arguments.optionalString() ?? "id"
      return arguments.answer(.string(system.nextID(prefix)))
    }
    natives.add("random", as: .randomNumber) { arguments in
      arguments.answer(.number(Double(system.nextRandom() >> 11) * 0x1p-53))
    }
    natives.add("randomInteger", as: .randomInteger) { arguments in
      let first = try arguments.integer()
      let second = try arguments.optionalInteger()
      let (low, high) = second.map { (first, $0) } ?? (1, first)
      guard low <= high else {
        throw StoreError(.invalidArgument, "random.integer: \(low) is greater than \(high)")
      }
      let span = UInt64(bitPattern: Int64(high)) &- UInt64(bitPattern: Int64(low))
      let offset = span == .max ? system.nextRandom() : system.nextRandom() % (span + 1)
      return arguments.answer(.integer(Int64(low) &+ Int64(bitPattern: offset)))
    }
    natives.add("jsonEncode", as: .jsonEncode) { arguments in
      let value = try arguments.value()
      let options = try arguments.options()
      do {
        let pretty = options.flag("pretty")
        let bytes = try value.jsonBytes(JSONOptions(pretty: pretty), meter: system.meter)
        return arguments.answer(.string(String(decoding: bytes, as: UTF8.self)))
      } catch {
        throw StoreError(.invalidJSON, "json.encode: \(error)", underlying: error)
      }
    }
    natives.add("jsonDecode", as: .jsonDecode) { arguments in
      let text = try arguments.string()
      do {
        return arguments.answer(try Value(json: text, meter: system.meter))
      } catch {
        throw StoreError(.invalidJSON, "json.decode: \(error)", underlying: error)
      }
    }
    natives.add("log", as: .logInfo, hidden: 2) { [unowned self] arguments in
      let script = try arguments.string()
      let level = try arguments.string()
      if let function = ScriptFunction.logger(level) { arguments.speak(as: function) }
      var text = try arguments.string()
      let fields = try arguments.optionalTableValue()
      if let pairs = fields.mapValue, !pairs.isEmpty {
        for key in pairs.keys.sorted() where text.utf8.count <= scriptLimits.logEntry {
          text += " \(key)=\(pairs[key] ?? .null)"
        }
      }
      text = text.cut(to: scriptLimits.logEntry)
      show(HostConfiguration.LogEntry(script: script, level: level, text: text))
      return arguments.none()
    }
    // report(error, the function that raised it)
    natives.add("report", within: "the prelude") { arguments in
      let text = try arguments.string()
      let function = arguments.isNil ? nil : try arguments.function()
      arguments.engine.system.report(StoreError(.script, text, raisedBy: function))
      return arguments.none()
    }
    natives.add("progress", as: .progress) { arguments in
      let done = try arguments.number()
      let total = try arguments.optionalNumber()
      configuration.progress(done, total, try arguments.optionalString() ?? "")
      return arguments.none()
    }
    try addFileFunctions(natives)
  }
}

extension ScriptFunction {
  /// The function that logs at a level.
  fileprivate static func logger(_ level: String) -> ScriptFunction? {
    switch level {
    case "debug": .logDebug
    case "info": .logInfo
    case "warning": .logWarn
    case "error": .logError
    default: nil
    }
  }
}

extension String {
  /// The text, or its beginning and how much more there was where it has more bytes than that.
  fileprivate func cut(to limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(startIndex, offsetBy: limit)
    while String.Index(end, within: self) == nil { end = utf8.index(before: end) }
    return "\(self[..<end])... (\(utf8[end...].count) bytes more)"
  }
}

/// Times as text.
enum Timestamp {
  /// Seconds since 1970 in the form `2026-01-31T12:00:00.000Z`; nil for what is no time, or in a year of more or fewer
  /// than four digits.
  static func iso(_ seconds: Double) -> String? {
    guard seconds >= -62_167_219_200, seconds < 253_402_300_800 else { return nil }
    let milliseconds = Int((seconds * 1_000).rounded(.down))
    let (days, rest) = milliseconds.quotientAndRemainderFloored(dividingBy: 86_400_000)
    // Days to a date of the Gregorian calendar, counted in eras of 400 years from 0000-03-01.
    let z = days + 719_468
    let (era, dayOfEra) = z.quotientAndRemainderFloored(dividingBy: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60].map { pad($0, 2) }
    return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(time.joined(separator: ":"))"
      + ".\(pad(rest % 1_000, 3))Z"
  }

  private static func pad(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}

extension Int {
  fileprivate func quotientAndRemainderFloored(dividingBy divisor: Int) -> (Int, Int) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
