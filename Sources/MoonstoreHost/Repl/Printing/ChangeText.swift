import MoonValue
import MoonstoreCore

/// Changes of state as people read them: one line each, cut to the width.
struct ChangeText {
  let width: Int
  var hasColor = false
  /// How many are told one by one.
  var limit = 100

  func lines(_ changes: [StoreChange]) -> String {
    let patches = changes.flatMap(\.patches)
    var lines = patches.prefix(limit).map(line)
    if patches.count > limit { lines.append("... \(patches.count - limit) more changes") }
    return lines.joined(separator: "\n")
  }

  func line(_ patch: StatePatch) -> String {
    let path = PrintedText.line("\(patch.path)")
    let room = max(12, width - path.columns - 8)
    return switch patch.operation {
    case .set:
      patch.old.map { "\(path): \(text($0, room / 2)) -> \(text(patch.new, room / 2))" }
        ?? "\(path): + \(text(patch.new, room))"
    case .insert: "\(path): + \(text(patch.new, room))"
    case .remove: "\(path): - \(text(patch.old, room))"
    case .reorder(let order): "\(path): \(order.count) elements in another order"
    }
  }

  private func text(_ value: Value?, _ room: Int) -> String {
    guard let value else { return "nothing" }
    let flat = PlainText.flat(value, upTo: max(room, 40))
    guard flat.columns > room, room > 3 else { return flat }
    var cut = ""
    var columns = 0
    for character in flat {
      columns += character.columns
      if columns > room - 3 { break }
      cut.append(character)
    }
    return cut + "..."
  }
}

/// Data in one short line.
enum PlainText {
  static func flat(_ value: Value, upTo limit: Int = 200) -> String {
    switch value {
    case .null: return "null"
    case .string(let string): return PrintedText.quoted(string, upTo: limit)
    case .bytes(let bytes): return PrintedText.quoted(bytes, upTo: limit)
    case .array(let elements):
      if elements.isEmpty { return "{}" }
      return "{ " + joined(elements.lazy.map { flat($0, upTo: limit) }, elements.count, limit)
        + " }"
    case .empty: return "{}"
    case .map(let pairs):
      if pairs.isEmpty { return "{}" }
      let texts = pairs.keys.sorted().lazy.map { key in
        PrintedText.key(key, upTo: limit) + " = " + flat(pairs[key] ?? .null, upTo: limit)
      }
      return "{ " + joined(texts, pairs.count, limit) + " }"
    default: return "\(value)"
    }
  }

  private static func joined(_ texts: some Sequence<String>, _ count: Int, _ limit: Int) -> String {
    var line = ""
    var taken = 0
    for text in texts {
      if line.utf8.count > limit { return line + ", ... \(count - taken) more" }
      line += (taken == 0 ? "" : ", ") + text
      taken += 1
    }
    return line
  }
}
