import Foundation
import MoonstoreCore
import Testing
import TestSupport

/// A hostile script, and how it may end. Its first lines say so:
///
///     -- attack: what it tries
///     -- expect: denied, budget, memory, error or ok-and-contained
///     -- also: other ends that are as good
struct Attack: Sendable, CustomTestStringConvertible {
  enum End: String, Sendable {
    case denied, budget, memory, error
    case finished = "ok-and-contained"

    /// How something ended for its caller: with an error, or well.
    init(_ error: StoreError?) {
      switch error?.code {
      case nil: self = .finished
      case .timeLimit: self = .budget
      case .memoryLimit: self = .memory
      default: self = .error
      }
    }
  }

  /// The name of its file, without `.lua`.
  let name: String
  let text: String
  let ends: Set<End>
  /// Whether only its time ends it.
  let isEndless: Bool

  var testDescription: String { name }
  /// What it hands over is the attack, where there is somebody who takes it.
  var isResult: Bool { name.contains("-return-") }
  /// Rehashes keys that collide, in one instruction, which no Lua interrupts.
  var isCollision: Bool { name.contains("int-collision") }

  init(name: String, text: String) {
    self.name = name
    self.text = text
    var ends: Set<End> = []
    for line in text.split(separator: "\n").prefix(3) {
      guard let list = line.split(separator: ":", maxSplits: 1).last,
        line.hasPrefix("-- expect:") || line.hasPrefix("-- also:")
      else { continue }
      for word in list.split(separator: ",") {
        if let end = End(rawValue: word.trimmingCharacters(in: .whitespaces)) { ends.insert(end) }
      }
    }
    // (Our string.rep refuses at once what 79 asks for again and again; what 159 leaves loops when it is shown.)
    isEndless =
      text.contains("-- expect: budget") || ["79-", "159-"].contains(where: name.hasPrefix)
    for (names, end) in Attack.harmless where names.contains(where: name.hasPrefix) {
      ends.insert(end)
    }
    self.ends = ends
  }

  /// Ends that the scripts could not know of: maps can have any whole numbers as keys, and doubles that JSON does
  /// not have are values; a getter has one value; and a driver's result is shown as a text in the driver's time.
  private static let harmless: [([String], End)] = [
    (["142-", "144-", "147-"], .finished), (["159-"], .budget),
  ]

  /// Whether it may end like that where somebody uses its result, or nobody.
  func allows(_ end: End, usesResult: Bool) -> Bool {
    if ends.contains(end) { return true }
    switch end {
    case .error: return ends.contains(.denied)
    // What was refused without an error, or has nobody who takes it.
    case .finished: return ends.contains(.denied) || isResult && !usesResult
    default: return false
    }
  }

  private static let folder =
    TestProject.checkout + "/Tests/MoonstoreHostTests/Attacks/Scripts"

  static let all: [Attack] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(".lua") }.sorted().compactMap { name in
      let text = try? String(contentsOfFile: folder + "/" + name, encoding: .utf8)
      return text.map { Attack(name: String(name.dropLast(4)), text: $0) }
    }
  }()

  static func named(_ prefix: String) -> Attack? { all.first { $0.name.hasPrefix(prefix) } }

  /// Lua that makes two functions, `attack` and `apart`, which does the same in a coroutine of its own.
  var functions: String {
    """
    local function attack(...)
    \(text)
    end
    local function apart(...)
      local results = table.pack(coroutine.resume(coroutine.create(attack), ...))
      if not results[1] then error(results[2], 0) end
      return table.unpack(results, 2, results.n)
    end
    """
  }
}
